"""A commit: many commands in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import uuid4

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from catalog.change import Change
from catalog.records.instance import Instance
from registry.commit.command import Command, Outcome
from registry.commit.staging import Memory, Staging
from registry.commit.unit import Unit
from registry.tables import statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What a transaction did: an outcome for each command, the changes of `log_id`, and instances renewed unchanged."""

    region: str
    log_id: str
    outcomes: list[Outcome]
    changes: list[Change]
    renewed: list[Instance]


def commit(
    connection: BaseDatabaseWrapper, region: str, commands: Sequence[Command], *, memory: Memory, now: float
) -> Commit:
    """Perform the commands in order and commit; inside a transaction it joins that one instead.

    A body that fails takes back its own work and no other's. Raises DatabaseError when the database fails, and
    whatever the database's driver makes of a value that it cannot store; then nothing was done.
    """
    with transaction.atomic():
        head = statements.lock_region(connection, region, new_log_id=lambda: uuid4().hex)
        staging = Staging(connection, region, head, memory.at(head))
        staging.fetch(chain.from_iterable(command.keys for command in commands))
        outcomes = [_perform(command, staging, now) for command in commands]
        after = staging.flush()
    memory.learn(after, staging.entries)
    return Commit(
        region=region, log_id=head.position.log_id, outcomes=outcomes, changes=staging.changes, renewed=staging.renewed
    )


def _perform(command: Command, staging: Staging, now: float) -> Outcome:
    mark = staging.mark()
    try:
        value = command.body(Unit(staging, actor=command.actor, cause=command.cause, now=now))
    except DatabaseError:
        raise  # the transaction itself may be broken, so this is not one command's affair
    except Exception as error:  # noqa: BLE001 - whatever it is belongs to this command's caller alone
        staging.roll_back(mark)
        return Outcome(error=error)
    return Outcome(value)
