"""Sentences: a change of a log as one line that a person reads at once: what happened, to whom, why, and who did it."""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum

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

LONGEST = 160  # letters of a reason
ASKED = re.compile(r"^[A-Z]+(?: [A-Z]+)? \S+: (?=\S)")  # as outputs of probes begin


class SentenceKind(StrEnum):
    """What sort of thing happened."""

    STATUS = "status"  # an instance's status changed
    CHECK = "check"  # a check changed its mind, the instance's status did not
    REGISTERED = "registered"
    CHANGED = "changed"  # registered again, as something else
    REMOVED = "removed"
    OVERRIDE = "override"
    POLICY = "policy"


class Severity(StrEnum):
    """How much it concerns somebody on call."""

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
    """What happened, in parts; `why` and `who` in words of their own, empty when there is nothing worth saying."""

    parts: tuple[Part, ...]
    kind: SentenceKind
    severity: Severity
    why: str = ""
    who: str = ""

    @property
    def text(self) -> str:
        """Without links."""
        said = "".join(part.text for part in self.parts)
        return said + (f": {self.why}" if self.why else "") + (f" ({self.who})" if self.who else "")


WORKERS = {"probes": "", "leases": "", "overrides": ""}  # what they do is said by what happened
SEVERITIES = {
    Status.CRITICAL: Severity.BAD,
    Status.WARNING: Severity.WORSE,
    Status.UNKNOWN: Severity.WORSE,
    Status.PASSING: Severity.GOOD,
}
SPOKEN_STATUS = {
    Status.CRITICAL: "out of service",
    Status.WARNING: "warning by hand",
    Status.PASSING: "passing by hand",
}


def sentence(change: Change, before: Record | None) -> Sentence:
    """What a change says, given what was there before it."""
    subject = change.record if change.record is not None else before
    if isinstance(subject, Instance):
        old = before if isinstance(before, Instance) else None
        return _of_instance(change, old)
    if isinstance(subject, Override):
        return _of_override(change, subject)
    if isinstance(subject, Policy):
        return _of_policy(change, subject)
    return _of_removal(change)


def who(actor: str) -> str:
    """An actor of the log as people call them: `alice`, `token ci`, `somebody at 10.0.0.7`; workers go unnamed."""
    name, _, place = actor.partition("@")
    kind, _, given = name.partition(":")
    if kind == "worker":
        return WORKERS.get(given, given)
    if kind == "admin":
        return given
    if kind == "anonymous":
        return f"somebody at {place.rpartition('/')[0]}" if place else "somebody"
    return f"{kind} {given}".strip()


def _of_instance(change: Change, old: Instance | None) -> Sentence:
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
        return _of_removal(change)
    page = _service_page(old.namespace, old.service)
    gone = (Part(display_name(old.namespace, old.service, old.id), page), Part(" removed"))
    ill = old.status is Status.CRITICAL
    left = (Part(", having been "), _status(old.status)) if ill else ()
    by_itself = change.actor.startswith("worker:")
    return _made(
        change, SentenceKind.REMOVED, Severity.WORSE if ill or by_itself else Severity.QUIET, *gone, *left,
        why="" if change.cause.startswith("deregistered") else change.cause,
    )  # fmt: skip


def _turned(change: Change, old: Instance, new: Instance) -> Sentence:
    better = SEVERITY[new.status] < SEVERITY[old.status]
    word = " is back to " if new.status is Status.PASSING else " is better, " if better else " turned "
    severity = SEVERITIES[new.status]
    if Status.UNKNOWN in (old.status, new.status) and new.status is not Status.CRITICAL:
        word, severity = " is now ", Severity.QUIET  # it was not known, or is not known for a moment: no news of health
    return _made(
        change, SentenceKind.STATUS, severity, _instance(new), Part(word), _status(new.status),
        why=_reason(change, old, new),
    )  # fmt: skip


def _reason(change: Change, old: Instance, new: Instance) -> str:
    """What made the status change: a lease, or the check that has most to do with it."""
    if new.lease_expired and not old.lease_expired:
        return f"its lease of {spoken(new.lease.ttl)} ran out" if new.lease else "its lease ran out"
    if old.lease_expired and not new.lease_expired:
        return "it renewed its lease" if change.verb != "register" else "it registered again"
    known = {verdict.check: verdict.status for verdict in old.verdicts}
    changed = [verdict for verdict in new.verdicts if known.get(verdict.check) is not verdict.status]
    if change.verb == "register":
        return "it registered again"
    if not changed:
        return change.cause
    worst = max(changed, key=lambda verdict: SEVERITY[verdict.status])
    if worst.status is Status.PASSING:
        return f"check {worst.check} passes"
    return f"check {worst.check}: {found(worst)}"


def found(verdict: Verdict) -> str:
    """What a check found, without what it asked, which is the same each time."""
    return ASKED.sub("", verdict.output) or verdict.status.value


def _registered_again(change: Change, old: Instance, new: Instance) -> Sentence:
    fields = [entry for entry in difference(old, new) if entry.field not in NOISE]
    if not fields:
        said = Part(" registered again, nothing changed")
    else:
        display_name = [_difference(entry.field, entry.before, entry.after) for entry in fields[:3]]
        said = Part(f" registered again: {', '.join(display_name)}")
    more = (Part(f" and {len(fields) - 3} more"),) if len(fields) > 3 else ()
    return _made(change, SentenceKind.CHANGED, Severity.QUIET, _instance(new), said, *more)


NOISE = frozenset({"registered_at", "epoch", "since", "recovered_at", "critical_since"})


def _difference(field: str, before: object, after: object) -> str:
    plain = str | int | float
    if isinstance(before, plain) and isinstance(after, plain) and len(f"{before}{after}") < 60:
        return f"{field} {before} → {after}"
    return field


def _checked(change: Change, old: Instance, new: Instance) -> Sentence:
    known = {verdict.check: verdict.status for verdict in old.verdicts}
    changed = [verdict for verdict in new.verdicts if known.get(verdict.check) is not verdict.status]
    if not changed:
        lease = Part(" lost its lease") if new.lease_expired and not old.lease_expired else Part(" was written anew")
        return _made(
            change, SentenceKind.CHECK, Severity.QUIET, _instance(new), lease, Part(", still "), _status(new.status)
        )
    verdict = changed[0]
    return _made(
        change, SentenceKind.CHECK, Severity.QUIET, Part(f"check {verdict.check} of "), _instance(new), Part(" says "),
        _status(verdict.status), Part("; as a whole it is still "), _status(new.status),
        why="" if verdict.status is Status.PASSING else found(verdict),
    )  # fmt: skip


def _of_override(change: Change, override: Override) -> Sentence:
    scope = override_scope(override)
    if change.record is None:
        over = change.verb == "expire_override"
        said = " is over" if over else " was taken back"
        return _made(
            change, SentenceKind.OVERRIDE, Severity.GOOD, Part(f"the override {override_effect(override)} of "), *scope,
            Part(said),
            why="" if over else change.cause,
        )  # fmt: skip
    until = "" if override.expires_at is not None else ", without an end"
    return _made(
        change, SentenceKind.OVERRIDE, Severity.WORSE, *scope, Part(f" put {override_effect(override)}{until}"),
        why=override.reason, who=who(change.actor) or who(override.author),
    )  # fmt: skip


def display_name(namespace: str, *names: str) -> str:
    """A service, or an instance of it, as people call it: the namespace is said where it is not the usual one."""
    return "/".join(names if namespace == DEFAULT_NAMESPACE else (namespace, *names))


def override_effect(override: Override) -> str:
    """What an override decrees: `out of service`, `drained`, `weight 5`."""
    said = [SPOKEN_STATUS.get(override.status, str(override.status))] if override.status else []
    if override.weight is not None:
        said.append("drained" if override.weight == 0 else f"weight {override.weight}")
    return " and ".join(said)


def override_scope(override: Override) -> tuple[Part, ...]:
    """What an override speaks about, with a link to it where it has a page."""
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
        yield Part(f"zone {override.zone}" if override.scope is Scope.ZONE else f"what is tagged {override.tag}")
        if service:
            yield Part(" of ")
            yield Part(display_name(override.namespace, service), _service_page(override.namespace, service))
        elif override.namespace != DEFAULT_NAMESPACE:
            yield Part(f" in namespace {override.namespace}")
    if override.is_opinion and override.scope is not Scope.REGION:
        yield Part(f" in {region}")
    if override.is_opinion:
        yield Part(f", for {override.region} alone,")


def _of_policy(change: Change, policy: Policy) -> Sentence:
    word = "was cleared" if change.record is None else "was set"
    return _made(
        change, SentenceKind.POLICY, Severity.QUIET, Part("the failover policy of "),
        Part(display_name(policy.namespace, policy.service), _service_page(policy.namespace, policy.service)),
        Part(f" {word}"), why=change.cause,
    )  # fmt: skip


def _of_removal(change: Change) -> Sentence:
    """Something went of which nobody knows any more what it was."""
    kind, _, name = change.key.partition("/")
    name = name.removeprefix(f"{DEFAULT_NAMESPACE}/")
    said: dict[str, tuple[SentenceKind, str]] = {
        "instance": (SentenceKind.REMOVED, f"{name} removed"),
        "override": (SentenceKind.OVERRIDE, "an override was taken back"),
        "policy": (SentenceKind.POLICY, f"the failover policy of {name} was cleared"),
    }
    what, text = said.get(kind, (SentenceKind.CHANGED, change.key))
    return _made(change, what, Severity.QUIET, Part(text), why=change.cause)


def _made(
    change: Change, kind: SentenceKind, severity: Severity, *parts: Part, why: str = "", who: str | None = None
) -> Sentence:
    author = _who(change.actor) if who is None else who
    return Sentence(parts=parts, kind=kind, severity=severity, why=_shortened(why), who=author)


_who: Callable[[str], str] = who


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
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
