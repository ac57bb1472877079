"""Deciding about what the breaker holds: approving lets it happen, rejecting lets the instances be."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from catalog.errors import NotFound
from catalog.preview import Preview, of_removal
from dashboard.corrections.forms import ReasonForm, nonce
from dashboard.corrections.holds import Hold, find_hold
from dashboard.corrections.view import Correction
from registry.breaker import holds

APPROVE, REJECT = "approve", "reject"
LABELS = {APPROVE: "Let it happen", REJECT: "Keep them"}


class DecideView(Correction):
    """`/dashboard/correct/held?id=…&do=approve|reject`"""

    title = "Decide about what is held"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What each decision would mean."""
        return self._ask(self._find(), ReasonForm(initial={"nonce": nonce()}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Decide."""
        form, hold = ReasonForm(request.POST), self._find()
        if not form.is_valid():
            return self._ask(hold, form)
        found = self._outlook(hold)
        if found is not None and found.seal not in ("", form.cleaned_data["empty_ok"]):
            return self._ask(hold, form, refused=True)
        reason = form.cleaned_data["reason"]
        if self._do == APPROVE:
            holds.approve(hold.id, actor=self.actor, cause=reason)
            self.announce(f"let happen what was held: {hold.what}", reason)
        else:
            holds.reject(hold.id, actor=self.actor, cause=reason)
            self.announce(f"kept what was held: {hold.what}", reason)
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

    def _outlook(self, hold: Hold) -> Preview | None:
        """What approving changes at most: those who have come back are let be."""
        if hold.mirror or self._do == REJECT or not hold.is_open:
            return None
        return of_removal(self.board.view, self.home, [member.key for member in hold.members], self.now)

    def _ask(self, hold: Hold, form: ReasonForm, *, refused: bool = False) -> HttpResponse:
        return self.page(
            "correct_decide.html", form=form, hold=hold, do=self._do, outlook=self._outlook(hold),
            refused=refused, back=self.next(reverse("dashboard:held")), submit=LABELS[self._do],
        )  # fmt: skip
