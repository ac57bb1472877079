"""What beat asks for, the worker can do."""

from config.celery import EVERY, app

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
