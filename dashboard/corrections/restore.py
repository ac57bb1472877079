"""Registering again what was removed by mistake, as the log has it."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from catalog.errors import NotFound, Refused
from catalog.records.instance import Instance
from catalog.records.registration import registration_of
from dashboard.corrections import forwarding
from dashboard.corrections.view import Correction
from registry import actions
from registry.corrections.forms import OptionalReasonForm
from registry.log import history

USUAL = "registered again in the dashboard: it was removed by mistake"
LOOKED_AT = 10  # entries of its history


class RestoreView(Correction):
    """`/dashboard/correct/restore?region=…&index=…`, or `key=…` for its last removal."""

    title = "Register it again"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What would be registered, and whether something is there already."""
        return self._ask(self._removed(), OptionalReasonForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Register it; it gets a new epoch, so that what was said of the old one stays refused."""
        form, instance = OptionalReasonForm(request.POST), self._removed()
        if not form.is_valid():
            return self._ask(instance, form)
        if self._standing(instance) is not None:
            raise Refused(f"{instance.service}/{instance.id} is registered already: it came back by itself.")
        reason = form.cleaned_data["reason"]
        self._register(instance, f"{USUAL}: {reason}" if reason else USUAL)
        self.announce(f"registered {instance.service}/{instance.id} again", reason)
        return self.leave(reverse("dashboard:service", args=[instance.namespace, instance.service]))

    def _removed(self) -> Instance:
        """The instance as it was before it was removed. Raises NotFound."""
        query = self.request.GET
        region, index, key = query.get("region", "") or self.home, query.get("index", ""), query.get("key", "")
        entry: history.Entry | None = None
        if index.isascii() and index.isdigit() and len(index) < 18:
            entry = history.one_entry(region, int(index))
        elif key:
            past = history.history_of(key, region, LOOKED_AT)
            entry = next((one for one in past if one.change.record is None), None)
        if entry is None or not isinstance(entry.before, Instance):
            raise NotFound("The log no longer says what was removed: it has to register itself.")
        if entry.change.record is not None:
            raise NotFound("This change removed nothing.")
        return entry.before

    def _standing(self, instance: Instance) -> Instance | None:
        found = self.board.view.region(instance.region).services.get((instance.namespace, instance.service), {})
        return found.get(instance.id)

    def _register(self, instance: Instance, cause: str) -> None:
        registration = registration_of(instance)
        if instance.region == self.home:
            actions.register(
                registration, namespace=instance.namespace, service=instance.service, id=instance.id,
                actor=self.actor, cause=cause,
            )  # fmt: skip
            return
        path = forwarding.instance_path(instance.namespace, instance.service, instance.id)
        body = msgspec.to_builtins(registration)
        forwarding.ask(instance.region, "PUT", path, actor=self.actor, cause=cause, body=body)

    def _ask(self, instance: Instance, form: OptionalReasonForm) -> HttpResponse:
        return self.page(
            "correct_restore.html", form=form, instance=instance, standing=self._standing(instance),
            abroad=instance.region != self.home, submit="Register it again",
            back=self.next(reverse("dashboard:service", args=[instance.namespace, instance.service])),
        )  # fmt: skip
