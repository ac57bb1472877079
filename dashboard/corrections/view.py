"""The view that all corrections derive from: who may make them, where they lead, and what is said when they fail."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views import View

from catalog.errors import CatalogError, Forbidden, Invalid, NotFound, Refused, Unavailable
from catalog.records.override import Scope
from dashboard.live import announcements
from dashboard.live.context import current_context
from dashboard.live.state import state_of
from dashboard.live.viewers import Viewer
from dashboard.memory.board import Board
from registry.access.grant import Grant, Kind
from registry.access.roles import role_of
from registry.corrections.subject import Subject

STATUSES = ((NotFound, 404), (Invalid, 400), (Refused, 409), (Forbidden, 403), (Unavailable, 503))
AWAY = (
    "The database cannot be reached, so nothing can be changed and nothing was. Lookups go on. Try again in a moment."
)


class Correction(View):
    """A correction by hand: for operators who have signed in, by forms that work without script."""

    http_method_names = ("get", "post", "head", "options")
    title = "Correct"
    area = "overrides"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """See View; it finds out who asks, and answers every failure with a page that explains it."""
        self.board: Board = current_context().board
        self.now = self.board.clock()
        self.viewer = Viewer()
        try:
            response = self._admitted(request, *args, **kwargs)
        except DatabaseError:
            response = self.failed(Unavailable(AWAY))
        except CatalogError as error:
            response = self.failed(error)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _admitted(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        role = role_of(request.user)
        if role is None:
            return redirect_to_login(request.get_full_path())
        self.viewer = Viewer(request.user.get_username(), role)
        if not self.viewer.may_correct:
            raise Forbidden(
                f"{self.viewer.name} may look and not correct. Ask an administrator for the role operator, "
                "or an operator to do this."
            )
        return super().dispatch(request, *args, **kwargs)

    @property
    def home(self) -> str:
        """The region of this process."""
        return self.board.home

    @property
    def heading(self) -> str:
        """What the page is called."""
        return self.title

    @property
    def actor(self) -> str:
        """Who is at work, for the log: `admin:alice@10.0.0.8/dashboard`."""
        grant = Grant(Kind.ADMIN, self.viewer.name, frozenset())
        return grant.actor(str(self.request.META.get("REMOTE_ADDR") or "unknown"), "dashboard")

    def page(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """A page of the dashboard that is not live."""
        whole = {
            "page": self, "board": self.board, "viewer": self.viewer, "home": self.home, "next": self.next(""),
            "state": state_of(self.board.view, self.home, self.now), **context,
        }  # fmt: skip
        return render(self.request, f"dashboard/{template}", whole, status=status)

    def failed(self, error: CatalogError) -> HttpResponse:
        """What went wrong, and that nothing was done."""
        status = next((code for kind, code in STATUSES if isinstance(error, kind)), 409)
        response = self.page("correct_failed.html", status=status, problem=str(error), code=status)
        if status == 503:
            response.headers["Retry-After"] = "5"
        return response

    def next(self, otherwise: str) -> str:
        """Where the person came from: a path of this site, and nothing else."""
        given = self.request.POST.get("next") or self.request.GET.get("next") or ""
        fits = given.startswith("/") and url_has_allowed_host_and_scheme(given, allowed_hosts=None)
        return given if fits and len(given) < 2000 else otherwise

    def leave(self, otherwise: str) -> HttpResponseRedirect:
        """Back to where the person came from."""
        return HttpResponseRedirect(self.next(otherwise))

    def announce(self, did: str, reason: str, *, undo: str = "", word: str = "Undo") -> None:
        """Tell the operator, with a way back, and all open dashboards."""
        sentence = f"{self.viewer.name} {did}: {reason}" if reason else f"{self.viewer.name} {did}"
        link = format_html(' <a href="{}">{}</a>', undo, word) if undo else ""
        messages.success(self.request, format_html("You {}.{}", did, link))
        announcements.announce(sentence)

    def tell(self, sentence: str) -> None:
        """Tell the operator alone that there was nothing to do."""
        messages.info(self.request, sentence)


def address(name: str, **query: str) -> str:
    """The address of a page for corrections, with what is empty left out."""
    return f"{reverse(f'dashboard:{name}')}?{urlencode({key: value for key, value in query.items() if value})}"


def page_of(subject: Subject) -> str:
    """The page of what the correction is about."""
    if subject.scope is Scope.INSTANCE:
        return reverse(
            "dashboard:instance", args=[subject.region, subject.namespace, subject.service, subject.instance]
        )
    if subject.service:
        return reverse("dashboard:service", args=[subject.namespace, subject.service])
    return reverse("dashboard:overrides")
