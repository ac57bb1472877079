"""Forms of corrections. They read what a person chose; what the catalog allows is for the verbs to say."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django import forms

from catalog.errors import Invalid
from catalog.preview import Preview
from catalog.records.duration import seconds
from catalog.records.names import LONGEST_REASON
from catalog.records.status import Status

LENGTHS = {
    "15m": "15 minutes", "30m": "30 minutes", "1h": "1 hour", "2h": "2 hours", "4h": "4 hours", "1d": "1 day",
    "7d": "1 week",
}  # fmt: skip
UNTIL, LASTING, NEVER = "until", "for", "never"
ENDS = [*LENGTHS.items(), (LASTING, "for another length"), (UNTIL, "until a time"), (NEVER, "it does not expire")]
ACTIONS = [("out", "out of service"), ("drain", "drain"), ("weight", "weight"), ("force", "force a status")]
FORCED = [(status.value, status.value) for status in (Status.PASSING, Status.WARNING, Status.CRITICAL)]
HERE, THERE = "here", "there"
NONCE = re.compile(r"[0-9a-f]{32}")


class Consent(forms.CheckboxInput):
    """Agrees to what one preview would empty, and to nothing else: its value is the preview's seal."""

    def __init__(self, seal: str) -> None:
        super().__init__(check_test=lambda value: value == seal)
        self._seal = seal

    def format_value(self, value: Any) -> str:
        """See Widget."""
        return self._seal

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """See Widget."""
        return data.get(name, "")


class ReasonForm(forms.Form):
    """Why; and, where a preview says that lookups would be left with nothing, that this is meant."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        error_messages={"required": "Say why: others will ask."},
        help_text="It is shown with the correction, and stays in the log.",
    )
    empty_ok = forms.CharField(
        required=False, max_length=16, widget=forms.HiddenInput, label="I know that this leaves a service with nothing"
    )

    def agrees_to(self, preview: Preview) -> bool:
        """Whether the preview empties no lookup, or it was said that it may."""
        return preview.seal in ("", self.cleaned_data.get("empty_ok"))


class OptionalReasonForm(ReasonForm):
    """The same, for what explains itself."""

    reason = forms.CharField(max_length=LONGEST_REASON, required=False)


class ActionForm(ReasonForm):
    """What an override does, why, and until when. `where` counts for another region's things alone; `nonce` becomes the
    override's id, so that a form that is sent twice sets one."""

    action = forms.ChoiceField(choices=ACTIONS)
    weight = forms.IntegerField(required=False, min_value=0, max_value=65_535)
    status = forms.ChoiceField(choices=FORCED, required=False)
    ends = forms.ChoiceField(choices=ENDS)
    lasting = forms.CharField(required=False, max_length=20)
    until = forms.CharField(required=False, max_length=40)
    never_ok = forms.BooleanField(required=False)
    where = forms.ChoiceField(choices=[(HERE, HERE), (THERE, THERE)], required=False)
    nonce = forms.CharField(required=False, max_length=32)

    def __init__(self, data: Any = None, *, now: float, **given: Any) -> None:
        super().__init__(data, **given)
        self._now = now
        self.expires_at: float | None = None

    def clean_nonce(self) -> str:
        """One of ours, or a new one."""
        given = str(self.cleaned_data["nonce"])
        return given if NONCE.fullmatch(given) else new_nonce()

    def clean(self) -> dict[str, Any]:
        """What depends on a choice."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("action") == "weight" and given.get("weight") is None and "weight" not in self.errors:
            self.add_error("weight", "Which weight?")
        if given.get("action") == "force" and not given.get("status"):
            self.add_error("status", "Which status?")
        self._clean_end(given)
        return given

    @property
    def verdict(self) -> tuple[Status | None, int | None]:
        """The status or the weight that was chosen."""
        given = self.cleaned_data
        return {
            "out": (Status.CRITICAL, None),
            "drain": (None, 0),
            "weight": (None, given["weight"]),
            "force": (Status(given["status"]) if given["status"] else None, None),
        }[given["action"]]

    def _clean_end(self, given: dict[str, Any]) -> None:
        ends = given.get("ends")
        if ends == NEVER and not given.get("never_ok"):
            self.add_error("never_ok", "Tick this if it must stay until it is cleared.")
        elif ends == UNTIL:
            self._expire("until", lambda: _moment(given.get("until", "")))
        elif ends == LASTING:
            self._expire("lasting", lambda: self._now + seconds(given.get("lasting", ""), field="lasting", least=1.0))
        elif ends in LENGTHS:
            self.expires_at = self._now + seconds(ends, field="ends")

    def _expire(self, field: str, read: Callable[[], float]) -> None:
        try:
            at = read()
        except Invalid as error:
            self.add_error(field, error.message)
            return
        if at <= self._now:
            self.add_error(field, "This is in the past.")
        self.expires_at = at


def new_nonce() -> str:
    """What makes one form told apart from any other, however often it is sent."""
    return uuid4().hex


def _moment(text: str) -> float:
    """A time as a browser's field gives it, in UTC unless it says otherwise. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Invalid("Write for example 2027-01-15T08:00, in UTC.", field="until") from None
