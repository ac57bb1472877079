"""The forms of the admin site. They check shape, by the same rules as every other way in; the verbs do the rest."""

import json
from collections.abc import Sequence
from typing import Any

from django import forms

from catalog.errors import Invalid
from catalog.preview import Preview
from catalog.records.duration import spoken
from catalog.records.instance import DEFAULT_NAMESPACE
from catalog.records.names import LONGEST_REASON
from catalog.records.override import SCOPES, Scope
from catalog.records.policy import Policy, StaleAction
from catalog.records.registration import Registration, from_mapping, to_instance
from catalog.records.status import Status
from registry import actions
from registry.access.grant import parse_scopes
from registry.corrections.forms import LENGTHS, Consent, ReasonForm
from registry.corrections.preview import preview
from registry.corrections.words import SCOPE_CHOICES

UNTIL_CLEARED = "until cleared"
SCOPE = forms.Select(
    attrs={"data-fields": json.dumps({scope: terms.needs + terms.may for scope, terms in SCOPES.items()})}
)
EXPIRIES = [
    *((length, f"in {words}") for length, words in LENGTHS.items()),
    (UNTIL_CLEARED, "never, until it is cleared"),
]
LIVES = [("1d", "in 1 day"), ("30d", "in 30 days"), ("90d", "in 90 days"), ("365d", "in 1 year"), ("", "never")]
STALE = [("keep", "kept"), ("demote", "taken last"), ("drop", "left out")]
STATUSES = [("", "as reported"), ("passing", "passing"), ("warning", "warning"), ("critical", "critical")]


class ExpiringForm(ReasonForm):
    """Why, until when, and whether it is meant to leave a service with nothing."""

    expires = forms.ChoiceField(choices=EXPIRIES, initial="30m", widget=forms.RadioSelect, label="It ends")
    field_order: Sequence[str] = ("reason", "expires", "empty_ok")
    preview: Preview | None = None

    def look_ahead(self, requests: list[actions.OverrideRequest], *, region: str, now: float, deciding: bool) -> None:
        """Keep what the overrides would do. When `deciding`, object to emptying a service unless that was said."""
        self.preview = preview(requests, region=region, now=now)
        if self.preview.seal:
            self.fields["empty_ok"].widget = Consent(self.preview.seal)
        if deciding and not self.agrees_to(self.preview):
            self.add_error("empty_ok", "Lookups would get no instance at all. Tick this if that is what you want.")

    def expires_in(self) -> str | None:
        """The chosen length, or None for no end."""
        chosen: str = self.cleaned_data["expires"]
        return None if chosen == UNTIL_CLEARED else chosen


class OverrideForm(ExpiringForm):
    """Any override: a scope, what names it, a status or a weight."""

    scope = forms.ChoiceField(choices=SCOPE_CHOICES, widget=SCOPE, initial="instance")
    namespace = forms.CharField(initial=DEFAULT_NAMESPACE, max_length=63)
    service = forms.CharField(required=False, max_length=63, help_text="With a zone or a tag it may be left empty.")
    instance = forms.CharField(required=False, max_length=253, help_text="Its id.")
    zone = forms.CharField(required=False, max_length=63)
    tag = forms.CharField(required=False, max_length=512)
    target = forms.CharField(
        required=False,
        max_length=63,
        label="Region",
        help_text="Empty for this one. Of another region it counts for lookups that are asked here.",
    )
    status = forms.ChoiceField(choices=STATUSES, required=False, initial="critical")
    weight = forms.IntegerField(
        required=False, min_value=0, max_value=65_535, help_text="Empty leaves it as reported; 0 drains."
    )
    field_order = (
        "scope", "namespace", "service", "instance", "zone", "tag", "target", "status", "weight", "reason", "expires",
    )  # fmt: skip

    def request(self, author: str) -> actions.OverrideRequest:
        """The override that a valid form asks for."""
        given = self.cleaned_data
        return actions.OverrideRequest(
            scope=Scope(given["scope"]),
            namespace=given["namespace"],
            service=given["service"],
            instance=given["instance"],
            zone=given["zone"],
            tag=given["tag"],
            target=given["target"],
            status=Status(given["status"]) if given["status"] else None,
            weight=given["weight"],
            reason=given["reason"],
            author=author,
            expires_in=self.expires_in(),
        )


class PolicyForm(forms.Form):
    """A failover policy."""

    service = forms.CharField(max_length=63)
    namespace = forms.CharField(initial=DEFAULT_NAMESPACE, max_length=63)
    min_healthy = forms.IntegerField(
        initial=1, min_value=0, label="At least", help_text="Fewer that serve are too few."
    )
    min_share = forms.FloatField(
        initial=0.0, min_value=0.0, max_value=1.0, label="At least the share", help_text="Such as 0.5 for half of them."
    )
    order = forms.CharField(
        required=False, label="Regions", help_text="Separated by commas, the first is tried first: eu-west, ap-south"
    )
    nearest = forms.IntegerField(
        initial=0, min_value=0, label="Or the nearest", help_text="In place of a list: so many, by measured delay."
    )
    stale = forms.ChoiceField(choices=STALE, initial="keep", label="Stale regions are")
    stale_after = forms.CharField(initial="0s", label="After", help_text="Stale for so long, such as 1m.")
    hold_down = forms.CharField(
        initial="30s", label="Hold down", help_text="How long home must have had enough before lookups come back."
    )
    reason = forms.CharField(max_length=LONGEST_REASON, widget=forms.TextInput(attrs={"class": "vTextField"}))

    def request(self) -> actions.PolicyRequest:
        """The policy that a valid form asks for."""
        given = self.cleaned_data
        return actions.PolicyRequest(
            min_healthy=given["min_healthy"],
            min_share=given["min_share"],
            order=tuple(filter(None, map(str.strip, given["order"].split(",")))),
            nearest=given["nearest"],
            stale=StaleAction(given["stale"]),
            stale_after=given["stale_after"],
            hold_down=given["hold_down"],
        )

    @staticmethod
    def values_of(policy: Policy) -> dict[str, Any]:
        """What the form shows of a policy."""
        shown = {
            name: getattr(policy, name) for name in ("service", "namespace", "min_healthy", "min_share", "nearest")
        }
        lengths = {name: spoken(getattr(policy, name)) for name in ("stale_after", "hold_down")}
        return {**shown, **lengths, "order": ", ".join(policy.order), "stale": policy.stale.value}


class RegistrationForm(forms.Form):
    """An instance, with the fields that people fill in by hand; checks as JSON, as in every registration."""

    service = forms.CharField(max_length=63)
    id = forms.CharField(max_length=253, label="Id")
    namespace = forms.CharField(initial=DEFAULT_NAMESPACE, max_length=63)
    host = forms.CharField(max_length=255, help_text="An IP address or a host name that others can reach.")
    port = forms.IntegerField(required=False)
    ports = forms.CharField(required=False, help_text="Named ports: grpc=50051, metrics=9100")
    zone = forms.CharField(required=False, max_length=63)
    version = forms.CharField(required=False, max_length=63)
    tags = forms.CharField(required=False, help_text="Separated by commas.")
    metadata = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3, "cols": 60}), help_text="One key=value on a line."
    )
    weight = forms.IntegerField(initial=1)
    owner = forms.CharField(required=False, max_length=63)
    lease_ttl = forms.CharField(
        required=False, label="Lease", help_text="Such as 15s: it must renew that often. Empty for no lease."
    )
    checks = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text='A JSON list: [{"type": "http", "url": "http://10.0.1.5:8080/health", "interval": "10s"}]',
    )
    deregister_critical_after = forms.CharField(
        required=False, help_text="Such as 10m: critical for that long, it is deregistered. Empty for never."
    )
    fields_of = {"lease.ttl": "lease_ttl", "lease": "lease_ttl"}
    registration: Registration | None = None

    def clean(self) -> dict[str, Any]:
        """Complaints of the registration's own rules, each at its field."""
        given: dict[str, Any] = super().clean() or {}
        if self.errors:
            return given
        try:
            self.registration = from_mapping(_body(given))
            to_instance(
                self.registration,
                region="here",
                service=given["service"],
                id=given["id"],
                namespace=given["namespace"],
                now=0.0,
            )
        except Invalid as error:
            complain(self, error, self.fields_of)
        return given


class TokenForm(forms.Form):
    """A token as it is asked for."""

    name = forms.CharField(max_length=63, help_text="It stands in the log as who did it.")
    scopes = forms.CharField(
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Separated by spaces: read, write:PREFIX (services whose name begins so), write:*, operator, peer.",
    )
    expires = forms.ChoiceField(
        choices=LIVES, initial="90d", required=False, widget=forms.RadioSelect, label="It expires"
    )

    def clean_scopes(self) -> tuple[str, ...]:
        """As a tuple; complaints name the scope that is none."""
        try:
            return parse_scopes(self.cleaned_data["scopes"].replace(",", " ").split())
        except Invalid as error:
            raise forms.ValidationError(error.message) from None


def complain(form: forms.Form, error: Invalid, renamed: dict[str, str] | None = None) -> None:
    """Put a complaint at the field that it is about, or above the form when it has none of that name."""
    name = (renamed or {}).get(error.field, error.field)
    root = name.replace("[", ".").partition(".")[0].partition(" ")[0]
    if root in form.fields:
        form.add_error(root, error.message if root == name else f"{name}: {error.message}")
    else:
        form.add_error(None, f"{name}: {error.message}" if name else error.message)


def _body(given: dict[str, Any]) -> dict[str, Any]:
    """A registration's body from the form's values; what was left empty is left out."""
    words = ("host", "port", "zone", "version", "weight", "owner")
    body = {name: given[name] for name in words if given.get(name) not in (None, "")}
    if given["deregister_critical_after"]:
        body["deregister_critical_after"] = given["deregister_critical_after"]
    if given["lease_ttl"]:
        body["lease"] = {"ttl": given["lease_ttl"]}
    body["tags"] = [tag.strip() for tag in given["tags"].split(",") if tag.strip()]
    body["metadata"] = _pairs(given["metadata"].splitlines(), "metadata")
    body["ports"] = {name: _number(text) for name, text in _pairs(given["ports"].split(","), "ports").items()}
    body["checks"] = _list(given["checks"])
    return body


def _pairs(parts: list[str], field: str) -> dict[str, str]:
    pairs = {}
    for part in filter(None, map(str.strip, parts)):
        key, equals, value = part.partition("=")
        if not equals:
            raise Invalid(f"{part[:80]!r} is not of the form name=value", field=field)
        pairs[key.strip()] = value.strip()
    return pairs


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Invalid(f"{text[:20]!r} is not a port", field="ports")
    return int(text)


def _list(text: str) -> list[Any]:
    try:
        value = json.loads(text or "[]")
    except (ValueError, RecursionError) as error:
        raise Invalid(f"is not JSON: {error}", field="checks") from None
    if not isinstance(value, list):
        raise Invalid("must be a JSON list", field="checks")
    return value
