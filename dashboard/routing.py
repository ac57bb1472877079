"""Live connections: which addresses take them, and what they pass through first."""

from typing import Any

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware, SessionMiddleware
from django.urls import path

from dashboard.consumer import Watching

websockets: Any = CookieMiddleware(SessionMiddleware(URLRouter([path("ws/dashboard", Watching.as_asgi())])))
