"""Fixtures for every area: real servers on free ports, ended with the run."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from django.db import connection
from hypothesis import settings
from pytest_django.plugin import DjangoDbBlocker

from registry.commit.tail import tail
from registry.commit.writer import close_writers, local_region
from tests.harness.region import Region
from tests.harness.valkey import Valkey

# How long one example takes says more about the machine than about the code; each test has its time limit anyway.
settings.register_profile("meridian", deadline=None)
settings.load_profile("meridian")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The tests' database. Before it is dropped, connections of threads that tests have left behind are ended."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey at the URL that the settings name; ends with this process."""
    url = os.environ["MERIDIAN_VALKEY_URL"]
    port = int(url.rpartition(":")[2].partition("/")[0])
    with Valkey(tmp_path_factory.mktemp("valkey"), port):
        yield url


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The URL of a real, empty Valkey."""
    with redis.Redis.from_url(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture
def committed(transactional_db: None) -> Iterator[None]:
    """Commits are real; the writer's thread and its connection end with the test."""
    yield
    close_writers()
    tail(local_region()).forget()


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of this run's kind, for processes that the test starts."""
    server = os.environ.get("MERIDIAN_DATABASE_URL")
    if server is None:
        yield f"sqlite:///{tmp_path / 'region.sqlite3'}"
        return
    name = f"region_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.replace("/meridian?", "/postgres?"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.replace("/meridian?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def start_region(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Region]]:
    """Starts whole regions as real processes and ends them after the test: `start_region(demo=False)`."""
    started: list[Region] = []

    def start(*, name: str = "us-east", demo: bool = False, **variables: str) -> Region:
        data = tmp_path / f"data-{len(started)}"
        region = Region(data, name=name, demo=demo, variables={"MERIDIAN_DATABASE_URL": database_url, **variables})
        started.append(region)
        region.start()
        return region

    yield start
    for region in reversed(started):
        region.stop()
