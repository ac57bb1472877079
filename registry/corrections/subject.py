"""A subject: what a correction is about, as its address says."""

from collections.abc import Mapping

import msgspec

from catalog.errors import Invalid
from catalog.records import names
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.override import SCOPES, Override, Scope, validated
from catalog.records.status import Status

FIELDS = ("scope", "region", "namespace", "service", "instance", "zone", "tag")
NAMES = ("service", "instance", "zone", "tag")
LONGEST = 512  # characters of a name; what is a name at all is for the catalog to say


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One or many instances of `region`: by id, by service, by zone, by tag, or all of them."""

    scope: Scope
    region: str
    namespace: str = DEFAULT_NAMESPACE
    service: str = ""
    instance: str = ""
    zone: str = ""
    tag: str = ""

    def override(
        self,
        author_region: str,
        *,
        id: str = "",
        status: Status | None = None,
        weight: int | None = None,
        reason: str = "to be given",
        author: str = "",
        now: float,
        expires_at: float | None = None,
    ) -> Override:
        """An override of it in the log of `author_region`. Raises Invalid naming the field."""
        return validated(
            Override(
                id=id, region=author_region, scope=self.scope, namespace=self.namespace, service=self.service,
                instance=self.instance, zone=self.zone, tag=self.tag, target=self.target(author_region),
                status=status, weight=weight, reason=reason, author=author, created_at=now, expires_at=expires_at,
            )
        )  # fmt: skip

    def target(self, author_region: str) -> str:
        """How an override in the log of `author_region` names the region."""
        return self.region if self.scope is Scope.REGION or self.region != author_region else ""


def read_subject(query: Mapping[str, str], home: str) -> Subject:
    """The subject of an address. Raises Invalid when it names none."""
    given = {name: query.get(name, "").strip()[:LONGEST] for name in (*FIELDS, "target")}
    try:
        scope = Scope(given["scope"])
    except ValueError:
        raise Invalid(
            "say what it is about: an instance, a service, a zone, a tag or a region", field="scope"
        ) from None
    allowed = SCOPES[scope].needs + SCOPES[scope].may
    subject = Subject(
        scope=scope,
        region=given["region"] or given["target"] or home,
        namespace=(given["namespace"] or DEFAULT_NAMESPACE) if scope is not Scope.REGION else DEFAULT_NAMESPACE,
        **{name: given[name] for name in NAMES if name in allowed},
    )
    if subject.instance:
        names.instance_id(subject.instance)
    names.word(subject.zone, field="zone")
    names.tags((subject.tag,) if subject.tag else ())
    tried = subject.override(home, status=Status.CRITICAL, now=0.0)
    return msgspec.structs.replace(
        subject, namespace=tried.namespace, service=tried.service, region=subject.region.lower()
    )


def subject_of(override: Override) -> Subject:
    """What a standing override is about."""
    return Subject(
        scope=override.scope, region=override.about, namespace=override.namespace, service=override.service,
        instance=override.instance, zone=override.zone, tag=override.tag,
    )  # fmt: skip
