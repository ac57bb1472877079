"""Tokens in the admin site: made with the secret shown once, revoked, never edited."""

import time
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.errors import CatalogError, Invalid
from catalog.records.duration import seconds
from registry.access.issuing import create_token, revoke_token
from registry.admin.asking import ask
from registry.admin.display import badge, moment, words
from registry.admin.forms import TokenForm, complain
from registry.admin.record import Link, RecordAdmin, actor
from registry.models import Token


@admin.register(Token)
class TokenAdmin(RecordAdmin[Token]):
    """Who may do what."""

    list_display = ("name", "scopes_shown", "state", "expires", "last_used", "created_by", "id")
    search_fields = ("name", "scopes", "created_by")
    ordering = ("name", "-created_at")
    removing = "Revoke"
    empty = "There is no token yet. Make one for each program that registers or looks things up."
    fieldsets = (
        (None, {"fields": ("name", "scopes_shown", "state", "expires", "last_used")}),
        ("Where it came from", {"fields": ("id", "created", "created_by", "revoked", "revoked_by")}),
    )
    readonly_fields = ("scopes_shown", "state", "expires", "last_used", "created", "revoked")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Through `create_token`. For administrators alone: a token can be made for everything."""
        return self.may(request, "add")

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        """Through `revoke_token`."""
        return self.may(request, "delete") and (obj is None or obj.revoked_at is None)

    def delete_model(self, request: HttpRequest, obj: Token) -> None:
        """Revoke it; the row stays, because its name stands in the log."""
        revoke_token(obj.id, actor=actor(request), now=time.time())

    def described(self, row: Token) -> str:
        """A token in words."""
        return f"{row.name} ({row.scopes})"

    def links(self, request: HttpRequest, row: Token) -> Sequence[Link]:
        """Revoking."""
        if not self.has_delete_permission(request, row):
            return ()
        return (Link("Revoke…", reverse("admin:registry_token_delete", args=(row.pk,)), grave=True),)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a token, and show its secret this once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST or None)
        if form.is_valid():
            try:
                return self._issue(request, form)
            except Invalid as error:
                complain(form, error)
            except CatalogError as error:
                form.add_error(None, str(error))
        explanation = (
            "Programs present a token's secret in the header Authorization: Bearer SECRET. "
            "It is shown once, when it is made."
        )
        return ask(self, request, form, title="Make a token", explanation=explanation, submit="Make the token")

    def _issue(self, request: HttpRequest, form: TokenForm) -> HttpResponse:
        given = form.cleaned_data
        expires_in = seconds(given["expires"], field="expires") if given["expires"] else None
        token, secret = create_token(
            given["name"], given["scopes"], expires_in=expires_in, actor=actor(request), now=time.time()
        )
        self.log_addition(request, token, [{"added": {}}])
        context = {
            **admin.site.each_context(request),
            "opts": self.opts,
            "title": f"The secret of {token.name}",
            "media": self.media,
            "token": token,
            "secret": secret,
            "list_url": self.list_url(),
        }
        response = TemplateResponse(request, "admin/registry/issued.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @admin.display(description="scopes", ordering="scopes")
    def scopes_shown(self, token: Token) -> str:
        """What it may do."""
        return words(token.scopes.split())

    @admin.display(description="state")
    def state(self, token: Token) -> str:
        """Whether it can be used."""
        if token.revoked_at:
            return badge("revoked")
        expired = token.expires_at is not None and token.expires_at.timestamp() <= time.time()
        return badge("expired") if expired else badge("good", "passing")

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, token: Token) -> str:
        """When by itself."""
        return moment(token.expires_at.timestamp() if token.expires_at else None)

    @admin.display(description="last used", ordering="last_used_at")
    def last_used(self, token: Token) -> str:
        """About when."""
        return moment(token.last_used_at.timestamp() if token.last_used_at else None)

    @admin.display(description="made")
    def created(self, token: Token) -> str:
        """When."""
        return moment(token.created_at.timestamp())

    @admin.display(description="revoked")
    def revoked(self, token: Token) -> str:
        """When."""
        return moment(token.revoked_at.timestamp() if token.revoked_at else None)
