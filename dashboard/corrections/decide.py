"""Deciding about a hold: approving lets it happen, rejecting keeps the instances or the mirror in service."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from catalog.errors import NotFound
from catalog.preview import Preview, of_removal
from dashboard.corrections.holds import Hold, find_hold
from dashboard.corrections.view import Correction
from registry.breaker import holds
from registry.corrections.forms import ReasonForm
from registry.corrections.words import DECISIONS

APPROVE, REJECT = "approve", "reject"


class DecideView(Correction):
    """`/dashboard/correct/held?id=…&do=approve|reject`"""

    title = "Decide about what is held"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What each decision would mean."""
        return self._ask(self._find(), ReasonForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Decide."""
        form, hold = ReasonForm(request.POST), self._find()
        if not form.is_valid():
            return self._ask(hold, form)
        found = self._preview(hold)
        if found is not None and not form.agrees_to(found):
            return self._ask(hold, form, refused=True)
        reason = form.cleaned_data["reason"]
        if self._do == APPROVE:
            holds.approve(hold.id, actor=self.actor, cause=reason)
            self.announce(f"approved the hold of {hold.what}", reason)
        else:
            holds.reject(hold.id, actor=self.actor, cause=reason)
            self.announce(f"rejected the hold of {hold.what}, which stays in service", reason)
        return self.leave(reverse("dashboard:held"))

    @property
    def _do(self) -> str:
        return REJECT if self.request.GET.get("do") == REJECT else APPROVE

    def _find(self) -> Hold:
        """What is to be decided. Raises NotFound."""
        hold = find_hold(self.request.GET.get("id", ""))
        if hold is None:
            raise NotFound("Nothing is held there: it may have been decided already, or have recovered.")
        return hold

    def _preview(self, hold: Hold) -> Preview | None:
        """What approving changes at most: instances that came back stay."""
        if hold.mirror or self._do == REJECT or not hold.is_open:
            return None
        return of_removal(self.board.view, self.home, [member.key for member in hold.members], self.now)

    def _ask(self, hold: Hold, form: ReasonForm, *, refused: bool = False) -> HttpResponse:
        return self.page(
            "correct_decide.html", form=form, hold=hold, do=self._do, preview=self._preview(hold),
            refused=refused, back=self.next(reverse("dashboard:held")), submit=DECISIONS[self._do].label,
            explanation=DECISIONS[self._do].explained(hold.mirror),
        )  # fmt: skip
