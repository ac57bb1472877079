"""A closed dashboard: none of its addresses shows anything without a login."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import AsyncClient
from django.urls import URLPattern, reverse

from dashboard import urls
from dashboard.live import ticket
from dashboard.live.views import PageView
from tests.harness.dashboard.world import Dashboard

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = {"region": "us-east", "namespace": "default", "service": "user-service", "id": "u1", "index": 1}
OPEN = {"land", "service-by-name"}  # the outlines of the continents, and what only leads to another address


def address(pattern: URLPattern) -> str:
    return reverse(f"dashboard:{pattern.name}", kwargs={name: SAMPLES[name] for name in pattern.pattern.converters})


PAGES = [address(pattern) for pattern in urls.urlpatterns if getattr(pattern.callback, "view_class", None) is PageView]


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Dashboard]:
    async with Dashboard(tmp_path, is_open=False) as dashboard:
        await dashboard.world.put("user-service", "u1")
        yield dashboard


@pytest.mark.parametrize("method", ["get", "head", "post"])
@pytest.mark.parametrize("path", [address(pattern) for pattern in urls.urlpatterns if pattern.name not in OPEN])
async def test_every_address_asks_to_sign_in(closed: Dashboard, path: str, method: str) -> None:
    answer = await getattr(AsyncClient(), method)(path)
    if answer.status_code == 405:
        assert method == "post"
        return
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/?next=/dashboard/")
    assert b"user-service" not in answer.content


@pytest.mark.parametrize("path", PAGES)
async def test_whoever_has_signed_in_may_read_every_page(closed: Dashboard, path: str) -> None:
    client = AsyncClient()
    await client.aforce_login(await User.objects.acreate_user("alice"))
    answer = await client.get(path)
    assert answer.status_code == 200
    assert ticket.read(client.cookies[ticket.COOKIE].value) is not None


async def test_the_ticket_of_somebody_who_has_signed_out_is_taken_away(closed: Dashboard) -> None:
    client = AsyncClient()
    client.cookies[ticket.COOKIE] = signing.dumps(["alice", "operator"], salt=ticket.SALT)
    await client.get("/dashboard/")
    assert ticket.read(client.cookies[ticket.COOKIE].value) is None
