"""Filters of the lists, by query parameter."""

import time
from typing import Any

from django.db.models import F, Q, QuerySet
from django_filters import rest_framework as filters

from catalog.errors import Invalid
from catalog.records.override import Scope
from catalog.records.status import Status
from registry.api.json_paths import has_owner, has_tag, mentions
from registry.models import ChangeRow, InstanceRow, OverrideRow, PolicyRow
from registry.timestamps import read_past

STATUSES = [(status.value, status.value) for status in Status]
SCOPES = [(scope.value, scope.value) for scope in Scope]
MOST_WORDS = 8  # of a search; each costs a condition


class InstanceFilter(filters.FilterSet):
    """Filters of instances, of their checks, and of services."""

    service = filters.CharFilter(help_text="the service's name")
    namespace = filters.CharFilter(help_text="the namespace; all if not given")
    zone = filters.CharFilter(help_text="the zone")
    status = filters.ChoiceFilter(choices=STATUSES, help_text="the reported status, before overrides")
    version = filters.CharFilter(help_text="the version")
    region = filters.CharFilter(help_text="the region")
    tag = filters.CharFilter(method="by_tag", help_text="a tag that the instance has")
    owner = filters.CharFilter(method="by_owner", help_text="the owner")
    search = filters.CharFilter(
        method="by_words", help_text="words that all occur in name, id, host, zone, version, tags, metadata or owner"
    )

    class Meta:
        model = InstanceRow
        fields: tuple[str, ...] = ()

    def by_tag(self, rows: QuerySet[InstanceRow], _: str, tag: str) -> QuerySet[InstanceRow]:
        """Instances with this tag."""
        return rows.filter(has_tag(tag))

    def by_owner(self, rows: QuerySet[InstanceRow], _: str, owner: str) -> QuerySet[InstanceRow]:
        """Instances of this owner."""
        return rows.filter(has_owner(owner))

    def by_words(self, rows: QuerySet[InstanceRow], _: str, text: str) -> QuerySet[InstanceRow]:
        """Instances in which every word occurs."""
        return search(rows, text)


def search(rows: QuerySet[InstanceRow], text: str) -> QuerySet[InstanceRow]:
    """Rows in which each of the first `MOST_WORDS` words occurs in a name, a tag, the metadata or the owner."""
    for word in text.split()[:MOST_WORDS]:
        found = Q()
        for column in ("service", "instance_id", "host", "zone", "version"):
            found |= Q(**{f"{column}__icontains": word})
        rows = rows.filter(found | mentions(word))
    return rows


class OverrideFilter(filters.FilterSet):
    """Filters of overrides."""

    scope = filters.ChoiceFilter(choices=SCOPES, help_text="the scope of the override")
    namespace = filters.CharFilter(help_text="the namespace")
    service = filters.CharFilter(help_text="the service")
    instance = filters.CharFilter(help_text="the instance's id")
    zone = filters.CharFilter(help_text="the zone")
    tag = filters.CharFilter(help_text="the tag")
    region = filters.CharFilter(help_text="the region where it was set")
    target = filters.CharFilter(help_text="the other region that it is about")
    author = filters.CharFilter(lookup_expr="icontains", help_text="a part of the author")
    live = filters.BooleanFilter(method="by_expiry", help_text="true: those that count now; false: those that expired")

    class Meta:
        model = OverrideRow
        fields: tuple[str, ...] = ()

    def by_expiry(self, rows: QuerySet[OverrideRow], _: str, live: bool) -> QuerySet[OverrideRow]:
        """Those that count now, or those that have expired and are about to be cleared."""
        live_now = Q(expires_at=None) | Q(expires_at__gt=time.time())
        return rows.filter(live_now if live else ~live_now)


class PolicyFilter(filters.FilterSet):
    """Filters of failover policies."""

    region = filters.CharFilter(help_text="the region")
    namespace = filters.CharFilter(help_text="the namespace")
    service = filters.CharFilter(help_text="the service")

    class Meta:
        model = PolicyRow
        fields: tuple[str, ...] = ()


class ChangeFilter(filters.FilterSet):
    """Filters of changes."""

    region = filters.CharFilter(help_text="the region of the log")
    service = filters.CharFilter(method="by_service", help_text="the service whose instances changed")
    namespace = filters.CharFilter(
        method="by_namespace", help_text="the namespace of the service; `default` if not given"
    )
    key = filters.CharFilter(help_text="the record's key, such as instance/default/user-service/user-1")
    key_prefix = filters.CharFilter(field_name="key", lookup_expr="startswith", help_text="the beginning of the key")
    actor = filters.CharFilter(lookup_expr="icontains", help_text="a part of the actor")
    verb = filters.CharFilter(help_text="the verb, such as `register` or `set_override`")
    since = filters.CharFilter(method="by_since", help_text="at or after this time, or this long ago: `2h`")
    until = filters.CharFilter(method="by_until", help_text="at or before this time, or this long ago")
    index_from = filters.NumberFilter(field_name="index", lookup_expr="gte", help_text="the lowest index")
    index_to = filters.NumberFilter(field_name="index", lookup_expr="lte", help_text="the highest index")

    class Meta:
        model = ChangeRow
        fields: tuple[str, ...] = ()

    def by_service(self, rows: QuerySet[ChangeRow], _: str, service: str) -> QuerySet[ChangeRow]:
        """Changes of instances of one service."""
        namespace = (self.data or {}).get("namespace") or "default"
        return rows.filter(key__startswith=f"instance/{namespace}/{service.lower()}/")

    def by_namespace(self, rows: QuerySet[ChangeRow], _: str, namespace: str) -> QuerySet[ChangeRow]:
        """Changes of instances of one namespace."""
        return rows.filter(key__startswith=f"instance/{namespace}/")

    def by_since(self, rows: QuerySet[ChangeRow], name: str, text: str) -> QuerySet[ChangeRow]:
        """Changes at or after a time."""
        return rows.filter(at__gte=read_past(text, time.time(), field=name))

    def by_until(self, rows: QuerySet[ChangeRow], name: str, text: str) -> QuerySet[ChangeRow]:
        """Changes at or before a time."""
        return rows.filter(at__lte=read_past(text, time.time(), field=name))


INSTANCE_ORDERS = ("service", "id", "host", "zone", "version", "status", "index", "namespace", "epoch")


def ordered(rows: QuerySet[InstanceRow], text: str) -> QuerySet[InstanceRow]:
    """Rows in the requested order, such as `status,-index`, then by name. Raises Invalid."""
    terms: list[Any] = []
    for part in filter(None, text.split(",")):
        name = part.removeprefix("-")
        if name not in INSTANCE_ORDERS:
            raise Invalid(f"{part[:40]!r} is not one of {', '.join(INSTANCE_ORDERS)}", field="ordering")
        column = F("instance_id" if name == "id" else name)
        terms.append(column.desc() if part.startswith("-") else column.asc())
    return rows.order_by(*terms, "namespace", "service", "instance_id", "region")
