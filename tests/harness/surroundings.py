"""A pytest plugin: what the tests stand on, settled before Django reads its settings.

No variable of the caller reaches the tests but MERIDIAN_TEST_DATABASE, "sqlite" (the default) or "postgres", and
MERIDIAN_PICTURES, where browser tests keep their pictures. On PostgreSQL only the tests that touch the database run,
because all others would only do the same again.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from catalog import kinds
from config.local.ports import free_port
from config.local.valkey import valkey_url
from tests.harness.notes.record import NOTE
from tests.harness.postgres import Postgres

KEPT = {"MERIDIAN_PICTURES"}
DATABASE_FIXTURES = {"db", "transactional_db", "database_url"}


class Surroundings:
    """The data directory, the database server and the variables of one run of pytest."""

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="meridian-tests-"))
        self.postgres: Postgres | None = None

    def settle(self) -> None:
        """Set the variables that every process of the tests reads, and start PostgreSQL when the run is on it."""
        chosen = os.environ.get("MERIDIAN_TEST_DATABASE", "sqlite")
        if chosen not in {"sqlite", "postgres"}:
            raise pytest.UsageError(f'MERIDIAN_TEST_DATABASE is "{chosen}", which is neither "sqlite" nor "postgres"')
        for name in [name for name in os.environ if name.startswith("MERIDIAN_") and name not in KEPT]:
            del os.environ[name]
        os.environ["MERIDIAN_TEST_DATABASE"] = chosen
        (self.data / "static").mkdir()
        os.environ["MERIDIAN_DATA"] = str(self.data)
        os.environ["MERIDIAN_REGION"] = "us-east"
        os.environ["MERIDIAN_LOG_LEVEL"] = "warning"
        if chosen == "postgres":
            self.postgres = Postgres(self.data / "postgres")
            self.postgres.start()
            os.environ["MERIDIAN_DATABASE_URL"] = self.postgres.url("meridian")

    def leave(self) -> None:
        """End what was started and remove what was written."""
        if self.postgres is not None:
            self.postgres.stop()
        shutil.rmtree(self.data, ignore_errors=True)


surroundings: Surroundings | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Before pytest-django asks for the settings. Processes of pytest-xdist inherit the variables of the first one."""
    global surroundings
    if "PYTEST_XDIST_WORKER" not in os.environ:
        surroundings = Surroundings()
        surroundings.settle()
    # Each process has a Valkey of its own, started by the first test that wants it.
    os.environ["MERIDIAN_VALKEY_URL"] = valkey_url(free_port())
    settle_notes()  # reads the settings, and so the variables
    return (yield)


def settle_notes() -> None:
    """A kind of record more than the product has, so that every test also shows that one more is nothing special.

    Its row comes before anything reads the table of kinds. Processes that the tests start do not know it.
    """
    kinds.add(NOTE)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.harness.notes"]


def pytest_unconfigure() -> None:
    """The end of the run, or of a run that never began."""
    global surroundings
    if surroundings is not None:
        surroundings.leave()
        surroundings = None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what does not belong to this run's database."""
    on_postgres = os.environ["MERIDIAN_TEST_DATABASE"] == "postgres"
    kept = [item for item in items if (touches_database(item) if on_postgres else not needs_postgres(item))]
    dropped = [item for item in items if item not in set(kept)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def needs_postgres(item: pytest.Item) -> bool:
    """True for a test that only makes sense on PostgreSQL."""
    return item.get_closest_marker("postgres") is not None


def touches_database(item: pytest.Item) -> bool:
    """True for a test that reads or writes tables, by mark or by fixture."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return (
        needs_postgres(item) or item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)
    )
