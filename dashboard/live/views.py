"""A page's first paint: rendered whole by the server, from the same parts that keep it up to date later."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.template.loader import render_to_string
from django.views import View

from dashboard.live import ticket
from dashboard.live.context import installed
from dashboard.live.page import Page
from dashboard.live.screens import Screen
from dashboard.live.viewers import Viewer, identify

# As a middleware it would compress the API's answers too. It pads what it compresses, so that the length of a page
# tells nothing of the secrets in it (BREACH).
compression = GZipMiddleware(lambda request: HttpResponse())


class PageView(View):
    """Shows a page to whoever may read it."""

    page: type[Page] = Page

    async def get(self, request: HttpRequest, **arguments: str) -> HttpResponseBase:
        """The page as it is now; 404 when it is about nothing that is known, with what is near."""
        ours = installed()
        viewer = await identify(request.auser, ticket.of(request))
        if not viewer.may_read(ours.is_open):
            asked = redirect_to_login(request.get_full_path())
            if viewer.known:
                ticket.withdraw(asked)
            return asked
        page = self.page(ours.board, arguments, request.GET.dict())
        screen = await ours.screens.look(page)
        # On a thread, compressed there too: lookups are answered meanwhile.
        answered = sync_to_async(_answered, thread_sensitive=False)
        return await answered(request, screen, page, viewer, secure=ours.secure)


def _answered(request: HttpRequest, screen: Screen, page: Page, viewer: Viewer, *, secure: bool) -> HttpResponseBase:
    response = HttpResponse(_whole(request, screen, page, viewer), status=200 if page.found() else 404)
    ticket.issue(response, viewer, secure=secure)
    response.headers["Cache-Control"] = "no-store"
    return compression.process_response(request, response)


def _whole(request: HttpRequest, screen: Screen, page: Page, viewer: Viewer) -> str:
    edition = screen.edition
    context: dict[str, Any] = {
        "page": page,
        "sheet": edition.sheet,
        "epoch": screen.epoch,
        "version": edition.version,
        "state": screen.state,
        "viewer": viewer,
        "board": page.board,
        **page.context(),
    }
    return render_to_string(page.template, context, request)
