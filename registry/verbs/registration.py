"""Registering instances, and deregistering them."""

from collections.abc import Iterable, Sequence

import msgspec
import structlog

from catalog.errors import CatalogError, Invalid, NotFound, Refused
from catalog.records import names
from catalog.records.instance import Instance, instance_key
from catalog.records.registration import Registration, succeed, to_instance
from registry.commit.unit import Unit
from registry.commit.verb import verb

NO_INSTANCE = instance_key("", "", "")  # the key that no instance has
log = structlog.get_logger(__name__)


class Registered(msgspec.Struct, frozen=True):
    """The record as it now is, whether there was none before, and the index of the change that made it so.

    A registration that changes nothing appends no change: `changed` is False and `index` is that of an earlier change.
    """

    instance: Instance
    created: bool
    index: int
    changed: bool = True


Item = tuple[str, str, str, Registration]  # namespace, service, id, and what is said about it


def _one_key(*_: object, namespace: str, service: str, id: str, **__: object) -> Iterable[str]:
    return (folded_key(namespace, service, id),)


def _many_keys(items: Sequence[Item], **_: object) -> Iterable[str]:
    return [folded_key(namespace, service, id) for namespace, service, id, _ in items]


def folded_key(namespace: str, service: str, id: str) -> str:
    """An instance's key from names as a caller wrote them; `NO_INSTANCE` when no instance can have these names."""
    try:
        space, label = names.label(namespace, field="namespace"), names.label(service, field="service")
        return instance_key(space, label, names.instance_id(id))
    except Invalid:
        return NO_INSTANCE


@verb(keys=_one_key)
def register(
    unit: Unit, registration: Registration, *, namespace: str, service: str, id: str, actor: str, cause: str
) -> Registered:
    """Register an instance, or replace what is registered under its id. Raises Invalid naming the field."""
    return _register(unit, namespace, service, id, registration)


@verb(keys=_many_keys)
def register_many(unit: Unit, items: Sequence[Item], *, actor: str, cause: str) -> list[Registered | Exception]:
    """Register many instances in one transaction, with an outcome for each; a bad one does not spoil the others."""
    return [_attempt(unit, item) for item in items]


@verb(keys=_one_key)
def deregister(
    unit: Unit, *, namespace: str, service: str, id: str, actor: str, cause: str, epoch: int | None = None
) -> int:
    """Remove an instance for good; returns the change's index.

    With an `epoch` only that registration or an older one is removed. Raises NotFound when nothing of that name is
    registered, and Refused when what is registered is newer than the epoch.
    """
    return unit.remove(current(unit, namespace, service, id, epoch), verb="deregister")


def current(unit: Unit, namespace: str, service: str, id: str, epoch: int | None) -> Instance:
    """The registered instance that a write of this epoch may change.

    Raises Refused, and logs it, when the writer speaks of an older registration than the one that stands or was
    removed last; NotFound when there is nothing to write to.
    """
    key = folded_key(namespace, service, id)
    entry = unit.entry(key)
    newest = entry.record.epoch if entry and isinstance(entry.record, Instance) else unit.tombstone(key)
    if epoch is not None and newest is not None and (epoch < newest or (entry is None and epoch <= newest)):
        log.warning("stale write refused", key=key, epoch=epoch, newest=newest, actor=unit.actor, cause=unit.cause)
        state = "registered again" if entry else "removed"
        raise Refused(f"{service}/{id} was {state} since epoch {epoch}: register again")
    if entry is None or not isinstance(entry.record, Instance):
        raise NotFound(f"{service}/{id} is not registered in {unit.region}")
    return entry.record


def _attempt(unit: Unit, item: Item) -> Registered | Exception:
    """Register one of many: a refusal, or even a defect, is its own outcome. What raises has written nothing."""
    try:
        return _register(unit, *item)
    except CatalogError as error:
        return error
    except Exception as error:
        log.exception("an entry of a bulk failed", namespace=item[0], service=item[1], id=item[2])
        return error


def _register(unit: Unit, namespace: str, service: str, id: str, registration: Registration) -> Registered:
    instance = to_instance(registration, region=unit.region, namespace=namespace, service=service, id=id, now=unit.now)
    entry = unit.entry(instance.key)
    if entry is None or not isinstance(entry.record, Instance):
        removed = unit.tombstone(instance.key)
        if removed is not None:
            instance = msgspec.structs.replace(instance, epoch=removed + 1, recovered_at=unit.now)
        return Registered(instance, True, unit.put(instance, verb="register"))
    instance = succeed(entry.record, _owned(entry.record, instance))
    if instance == entry.record:
        unit.renewed(entry.record)
        return Registered(entry.record, False, entry.index, False)
    return Registered(instance, False, unit.put(instance, verb="register"))


def _owned(previous: Instance, instance: Instance) -> Instance:
    """The instance with its owner kept, when the new registration names none."""
    return instance if instance.owner else msgspec.structs.replace(instance, owner=previous.owner)
