"""Taking the tests' database away, and giving it back."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.db import connection

from registry.commit.writer import close_writers


@contextmanager
def database_gone() -> Iterator[None]:
    """Within the block the database cannot be reached: its file is a directory, or its server refuses connections."""
    if connection.vendor == "sqlite":
        close_writers()  # an open file would go on being the database
        connection.close()
        with _file_gone(Path(connection.settings_dict["NAME"])):
            yield
        return
    settings = connection.settings_dict
    connection.close()
    with psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname="postgres", autocommit=True) as admin:
        name = settings["NAME"]
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
            # What this test has broken is not the next one's affair: a writer tries a connection only after a pause.
            close_writers()
            connection.close()


@contextmanager
def _file_gone(path: Path) -> Iterator[None]:
    away = path.with_name("away")
    away.mkdir()
    for part in [part for part in path.parent.glob(f"{path.name}*") if part.name in _names(path)]:
        with suppress(FileNotFoundError):  # the last connection that another thread closes takes the -wal with it
            part.rename(away / part.name)
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        for part in list(away.iterdir()):
            part.rename(path.with_name(part.name))
        away.rmdir()


def _names(path: Path) -> set[str]:
    return {path.name, f"{path.name}-wal", f"{path.name}-shm"}
