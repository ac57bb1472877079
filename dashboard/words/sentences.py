"""A change as one sentence: what happened to what, why, and who did it."""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
from django.urls import reverse

from catalog.change import Change, Record
from catalog.records.check import Verdict
from catalog.records.duration import spoken
from catalog.records.instance import DEFAULT_NAMESPACE, Instance
from catalog.records.override import Override, Scope
from catalog.records.policy import Policy
from catalog.records.status import SEVERITY, Status
from registry.log.diff import difference

MAX_REASON = 160  # characters
PROBED = re.compile(r"^[A-Z]+(?: [A-Z]+)? \S+: (?=\S)")  # how outputs of probes begin: what was probed


class SentenceKind(StrEnum):
    """What kind of event a change is."""

    STATUS = "status"  # an instance's status changed
    CHECK = "check"  # a check's verdict changed, the instance's status did not
    REGISTERED = "registered"
    CHANGED = "changed"  # registered again, as something else
    REMOVED = "removed"
    OVERRIDE = "override"
    POLICY = "policy"


class Severity(StrEnum):
    """How much it concerns the person on call."""

    BAD = "critical"
    WORSE = "warning"
    GOOD = "passing"
    QUIET = "quiet"


class Part(msgspec.Struct, frozen=True):
    """A piece of text. `href` makes it a link; `status` says that it names one."""

    text: str
    href: str = ""
    status: str = ""


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, in parts; `why` and `who` are empty when there is nothing worth saying."""

    parts: tuple[Part, ...]
    kind: SentenceKind
    severity: Severity
    why: str = ""
    who: str = ""

    @property
    def text(self) -> str:
        """The sentence without links."""
        said = "".join(part.text for part in self.parts)
        return said + (f": {self.why}" if self.why else "") + (f" ({self.who})" if self.who else "")


WORKERS = {"probes": "", "leases": "", "overrides": ""}  # unnamed: what happened says that they did it
# Fields that every registration changes.
VOLATILE = frozenset({"registered_at", "epoch", "since", "recovered_at", "critical_since"})
SEVERITIES = {
    Status.CRITICAL: Severity.BAD,
    Status.WARNING: Severity.WORSE,
    Status.UNKNOWN: Severity.WORSE,
    Status.PASSING: Severity.GOOD,
}
FORCED_STATUS = {
    Status.CRITICAL: "taken out of service",
    Status.WARNING: "forced to warning",
    Status.PASSING: "forced to passing",
}


def sentence(change: Change, before: Record | None) -> Sentence:
    """What a change says, given what was there before it."""
    subject = change.record if change.record is not None else before
    say = SENTENCES.get(type(subject))
    return say(change, subject, before) if say else _of_key(change)


def actor_name(actor: str) -> str:
    """An actor of the log in short: `alice`, `token ci`, `anonymous at 10.0.0.7`; empty for workers."""
    name, _, place = actor.partition("@")
    kind, _, given = name.partition(":")
    if kind == "worker":
        return WORKERS.get(given, given)
    if kind == "admin":
        return given
    if kind == "anonymous":
        return f"anonymous at {place.rpartition('/')[0]}" if place else "anonymous"
    return f"{kind} {given}".strip()


def _of_instance(change: Change, _: Instance, before: Record | None) -> Sentence:
    old = before if isinstance(before, Instance) else None
    new = change.record if isinstance(change.record, Instance) else None
    if new is None:
        return _removed(change, old)
    if old is None:
        return _made(
            change, SentenceKind.REGISTERED, Severity.QUIET, _instance(new), Part(" registered, "), _status(new.status),
            why="" if "registered" in change.cause else change.cause,
        )  # fmt: skip
    if old.status is not new.status:
        return _turned(change, old, new)
    if change.verb == "register":
        return _registered_again(change, old, new)
    return _checked(change, old, new)


def _removed(change: Change, old: Instance | None) -> Sentence:
    if old is None:
        return _of_key(change)
    page = _service_page(old.namespace, old.service)
    gone = (Part(display_name(old.namespace, old.service, old.id), page), Part(" removed"))
    ill = old.status is Status.CRITICAL
    left = (Part(" while "), _status(old.status)) if ill else ()
    by_itself = change.actor.startswith("worker:")
    return _made(
        change, SentenceKind.REMOVED, Severity.WORSE if ill or by_itself else Severity.QUIET, *gone, *left,
        why="" if change.cause.startswith("deregistered") else change.cause,
    )  # fmt: skip


def _turned(change: Change, old: Instance, new: Instance) -> Sentence:
    better = SEVERITY[new.status] < SEVERITY[old.status]
    word = " is back to " if new.status is Status.PASSING else " improved to " if better else " turned "
    severity = SEVERITIES[new.status]
    if Status.UNKNOWN in (old.status, new.status) and new.status is not Status.CRITICAL:
        word, severity = " is now ", Severity.QUIET  # from or to unknown: no news of its health
    return _made(
        change, SentenceKind.STATUS, severity, _instance(new), Part(word), _status(new.status),
        why=_reason(change, old, new),
    )  # fmt: skip


def _reason(change: Change, old: Instance, new: Instance) -> str:
    """What made the status change: a lease, or the worst of the checks that changed."""
    if new.lease_expired and not old.lease_expired:
        return f"lease of {spoken(new.lease.ttl)} expired" if new.lease else "lease expired"
    if old.lease_expired and not new.lease_expired:
        return "lease renewed" if change.verb != "register" else "registered again"
    if change.verb == "register":
        return "registered again"
    changed = _changed_verdicts(old, new)
    if not changed:
        return change.cause
    worst = max(changed, key=lambda verdict: SEVERITY[verdict.status])
    if worst.status is Status.PASSING:
        return f"check {worst.check} passing"
    return f"check {worst.check}: {check_result(worst)}"


def _changed_verdicts(old: Instance, new: Instance) -> list[Verdict]:
    known = {verdict.check: verdict.status for verdict in old.verdicts}
    return [verdict for verdict in new.verdicts if known.get(verdict.check) is not verdict.status]


def check_result(verdict: Verdict) -> str:
    """The result of a check, without what was probed, which is the same each time."""
    return PROBED.sub("", verdict.output) or verdict.status.value


def _registered_again(change: Change, old: Instance, new: Instance) -> Sentence:
    fields = [entry for entry in difference(old, new) if entry.field not in VOLATILE]
    if not fields:
        return _made(
            change, SentenceKind.CHANGED, Severity.QUIET, _instance(new), Part(" registered again, nothing changed")
        )  # fmt: skip
    changes = ", ".join(_difference(entry.field, entry.before, entry.after) for entry in fields[:3])
    more = f" and {len(fields) - 3} more" if len(fields) > 3 else ""
    return _made(
        change, SentenceKind.CHANGED, Severity.QUIET, _instance(new), Part(f" registered again: {changes}{more}")
    )  # fmt: skip


def _difference(field: str, before: object, after: object) -> str:
    plain = str | int | float
    if isinstance(before, plain) and isinstance(after, plain) and len(f"{before}{after}") < 60:
        return f"{field} {before} → {after}"
    return field


def _checked(change: Change, old: Instance, new: Instance) -> Sentence:
    changed = _changed_verdicts(old, new)
    if not changed:
        lease = Part(" lease expired") if new.lease_expired and not old.lease_expired else Part(" updated")
        return _made(
            change, SentenceKind.CHECK, Severity.QUIET, _instance(new), lease, Part(", still "), _status(new.status)
        )
    verdict = changed[0]
    return _made(
        change, SentenceKind.CHECK, Severity.QUIET, Part(f"check {verdict.check} of "), _instance(new), Part(" is "),
        _status(verdict.status), Part("; the instance is still "), _status(new.status),
        why="" if verdict.status is Status.PASSING else check_result(verdict),
    )  # fmt: skip


def _of_override(change: Change, override: Override, _: Record | None) -> Sentence:
    scope = override_scope(override)
    if change.record is None:
        over = change.verb == "expire_override"
        outcome = "expired" if over else "removed"
        return _made(
            change, SentenceKind.OVERRIDE, Severity.GOOD, Part("override on "), *scope,
            Part(f" ({override_effect(override)}) {outcome}"),
            why="" if over else change.cause,
        )  # fmt: skip
    until = "" if override.expires_at is not None else ", no expiry"
    return _made(
        change, SentenceKind.OVERRIDE, Severity.WORSE, *scope, Part(f" {override_effect(override)}{until}"),
        why=override.reason, who=actor_name(change.actor) or actor_name(override.author),
    )  # fmt: skip


def display_name(namespace: str, *names: str) -> str:
    """A service or an instance by name, with the namespace unless it is the default one."""
    return "/".join(names if namespace == DEFAULT_NAMESPACE else (namespace, *names))


def override_effect(override: Override) -> str:
    """What an override does: `taken out of service`, `drained`, `set to weight 5`."""
    said = [FORCED_STATUS.get(override.status, str(override.status))] if override.status else []
    if override.weight is not None:
        said.append("drained" if override.weight == 0 else f"set to weight {override.weight}")
    return " and ".join(said)


def override_scope(override: Override) -> tuple[Part, ...]:
    """What an override is about, linked where it has a page."""
    return tuple(part for part in _scope(override) if part.text)


def _scope(override: Override) -> Iterator[Part]:
    service, region = override.service, override.about
    if override.scope is Scope.REGION:
        yield Part("region ")
        yield Part(region, _page("peer", region))
    elif override.scope is Scope.INSTANCE:
        name = display_name(override.namespace, service, override.instance)
        yield Part(name, _page("instance", region, override.namespace, service, override.instance))
    elif override.scope is Scope.SERVICE:
        yield Part("service ")
        yield Part(display_name(override.namespace, service), _service_page(override.namespace, service))
    else:
        yield Part(f"zone {override.zone}" if override.scope is Scope.ZONE else f"tag {override.tag}")
        if service:
            yield Part(" of ")
            yield Part(display_name(override.namespace, service), _service_page(override.namespace, service))
        elif override.namespace != DEFAULT_NAMESPACE:
            yield Part(f" in namespace {override.namespace}")
    if override.is_opinion and override.scope is not Scope.REGION:
        yield Part(f" in {region}")
    if override.is_opinion:
        yield Part(f" (for {override.region} only)")


def _of_policy(change: Change, policy: Policy, _: Record | None) -> Sentence:
    word = "was cleared" if change.record is None else "was set"
    return _made(
        change, SentenceKind.POLICY, Severity.QUIET, Part("failover policy of "),
        Part(display_name(policy.namespace, policy.service), _service_page(policy.namespace, policy.service)),
        Part(f" {word}"), why=change.cause,
    )  # fmt: skip


def _of_key(change: Change) -> Sentence:
    """The key alone: of a removed record that is no longer known, or of a kind without a sentence of its own."""
    kind, _, name = change.key.partition("/")
    name = name.removeprefix(f"{DEFAULT_NAMESPACE}/")
    said: dict[str, tuple[SentenceKind, str]] = {
        "instance": (SentenceKind.REMOVED, f"{name} removed"),
        "override": (SentenceKind.OVERRIDE, "an override was removed"),
        "policy": (SentenceKind.POLICY, f"failover policy of {name} was cleared"),
    }
    what, text = said.get(kind, (SentenceKind.CHANGED, change.key))
    return _made(change, what, Severity.QUIET, Part(text), why=change.cause)


SENTENCES: dict[type[Record] | type[None], Callable[[Change, Any, Record | None], Sentence]] = {
    Instance: _of_instance,
    Override: _of_override,
    Policy: _of_policy,
}


def _made(
    change: Change, kind: SentenceKind, severity: Severity, *parts: Part, why: str = "", who: str | None = None
) -> Sentence:
    author = actor_name(change.actor) if who is None else who
    return Sentence(parts=parts, kind=kind, severity=severity, why=_shortened(why), who=author)


def _instance(instance: Instance) -> Part:
    page = _page("instance", instance.region, instance.namespace, instance.service, instance.id)
    return Part(display_name(instance.namespace, instance.service, instance.id), page)


def _status(status: Status) -> Part:
    return Part(status.value, status=status.value)


def _service_page(namespace: str, service: str) -> str:
    return _page("service", namespace, service)


def _page(name: str, *arguments: str) -> str:
    return reverse(f"dashboard:{name}", args=arguments)


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - 1]}…"
