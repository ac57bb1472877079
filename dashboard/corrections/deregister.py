"""Deregistering one instance by hand, after a look at what that takes away."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from catalog.errors import NotFound
from catalog.preview import of_removal
from catalog.records.instance import Instance
from catalog.records.override import Scope
from dashboard.corrections import forwarding
from dashboard.corrections.view import Correction, address
from registry import actions
from registry.corrections.forms import ReasonForm
from registry.corrections.subject import Subject, read_subject
from registry.corrections.words import subject_words


class DeregisterView(Correction):
    """`/dashboard/correct/deregister?region=…&namespace=…&service=…&instance=…`"""

    title = "Deregister an instance"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What would be lost, and the question why."""
        return self._ask(self._find(), ReasonForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Deregister the registration that the page showed, not one that came meanwhile."""
        form, subject = ReasonForm(request.POST), self._subject()
        instance = self._find()
        if not form.is_valid():
            return self._ask(instance, form)
        found = of_removal(self.board.view, subject.region, [instance.key], self.now)
        if not form.agrees_to(found):
            return self._ask(instance, form, refused=True)
        epoch = request.POST.get("epoch", "")
        shown = int(epoch) if epoch.isascii() and epoch.isdigit() and len(epoch) < 10 else instance.epoch
        reason = form.cleaned_data["reason"]
        index = self._deregister(instance, shown, reason)
        again = address("correct_restore", region=instance.region, index=str(index) if index else "",
                        key=instance.key, next=self.next(""))  # fmt: skip
        did = f"deregistered {subject_words(subject, self.home)}"
        self.announce(did, reason, undo=again, word="Register it again")
        return self.leave(reverse("dashboard:service", args=[instance.namespace, instance.service]))

    def _subject(self) -> Subject:
        return read_subject({**self.request.GET.dict(), "scope": Scope.INSTANCE.value}, self.home)

    def _find(self) -> Instance:
        """The instance as memory has it. Raises NotFound."""
        subject = self._subject()
        found = self.board.view.region(subject.region).services.get((subject.namespace, subject.service), {})
        instance = found.get(subject.instance)
        if instance is None:
            raise NotFound(f"{subject.service}/{subject.instance} is not registered in {subject.region}.")
        return instance

    def _deregister(self, instance: Instance, epoch: int, reason: str) -> int | None:
        """The index of the change, where it is known."""
        if instance.region == self.home:
            return actions.deregister(
                namespace=instance.namespace, service=instance.service, id=instance.id, epoch=epoch,
                actor=self.actor, cause=reason,
            )  # fmt: skip
        path = forwarding.instance_path(instance.namespace, instance.service, instance.id)
        forwarding.ask(instance.region, "DELETE", path, actor=self.actor, cause=reason)
        return None

    def _ask(self, instance: Instance, form: ReasonForm, *, refused: bool = False) -> HttpResponse:
        found = of_removal(self.board.view, instance.region, [instance.key], self.now)
        return self.page(
            "correct_deregister.html", form=form, instance=instance, preview=found,
            refused=refused, about=subject_words(self._subject(), self.home),
            abroad=instance.region != self.home, renews=instance.lease is not None, submit="Deregister it",
            back=self.next(reverse("dashboard:service", args=[instance.namespace, instance.service])),
        )  # fmt: skip
