"""Peers in the admin site: invited with the token shown once, accepted, revoked, with the matrix above the list."""

import json
import time
from collections.abc import Sequence
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from catalog.errors import CatalogError, Invalid
from federation import status
from federation.models import MirrorState, Peer
from federation.peers import trust
from federation.status import Cell
from federation.tables.peer import State
from registry.admin.asking import ask
from registry.admin.display import badge, moment, table
from registry.admin.forms import complain
from registry.admin.record import Link, RecordAdmin, actor
from registry.breaker.holds import mirrors_held, reason_of

KINDS = {"live": "passing", "stale": "critical", "unknown": "quiet"}
HEADINGS = ("Region", "Holds", "Index", "Known", "Behind", "Freshness", "Digest", "Remarks")
WRITES = "Let its users register and override here through it, as far as it lets them."


class InvitationForm(forms.Form):
    """Whom to invite."""

    region = forms.CharField(max_length=63, help_text="The name of the other region.")
    url = forms.CharField(max_length=300, required=False, help_text="Where it reaches this region, if not by default.")
    writes = forms.BooleanField(required=False, initial=True, label="It may write", help_text=WRITES)


class AcceptanceForm(forms.Form):
    """A token of another region."""

    token = forms.CharField(widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}))
    url = forms.CharField(max_length=300, required=False, help_text="Where it reaches this region, if not by default.")
    writes = forms.BooleanField(required=False, initial=True, label="It may write", help_text=WRITES)


@admin.register(Peer)
class PeerAdmin(RecordAdmin[Peer]):
    """Who is trusted, and how far each holds each other's catalog."""

    change_list_template = "admin/federation/peers.html"
    list_display = ("region", "state_shown", "url", "writes", "began", "by", "held")
    ordering = ("region",)
    removing = "Revoke"
    fieldsets = (
        (None, {"fields": ("region", "url", "state_shown", "writes", "began", "by")}),
        ("Its mirror", {"fields": ("held", "verified", "counts", "diverged")}),
    )
    readonly_fields = ("state_shown", "began", "held", "verified", "counts", "diverged")

    def get_urls(self) -> list[URLPattern]:
        """With a page for accepting."""
        wrap = self.admin_site.admin_view
        own = [
            path("accept/", wrap(self.accept_view), name="federation_peer_accept"),
        ]
        return own + super().get_urls()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through `trust.invite`. A peer sees the whole catalog, so administrators alone."""
        return self.may(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: Peer | None = None) -> bool:
        """Through `trust.revoke`."""
        return self.may(request, "delete") and (obj is None or obj.state != State.REVOKED)

    def delete_model(self, request: HttpRequest, obj: Peer) -> None:
        """Revoke it; the row stays, and so does the mirror."""
        trust.revoke(obj.region, actor=actor(request), now=time.time())

    def links(self, request: HttpRequest, row: Peer) -> Sequence[Link]:
        """Approving what is held, and revoking."""
        links = []
        hold = mirrors_held(time.time()).get(row.region)
        if hold is not None and request.user.has_perm("registry.view_heldrow"):
            links.append(Link("Decide about what is held…", reverse("admin:registry_heldrow_change", args=(hold.pk,))))
        if self.has_delete_permission(request, row):
            links.append(Link("Revoke…", reverse("admin:federation_peer_delete", args=(row.pk,)), grave=True))
        return links

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With the matrix above the list."""
        context: dict[str, Any] = {"may_invite": self.has_add_permission(request)}
        try:
            found = async_to_sync(status.matrix)(now=time.time())
        except CatalogError as error:
            context["problem"] = str(error)
        else:
            rows = [_row(cell) for cell in found.cells]
            context |= {"matrix": table(HEADINGS, rows, empty="Nothing is held yet."), "unheard": found.unheard}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Invite a region, and show the token this once."""
        self.require(request, "add")
        form = InvitationForm(request.POST or None)
        if form.is_valid():
            given = form.cleaned_data
            try:
                token = trust.invite(
                    given["region"], actor=actor(request), now=time.time(), url=given["url"] or None,
                    writes=given["writes"],
                )  # fmt: skip
            except Invalid as error:
                complain(form, error)
            else:
                return self._invited(request, given["region"], token)
        return ask(self, request, form, title="Invite a region", submit="Invite it")

    def accept_view(self, request: HttpRequest) -> HttpResponse:
        """Accept another region's invitation."""
        self.require(request, "add")
        form = AcceptanceForm(request.POST or None)
        if form.is_valid():
            given = form.cleaned_data
            try:
                region = async_to_sync(trust.accept)(
                    given["token"], actor=actor(request), url=given["url"] or None, writes=given["writes"]
                )
            except Invalid as error:
                complain(form, error)
            except CatalogError as error:
                form.add_error(None, str(error))
            else:
                self.message_user(request, f"{region} is a peer now.", messages.SUCCESS)
                return HttpResponseRedirect(self.list_url())
        return ask(self, request, form, title="Accept an invitation", submit="Accept it")

    def _invited(self, request: HttpRequest, region: str, token: str) -> HttpResponse:
        context = {
            **admin.site.each_context(request), "opts": self.opts, "title": f"The invitation of {region}",
            "media": self.media, "region": region, "token": token, "list_url": self.list_url(),
        }  # fmt: skip
        response = TemplateResponse(request, "admin/federation/invited.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.display(description="state", ordering="state")
    def state_shown(self, peer: Peer) -> SafeString:
        """Invited, active or revoked."""
        return badge(peer.state, {State.ACTIVE: "passing", State.REVOKED: "critical"}.get(State(peer.state), "quiet"))

    @admin.display(description="since", ordering="since")
    def began(self, peer: Peer) -> SafeString | str:
        """Since when."""
        return moment(peer.since)

    @admin.display(description="held")
    def held(self, peer: Peer) -> str:
        """What the breaker holds."""
        hold = mirrors_held(time.time()).get(peer.region)
        return reason_of(hold) if hold else "nothing"

    @admin.display(description="last verified")
    def verified(self, peer: Peer) -> SafeString | str:
        """When the mirror was last proven from its rows."""
        return moment(_state(peer).verified_at)

    @admin.display(description="so far")
    def counts(self, peer: Peer) -> str:
        """What has happened to the mirror."""
        state = _state(peer)
        return f"{state.resets} snapshots, {state.relays} times relayed, {state.divergences} times diverged"

    @admin.display(description="differed when it last diverged")
    def diverged(self, peer: Peer) -> str:
        """Which services."""
        state = _state(peer)
        return ", ".join(json.loads(state.diverged)) if state.diverged else "nothing"


def _state(peer: Peer) -> MirrorState:
    return MirrorState.objects.filter(region=peer.region).first() or MirrorState(region=peer.region)


def _row(cell: Cell) -> tuple[Any, ...]:
    digest = {True: "equal", False: badge("differs", "critical"), None: "not compared yet"}[cell.equal]
    behind = "" if cell.by == cell.of else f"{cell.entries} entries, {cell.seconds:.1f} s"
    return (
        cell.by, cell.of, cell.index, cell.known, behind, badge(cell.freshness, KINDS[cell.freshness]), digest,
        status.notes(cell),
    )  # fmt: skip
