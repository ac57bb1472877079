"""Work on the database from an event loop: its errors say what failed, and a lost connection is made again."""

import pytest
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.errors import NotFound, Unavailable
from registry import database
from registry.database import DatabaseThread, in_thread, unavailable
from registry.models import Region

pytestmark = pytest.mark.django_db(transaction=True)


def fail() -> None:
    raise DatabaseError("gone")


def of_this_thread() -> BaseDatabaseWrapper:
    return connections["default"]


def connected() -> object:
    of_this_thread().ensure_connection()
    return of_this_thread().connection


async def test_an_error_of_the_database_is_unavailable_with_what_was_wanted() -> None:
    with pytest.raises(Unavailable, match=r"^the peers cannot be read: gone$"):
        await in_thread(fail, complaint="the peers cannot be read")


async def test_other_errors_are_what_they_were() -> None:
    def refuse() -> None:
        raise NotFound("no such region")

    with pytest.raises(NotFound):
        await in_thread(refuse)


async def test_in_thread_leaves_no_connection_open() -> None:
    def ask() -> BaseDatabaseWrapper:
        Region.objects.exists()
        return of_this_thread()

    assert (await in_thread(ask)).connection is None


async def test_a_database_thread_keeps_its_connection_until_an_error_and_has_none_once_closed() -> None:
    thread = DatabaseThread("test")
    first = await thread.run(connected)
    assert await thread.run(connected) is first
    with pytest.raises(Unavailable, match=r"^the database cannot be used: gone$"):
        await thread.run(fail)
    assert await thread.run(connected) is not first
    of_the_thread = await thread.run(of_this_thread)
    await thread.close()
    assert of_the_thread.connection is None


def test_a_function_can_be_decorated_and_called_many_times() -> None:
    guarded = unavailable("the history cannot be read")(fail)
    for _ in range(2):
        with pytest.raises(Unavailable, match="the history cannot be read: gone"):
            guarded()


async def test_ping_returns_while_the_database_answers() -> None:
    await database.ping()
