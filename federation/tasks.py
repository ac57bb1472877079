"""What Celery runs for the federation; config/celery.py says when."""

from celery import shared_task

from federation.follow.worker import keep_following


@shared_task(name="federation.tasks.follow_peers")
def follow_peers() -> None:
    """Keep the followers of this process running; see `federation.follow.worker`."""
    keep_following()
