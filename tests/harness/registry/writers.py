"""Real processes that write to the tests' database: `python -m tests.harness.registry.writers PREFIX COUNT CALLERS`.

Each registration is printed once it was acknowledged, and never before.
"""

import asyncio
import os
import subprocess
import sys

from config.local.plan import BASE_DIR
from tests.harness.processes import spawn


def start_writing(prefix: str, count: int, *, callers: int) -> "subprocess.Popen[str]":
    """A process that registers `count` instances, `callers` at a time; its output names each that was acknowledged."""
    command = [sys.executable, "-m", "tests.harness.registry.writers", prefix, str(count), str(callers)]
    return spawn(
        command,
        cwd=BASE_DIR,
        env={**os.environ, "MERIDIAN_DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )


def database_url() -> str:
    """The URL of the database that this test writes to."""
    from django.db import connection

    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return f"postgres://{settings['USER']}@/{settings['NAME']}?host={settings['HOST']}"


def main(prefix: str, count: int, callers: int) -> None:
    """Register and print."""
    import django

    django.setup()
    from catalog.records.registration import from_mapping
    from registry import actions

    registration = from_mapping({"host": "10.0.1.5", "port": 8080})
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            await actions.register.aio(
                registration,
                namespace="default",
                service=f"web-{number % 7}",
                id=f"{prefix}-{number}",
                actor=prefix,
                cause="writing at once with others",
            )
            sys.stdout.write(f"{prefix}-{number}\n")
            sys.stdout.flush()

    async def whole() -> None:
        await asyncio.gather(*(caller() for _ in range(callers)))

    asyncio.run(whole())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
