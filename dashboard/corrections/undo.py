"""Clearing an override: what was reported counts again, as the preview shows."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from catalog.errors import Invalid, NotFound, Refused
from catalog.preview import of_clearing
from catalog.records.override import Override
from dashboard.corrections import forwarding
from dashboard.corrections.view import Correction, page_of
from registry import actions
from registry.corrections.forms import OptionalReasonForm
from registry.corrections.subject import subject_of
from registry.corrections.words import effect_words, override_words

GONE = "This override has been cleared or has expired already. Nothing was left to undo."
USUAL = "undone in the dashboard"


class UndoView(Correction):
    """`/dashboard/correct/undo?id=…`, with `region` for an override of another region."""

    title = "Undo"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What clearing it would change."""
        override = self._find()
        if override is None:
            raise NotFound(GONE)
        return self._ask(override, OptionalReasonForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Clear it."""
        override, form = self._find(), OptionalReasonForm(request.POST)
        if not form.is_valid():
            return self._ask(override, form) if override else self.failed(NotFound(GONE))
        if override is not None:
            found = of_clearing(self.board.view, override, self.now)
            if not form.agrees_to(found):
                return self._ask(override, form, refused=True)
        reason = form.cleaned_data["reason"]
        try:
            self._clear(f"{USUAL}: {reason}" if reason else USUAL)
        except (NotFound, Refused):
            self.tell(GONE)
            return self.leave(reverse("dashboard:overrides"))
        about = override_words(override, self.home) if override else "it"
        said = effect_words(override.status, override.weight) if override else "an override"
        self.announce(f"undid “{said}” of {about}", reason)
        return self.leave(page_of(subject_of(override)) if override else reverse("dashboard:overrides"))

    @property
    def _region(self) -> str:
        return self.request.GET.get("region", "") or self.home

    @property
    def _id(self) -> str:
        given = self.request.GET.get("id", "")
        if not given or len(given) > 100 or not given.isascii() or not given.isprintable():
            raise Invalid("Say which override to undo.", field="id")
        return given

    def _find(self) -> Override | None:
        wanted = self._id
        return next((one for one in self.board.view.region(self._region).overrides if one.id == wanted), None)

    def _clear(self, cause: str) -> None:
        if self._region == self.home:
            actions.clear_override(self._id, actor=self.actor, cause=cause)
            return
        if self._region not in self.board.regions:
            raise NotFound(f"no region {self._region[:63]} is known here")
        forwarding.ask(self._region, "DELETE", forwarding.override_path(self._id), actor=self.actor, cause=cause)

    def _ask(self, override: Override, form: OptionalReasonForm, *, refused: bool = False) -> HttpResponse:
        found = of_clearing(self.board.view, override, self.now)
        return self.page(
            "correct_undo.html", form=form, override=override, preview=found, refused=refused,
            about=override_words(override, self.home), says=effect_words(override.status, override.weight),
            abroad=override.region != self.home, back=self.next(page_of(subject_of(override))), submit="Undo it",
        )  # fmt: skip
