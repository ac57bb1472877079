"""Live connections: which addresses take them. Who may open one is for the connection itself to find out."""

from typing import Any

from channels.routing import URLRouter
from django.urls import path

from dashboard.live.consumer import Watching

websockets: Any = URLRouter([path("ws/dashboard", Watching.as_asgi())])
