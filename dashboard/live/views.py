"""The first paint of a page: rendered whole by the server, from the same parts that keep it up to date later."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.template.loader import render_to_string
from django.views import View

from dashboard.live import ticket
from dashboard.live.context import current_context
from dashboard.live.page import Page
from dashboard.live.screens import Screen
from dashboard.live.viewers import Viewer, identify

# As a middleware it would compress the API's answers too. It pads what it compresses, so that the length of a page
# tells nothing of the secrets in it (BREACH).
compression = GZipMiddleware(lambda request: HttpResponse())


class PageView(View):
    """Serves a page to viewers who may read it."""

    page: type[Page] = Page

    async def get(self, request: HttpRequest, **arguments: str) -> HttpResponseBase:
        """The page as it is now; status 404, with suggestions, when its subject is unknown."""
        context = current_context()
        viewer = await identify(request.auser, ticket.of(request))
        if not viewer.may_read(context.is_open):
            login = redirect_to_login(request.get_full_path())
            if viewer.verified:
                ticket.withdraw(login)
            return login
        page = self.page(context.board, arguments, request.GET.dict())
        screen = await context.screens.open(page)
        # Rendered and compressed on a thread: lookups are answered meanwhile.
        respond = sync_to_async(_response, thread_sensitive=False)
        return await respond(request, screen, page, viewer, secure=context.secure)


def _response(request: HttpRequest, screen: Screen, page: Page, viewer: Viewer, *, secure: bool) -> HttpResponseBase:
    response = HttpResponse(_html(request, screen, page, viewer), status=200 if page.found() else 404)
    ticket.issue(response, viewer, secure=secure)
    response.headers["Cache-Control"] = "no-store"
    return compression.process_response(request, response)


def _html(request: HttpRequest, screen: Screen, page: Page, viewer: Viewer) -> str:
    version = screen.version
    context: dict[str, Any] = {
        "page": page,
        "content": version.content,
        "epoch": screen.epoch,
        "version": version.number,
        "state": screen.state,
        "viewer": viewer,
        "board": page.board,
        **page.context(),
    }
    return render_to_string(page.template, context, request)
