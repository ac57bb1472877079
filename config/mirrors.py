"""The way of other regions into a view of this one, for the server and the DNS process alike."""

from collections.abc import Callable

from config.environment import Environment
from discovery.view.mirrors import Mirrors
from federation.serve.freshness import StatusReader
from registry.log import regions
from registry.log.local import DatabaseLog


def mirrors_of(environment: Environment, *, clock: Callable[[], float], save: bool = True) -> Mirrors:
    """What brings the other regions that are mirrored here into a view."""
    return Mirrors(
        environment.region,
        regions=regions.kept,
        statuses=StatusReader().read,
        log=DatabaseLog,
        data_dir=environment.data,
        clock=clock,
        save=save,
    )
