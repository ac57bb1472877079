"""Corrections in words, the same ones on pages, in notices and in the log."""

from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.override import Override, Scope
from catalog.records.status import Status
from dashboard.corrections.subject import Subject, subject_of


def subject_words(subject: Subject, home: str) -> str:
    """What it is about: `zone us-east-1a of payments`. A region other than `home` is named."""
    within = f" of {subject.service}" if subject.service else ""
    spoken = {
        Scope.INSTANCE: f"instance {subject.instance}{within}",
        Scope.SERVICE: f"service {subject.service}",
        Scope.ZONE: f"zone {subject.zone}{within}",
        Scope.TAG: f"everything tagged {subject.tag}{within}",
        Scope.REGION: f"region {subject.region}",
    }[subject.scope]
    space = f" in namespace {subject.namespace}" if subject.namespace != DEFAULT_NAMESPACE else ""
    elsewhere = f", {subject.region}" if subject.region != home and subject.scope is not Scope.REGION else ""
    return spoken + space + elsewhere


def override_words(override: Override, home: str) -> str:
    """What a standing override is about, and for whom it counts if not for everybody."""
    spoken = subject_words(subject_of(override), home)
    return f"{spoken}, for consumers of {override.region} only" if override.is_opinion else spoken


def says(status: Status | None, weight: int | None) -> str:
    """What an override says: `out of service`, `drained`, `weight 5`, `status passing`."""
    spoken = []
    if status is not None:
        spoken.append("out of service" if status is Status.CRITICAL else f"status {status}")
    if weight is not None:
        spoken.append("drained" if weight == 0 else f"weight {weight}")
    return " and ".join(spoken)


def done(subject: str, status: Status | None, weight: int | None) -> str:
    """What was done, without who did it: `put zone us-east-1a out of service`."""
    if status is None:
        return f"drained {subject}" if weight == 0 else f"gave {subject} weight {weight}"
    return f"put {subject} out of service" if status is Status.CRITICAL else f"forced {subject} to {status}"


def number(count: int, noun: str) -> str:
    """`1 lookup`, `3 lookups`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
