"""Filters of the lists: what may be asked for by query parameter."""

import json
import re
import time
from typing import Any

from django.db.models import F, Q, QuerySet
from django_filters import rest_framework as filters

from catalog.errors import Invalid
from catalog.records.override import Scope
from catalog.records.status import Status
from registry.models import ChangeRow, InstanceRow, OverrideRow, PolicyRow
from registry.timestamps import read_past

STATUSES = [(status.value, status.value) for status in Status]
SCOPES = [(scope.value, scope.value) for scope in Scope]

# Tags and owner are in the record alone. The record is JSON of a known order, without spaces, so expressions over its
# text are exact: they read whole strings and never mistake a metadata value for a field.
STRING = r'"(?:[^"\\]|\\.)*"'
FLAT = rf"(?:{STRING}|[0-9]+|true|false|\{{(?:{STRING}|[0-9:,])*\}}|\[(?:{STRING}|,)*\])"
BEFORE = rf'^\{{(?:"[a-z_]+":{FLAT},)*'


class InstanceFilter(filters.FilterSet):
    """Of instances."""

    service = filters.CharFilter(help_text="the service's name")
    namespace = filters.CharFilter(help_text="the namespace; all of them if not said")
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
        """Instances with that tag."""
        return with_tag(rows, tag)

    def by_owner(self, rows: QuerySet[InstanceRow], _: str, owner: str) -> QuerySet[InstanceRow]:
        """Instances of that owner."""
        return rows.filter(record__contains=_json(owner)).filter(
            record__regex=f'{BEFORE}"owner":{re.escape(_json(owner))}[,}}]'
        )

    def by_words(self, rows: QuerySet[InstanceRow], _: str, text: str) -> QuerySet[InstanceRow]:
        """Instances in which every word occurs."""
        return search(rows, text)


def with_tag(rows: QuerySet[InstanceRow], tag: str) -> QuerySet[InstanceRow]:
    """Rows whose record has the tag. The plain search comes first because it is quick."""
    pattern = rf'{BEFORE}"tags":\[(?:{STRING},)*{re.escape(_json(tag))}[,\]]'
    return rows.filter(record__contains=_json(tag)).filter(record__regex=pattern)


def search(rows: QuerySet[InstanceRow], text: str) -> QuerySet[InstanceRow]:
    """Rows in which every word of `text` occurs somewhere that people would look for it."""
    for word in text.split()[:8]:
        inside = re.escape(_json(word)[1:-1])
        columns = ("service", "instance_id", "host", "zone", "version")
        found = Q(record__iregex=rf'"(?:tags|metadata)":[\[{{][^\]}}]*{inside}|"owner":"[^"]*{inside}')
        for column in columns:
            found |= Q(**{f"{column}__icontains": word})
        rows = rows.filter(found)
    return rows


class OverrideFilter(filters.FilterSet):
    """Of overrides."""

    scope = filters.ChoiceFilter(choices=SCOPES, help_text="what the override speaks about")
    namespace = filters.CharFilter(help_text="the namespace")
    service = filters.CharFilter(help_text="the service")
    instance = filters.CharFilter(help_text="the instance's id")
    zone = filters.CharFilter(help_text="the zone")
    tag = filters.CharFilter(help_text="the tag")
    region = filters.CharFilter(help_text="in which region it was set")
    target = filters.CharFilter(help_text="the other region that it speaks about")
    author = filters.CharFilter(lookup_expr="icontains", help_text="a part of who set it")
    live = filters.BooleanFilter(method="by_life", help_text="true: those that count now; false: those that expired")

    class Meta:
        model = OverrideRow
        fields: tuple[str, ...] = ()

    def by_life(self, rows: QuerySet[OverrideRow], _: str, live: bool) -> QuerySet[OverrideRow]:
        """Those that count now, or those whose time is over and that are about to be cleared."""
        counting = Q(expires_at=None) | Q(expires_at__gt=time.time())
        return rows.filter(counting if live else ~counting)


class PolicyFilter(filters.FilterSet):
    """Of failover policies."""

    region = filters.CharFilter(help_text="whose policy")
    namespace = filters.CharFilter(help_text="the namespace")
    service = filters.CharFilter(help_text="the service")

    class Meta:
        model = PolicyRow
        fields: tuple[str, ...] = ()


class ChangeFilter(filters.FilterSet):
    """Of changes."""

    region = filters.CharFilter(help_text="whose log")
    service = filters.CharFilter(method="by_service", help_text="the service whose instances changed")
    namespace = filters.CharFilter(method="by_namespace", help_text="of the service; `default` if not said")
    key = filters.CharFilter(help_text="the record's key, such as instance/default/user-service/user-1")
    key_prefix = filters.CharFilter(field_name="key", lookup_expr="startswith", help_text="the beginning of the key")
    actor = filters.CharFilter(lookup_expr="icontains", help_text="a part of who did it")
    verb = filters.CharFilter(help_text="what was done, such as register or set_override")
    since = filters.CharFilter(method="by_since", help_text="not before this time, or this long ago: `2h`")
    until = filters.CharFilter(method="by_until", help_text="not after this time, or this long ago")
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
    """Rows in the order asked for, such as `status,-index`; equals by name. Raises Invalid."""
    terms: list[Any] = []
    for part in filter(None, text.split(",")):
        name = part.removeprefix("-")
        if name not in INSTANCE_ORDERS:
            raise Invalid(f"{part[:40]!r} is not one of {', '.join(INSTANCE_ORDERS)}", field="ordering")
        column = F("instance_id" if name == "id" else name)
        terms.append(column.desc() if part.startswith("-") else column.asc())
    return rows.order_by(*terms, "namespace", "service", "instance_id", "region")


def _json(text: str) -> str:
    """A string as it stands in a record."""
    return json.dumps(text, ensure_ascii=False)
