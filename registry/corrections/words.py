"""Corrections in words, the same on the dashboard, in the admin site and in the log."""

from collections.abc import Mapping
from typing import NamedTuple

from catalog.breaker import Kind
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.override import Override, Scope
from catalog.records.status import Status
from registry.corrections.subject import Subject, subject_of
from registry.tables.held import HeldRow


class ScopeWords(NamedTuple):
    """A scope to choose, and one subject of it. `{of}` stands for the service that narrows it, if one does."""

    choice: str
    phrase: str


SCOPES: Mapping[Scope, ScopeWords] = {
    Scope.INSTANCE: ScopeWords("one instance", "instance {instance}{of}"),
    Scope.SERVICE: ScopeWords("a whole service", "service {service}"),
    Scope.ZONE: ScopeWords("a zone", "zone {zone}{of}"),
    Scope.TAG: ScopeWords("every instance with a tag", "everything tagged {tag}{of}"),
    Scope.REGION: ScopeWords("a whole region", "region {region}"),
}
SCOPE_CHOICES = [(scope.value, words.choice) for scope, words in SCOPES.items()]

HELD = {Kind.EXPIRY: "expired lease", Kind.PROBE: "failed check", Kind.REMOVAL: "removal"}


class DecisionWords(NamedTuple):
    """A decision about a hold: what its button says, what it does to instances, and what to a mirror."""

    label: str
    of_instances: str
    of_mirror: str

    def explained(self, mirror: str) -> str:
        """What it does to the mirror of that region, or, without one, to instances."""
        return self.of_mirror.format(name=mirror) if mirror else self.of_instances


DECISIONS: Mapping[str, DecisionWords] = {
    "approve": DecisionWords(
        "Approve",
        "What is held happens at once, to those instances that are still silent.",
        "The mirror becomes what {name} says of itself, whatever is lost here.",
    ),
    "reject": DecisionWords(
        "Keep in service",
        "They stay in service with fresh leases, and for a minute nothing of this kind is taken from them.",
        "What is mirrored of {name} stays in service until {name} has most of its instances back. If it still has not "
        "after as long as a hold lasts, a new hold asks again.",
    ),
}


def subject_words(subject: Subject, home: str) -> str:
    """What it is about: `zone us-east-1a of payments`. A region other than `home` is named."""
    of = f" of {subject.service}" if subject.service else ""
    phrase = SCOPES[subject.scope].phrase.format(
        instance=subject.instance, service=subject.service, zone=subject.zone, tag=subject.tag, region=subject.region,
        of=of,
    )  # fmt: skip
    space = f" in namespace {subject.namespace}" if subject.namespace != DEFAULT_NAMESPACE else ""
    elsewhere = f", {subject.region}" if subject.region != home and subject.scope is not Scope.REGION else ""
    return phrase + space + elsewhere


def override_words(override: Override, home: str) -> str:
    """What a standing override is about, and for whom it counts if not for everyone."""
    phrase = subject_words(subject_of(override), home)
    return f"{phrase}, for lookups in {override.region} only" if override.is_opinion else phrase


def effect_words(status: Status | None, weight: int | None) -> str:
    """What an override says: `out of service`, `drained`, `weight 5`, `status passing`."""
    said = []
    if status is not None:
        said.append("out of service" if status is Status.CRITICAL else f"status {status}")
    if weight is not None:
        said.append("drained" if weight == 0 else f"weight {weight}")
    return " and ".join(said)


def done_words(subject: str, status: Status | None, weight: int | None) -> str:
    """What was done, without who did it: `put zone us-east-1a out of service`."""
    if status is None:
        return f"drained {subject}" if weight == 0 else f"gave {subject} weight {weight}"
    return f"put {subject} out of service" if status is Status.CRITICAL else f"forced {subject} to {status}"


def hold_words(row: HeldRow) -> str:
    """What a hold keeps from happening: `13 failed checks in zone a`, `the mirror of eu-west`."""
    kind = Kind(row.kind)
    if kind is Kind.MIRROR:
        return f"the mirror of {row.name}"
    count = len(row.held)
    return f"{count} {HELD[kind]}{'' if count == 1 else 's'} in {row.scope} {row.name}"
