"""What all admin pages share: they show rows, and write through verbs alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.errors import CatalogError
from registry.access.grant import Grant, Kind
from registry.admin.display import STYLES

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Link:
    """A link on a row's page; with `posts` it is a button that sends these fields."""

    label: str
    url: str
    posts: tuple[tuple[str, str], ...] = ()
    grave: bool = False


def actor(request: HttpRequest) -> str:
    """The user, for the log: `admin:alice@10.0.0.8/admin`."""
    grant = Grant(Kind.ADMIN, request.user.get_username(), frozenset())
    return grant.actor(str(request.META.get("REMOTE_ADDR") or "unknown"), "admin")


class RecordAdmin(admin.ModelAdmin[M], Generic[M]):
    """A read-only table. Adding, changing and deleting are off until a subclass offers them through a verb."""

    show_full_result_count = False
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/registry/list.html"
    change_form_template = "admin/registry/record.html"
    delete_confirmation_template = delete_selected_confirmation_template = "admin/registry/remove.html"
    removing = "Delete"  # what deleting is called here
    empty = ""  # what is said where the list has nothing to show

    class Media:
        css = {"all": STYLES}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Off, unless a subclass has a verb for it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Off: records are replaced by verbs, never edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Off, unless a subclass has a verb for it."""
        return False

    def may(self, request: HttpRequest, action: str) -> bool:
        """Whether the user has the framework's permission for `action` (add, change, delete) on this table."""
        return request.user.has_perm(f"{self.opts.app_label}.{action}_{self.opts.model_name}")

    def require(self, request: HttpRequest, action: str) -> None:
        """Raises PermissionDenied without that permission."""
        if not self.may(request, action):
            raise PermissionDenied

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Closed: a row that is saved by itself would be missing from the log."""
        raise PermissionDenied

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        """Closed until a subclass has a verb for it."""
        raise PermissionDenied

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        """One at a time, through the same verb; the caller holds a transaction, so it is all of them or none."""
        for obj in queryset:
            self.delete_model(request, obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """See ModelAdmin. What the verb refuses is said on the list, and nothing was done."""
        try:
            return super().delete_view(request, object_id, {**(extra_context or {}), "removing": self.removing})
        except CatalogError as error:
            return self.refused(request, error)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Back to the list it was chosen from. Django leads users who may not edit rows to the first page."""
        self.message_user(request, f"{self.removing}: done for {obj_display}.", messages.SUCCESS)
        return HttpResponseRedirect(self._as_it_was_listed(request, self.list_url()))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """See ModelAdmin; deleting under its own name."""
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            actions["delete_selected"] = (_remove_selected, "delete_selected", f"{self.removing}…")
        return actions

    def get_deleted_objects(
        self, objs: QuerySet[M] | Sequence[M], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes, in words. Rows of the record have no rows that depend on them."""
        rows = list(objs)
        missing = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return [self.described(row) for row in rows], {str(self.opts.verbose_name_plural): len(rows)}, missing, []

    def described(self, row: M) -> str:
        """A row in words."""
        return str(row)

    def response_action(self, request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:  # type: ignore[override]
        """See ModelAdmin. What a verb refuses is said on the list, and nothing was done."""
        try:
            return super().response_action(request, queryset)
        except CatalogError as error:
            return self.refused(request, error)

    def refused(self, request: HttpRequest, error: CatalogError) -> HttpResponse:
        """Back to the list with the reason."""
        self.message_user(request, f"Nothing was done: {error}", messages.ERROR)
        return HttpResponseRedirect(self.list_url())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """See ModelAdmin; named after what it lists."""
        self._refuse_withheld(request)
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, "empty": self.empty, **(extra_context or {})})

    def _refuse_withheld(self, request: HttpRequest) -> None:
        """Django ignores an action that was not offered; here it is refused."""
        known = self._get_base_actions()  # type: ignore[attr-defined]  # the stubs lack it
        wanted = set(request.POST.getlist("action")) & {name for _, name, _ in known}
        if wanted and not wanted <= self.get_actions(request).keys():
            raise PermissionDenied

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """See ModelAdmin; with the links that lead on from this row."""
        row = self.get_object(request, object_id)
        links = [self._of_this_list(request, link) for link in self.links(request, row)] if row is not None else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "links": links})

    def links(self, request: HttpRequest, row: M) -> Sequence[Link]:
        """What can be done from the page of one row."""
        return ()

    def _of_this_list(self, request: HttpRequest, link: Link) -> Link:
        """A link that remembers how the list was filtered, where it leads to a page of the same table."""
        if link.posts or not link.url.startswith(self.list_url()):
            return link
        return replace(link, url=self._as_it_was_listed(request, link.url))

    def _as_it_was_listed(self, request: HttpRequest, url: str) -> str:
        kept: dict[str, Any] = {"preserved_filters": self.get_preserved_filters(request), "opts": self.opts}
        return str(add_preserved_filters(kept, url))

    def list_url(self) -> str:
        """Where the list of this table is."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def url_of(self, pk: Any) -> str:
        """Where the page of one row is."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(pk,))


def _remove_selected(page: RecordAdmin[M], request: HttpRequest, queryset: QuerySet[M]) -> HttpResponse | None:
    """The framework's own action, all of it or nothing."""
    with transaction.atomic():
        response: HttpResponse | None = delete_selected(page, request, queryset)
    if isinstance(response, TemplateResponse) and response.context_data is not None:
        # The framework nests the list once more than on the page of a single row.
        (gone,) = response.context_data["deletable_objects"]
        response.context_data |= {"removing": page.removing, "deletable_objects": gone}
    return response
