"""The addresses of live connections. Each connection checks itself who may open it."""

from typing import Any

from channels.routing import URLRouter
from django.urls import path

from dashboard.live.consumer import PageConsumer

websockets: Any = URLRouter([path("ws/dashboard", PageConsumer.as_asgi())])
