"""Setting an override: asked for on a form, looked at before it counts, then set."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from catalog.errors import Invalid, NotFound
from catalog.preview import Preview, of_overrides
from catalog.records.override import Override, Scope
from dashboard.corrections import forwarding
from dashboard.corrections.view import Correction, address, page_of
from registry import actions
from registry.corrections.forms import ENDS, FORCED, HERE, THERE, ActionForm, new_nonce
from registry.corrections.subject import FIELDS, Subject, read_subject
from registry.corrections.words import SCOPE_CHOICES, done_words, effect_words, subject_words
from registry.timestamps import iso
from registry.verbs.overrides import to_request

CARRIED = ("action", "weight", "status", "reason", "ends", "lasting", "until", "never_ok", "where", "nonce")
STANDARD = {"action": "out", "ends": "1h", "where": HERE, "status": "passing"}


class OverrideView(Correction):
    """`/dashboard/correct/override`: what it is about is in the address; the steps are posted to the same one."""

    title = "Correct by hand"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form, or first the question what it is to be about."""
        try:
            subject = self._subject()
        except Invalid as error:
            return self._choose(error if "scope" in request.GET else None)
        chosen = request.GET.get("do", "")
        action = chosen if chosen in {"out", "drain", "weight", "force"} else "out"
        form = ActionForm(now=self.now, initial={**STANDARD, "action": action, "nonce": new_nonce()})
        return self._ask(form, subject)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Looked at first, set when that was confirmed."""
        subject = self._subject()
        step = request.POST.get("step", "preview")
        form = ActionForm(request.POST, now=self.now)
        if not form.is_valid() or step == "edit":
            return self._ask(form, subject)
        try:
            override = self._override(subject, form)
        except Invalid as error:
            form.add_error("reason" if error.field == "reason" else None, error.message)
            return self._ask(form, subject)
        found = of_overrides(self.board.view, [override], self.now)
        agreed = form.agrees_to(found)
        if step != "apply" or not agreed:
            return self._preview(form, subject, override, found, refused=step == "apply")
        return self._apply(subject, override)

    def _subject(self) -> Subject:
        subject = read_subject(self.request.GET, self.home)
        if subject.region not in self.board.regions:
            raise NotFound(f"No region {subject.region} is known here.")
        return subject

    def _override(self, subject: Subject, form: ActionForm) -> Override:
        """The override that a valid form asks for. Raises Invalid."""
        given = form.cleaned_data
        author_region = subject.region if given["where"] == THERE else self.home
        status, weight = form.verdict
        return subject.override(
            author_region, id=given["nonce"], status=status, weight=weight, reason=given["reason"],
            author=self.viewer.name, now=self.now, expires_at=form.expires_at,
        )  # fmt: skip

    def _choose(self, error: Invalid | None) -> HttpResponse:
        given = {name: self.request.GET.get(name, "") for name in FIELDS}
        scope = next((one for one in Scope if one.value == given["scope"]), None)
        return self.page("correct_choose.html", problem=error, given=given, scope=scope, scopes=SCOPE_CHOICES)

    def _ask(self, form: ActionForm, subject: Subject) -> HttpResponse:
        return self.page("correct_override.html", form=form, ends=ENDS, forced=FORCED,
                         utc=datetime.fromtimestamp(self.now, UTC), **self._named(subject))  # fmt: skip

    def _preview(
        self, form: ActionForm, subject: Subject, override: Override, found: Preview, *, refused: bool
    ) -> HttpResponse:
        posted = self.request.POST
        carried = [(name, posted.get(name, "")) for name in CARRIED if posted.get(name) and name != "nonce"]
        return self.page(
            "correct_preview.html", refused=refused, override=override, preview=found,
            carried=[*carried, ("nonce", override.id)], says=effect_words(override.status, override.weight),
            submit="Apply it", **self._named(subject),
        )  # fmt: skip

    def _named(self, subject: Subject) -> dict[str, Any]:
        return {
            "subject": subject, "about": subject_words(subject, self.home),
            "abroad": subject.region != self.home, "back": self.next(page_of(subject)),
        }  # fmt: skip

    def _apply(self, subject: Subject, override: Override) -> HttpResponseRedirect:
        came = self.next(page_of(subject))
        if override.region == self.home:
            request = to_request(override)
            made = actions.set_override(request, actor=self.actor, cause=override.reason, id=override.id)
            undo = address("correct_undo", id=made.id, next=came)
        elif override.id in self.request.session.get("corrections", ()):
            # Sent twice: another region's API knows no ids of ours.
            self.tell(f"This was done in {override.region} already.")
            return self.leave(came)
        else:
            undo = address("correct_undo", id=self._apply_there(override), region=override.region, next=came)
        did = done_words(subject_words(subject, self.home), override.status, override.weight)
        where = f" in {override.region} itself" if override.region != self.home else ""
        self.announce(did + where + (f", for lookups in {self.home} only" if override.is_opinion else ""),
                      override.reason, undo=undo)  # fmt: skip
        return self.leave(came)

    def _apply_there(self, override: Override) -> str:
        body = {
            name: value
            for name, value in msgspec.to_builtins(to_request(override)).items()
            if value not in ("", None) and name != "author"
        }
        body["expires_at"] = iso(override.expires_at)
        made = forwarding.ask(
            override.region, "POST", forwarding.override_path(), actor=self.actor, cause=override.reason, body=body
        )
        kept = list(self.request.session.get("corrections", ()))
        self.request.session["corrections"] = [*kept[-20:], override.id]
        return str(made["id"])
