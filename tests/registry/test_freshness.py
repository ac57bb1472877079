"""The status of a mirror in Valkey is what processes of the release before wrote and read."""

import msgspec
import pytest

from registry import freshness
from registry.freshness import MirrorStatus
from registry.valkey import aconnection

EARLIER = '{"region":"eu-west","log_id":"one","index":7,"heard_at":1800000000.5,"path":["eu-west"],"a_field_of_then":1}'


@pytest.mark.usefixtures("valkey_url")
async def test_a_status_of_the_release_before_is_read() -> None:
    async with aconnection() as client:
        await client.hset("meridian:us-east:heard", "eu-west", EARLIER)
        found = await freshness.read(client)
    assert found["eu-west"].last_contact == 1800000000.5


@pytest.mark.usefixtures("valkey_url")
async def test_a_status_is_written_as_the_release_before_reads_it() -> None:
    async with aconnection() as client:
        await freshness.publish(client, MirrorStatus(region="eu-west", last_contact=5.0))
        stored = await client.hget("meridian:us-east:heard", "eu-west")
    assert msgspec.json.decode(str(stored)) == {"region": "eu-west", "heard_at": 5.0}
