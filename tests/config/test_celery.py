"""What beat asks for, the worker can do."""

import subprocess
import sys
from pathlib import Path

from config.celery import EVERY, app
from config.local.plan import BASE_DIR

app.loader.import_default_modules()


def test_every_scheduled_task_exists() -> None:
    assert EVERY.keys() <= app.tasks.keys()


def test_every_task_of_ours_is_scheduled() -> None:
    assert {task for task in app.tasks if not task.startswith("celery.")} == EVERY.keys()


def test_a_worker_takes_from_every_queue_unless_told_otherwise() -> None:
    routed = {app.amqp.router.route({}, task)["queue"].name for task in EVERY}
    assert routed == {"upkeep", "probes"}
    assert set(app.amqp.queues.consume_from) == routed


def test_nothing_piles_up_while_there_is_no_worker() -> None:
    assert all(entry["options"]["expires"] <= entry["schedule"] for entry in app.conf.beat_schedule.values())


def test_modules_that_lie_about_where_a_command_is_run_are_not_taken_for_ours(tmp_path: Path) -> None:
    for name in ("federation", "registry", "dashboard", "discovery", "catalog"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger was imported')")
    command = [sys.executable, str(BASE_DIR / "manage.py"), "check"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert (run.returncode, "stranger" in run.stdout + run.stderr) == (0, False), run.stderr
