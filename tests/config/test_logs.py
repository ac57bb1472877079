"""Log lines are structured, and carry the request's id."""

import json
import subprocess
import sys

from config.local.plan import BASE_DIR

PROGRAM = """
import logging, structlog, django
django.setup()
with structlog.contextvars.bound_contextvars(request_id="r-1"):
    structlog.get_logger("registry").info("registered", service="user-service")
    logging.getLogger("django").warning("plain %s", "words")
"""


def lines(log_format: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "config.settings", "MERIDIAN_LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return run.stderr.splitlines()


def test_json_lines_hold_event_fields_and_request_id() -> None:
    ours, djangos = [json.loads(line) for line in lines("json")]
    assert ours["event"] == "registered"
    assert ours["service"] == "user-service"
    assert ours["level"] == "info"
    assert djangos["event"] == "plain words"
    assert {ours["request_id"], djangos["request_id"]} == {"r-1"}


def test_console_lines_are_for_people() -> None:
    ours, djangos = lines("console")
    assert "registered" in ours
    assert "service=user-service" in ours
    assert "plain words" in djangos
