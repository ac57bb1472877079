"""The one ASGI application of a server process: the discovery plane for lookups, Django for what people touch."""

import os
import time
import warnings
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.asgi import get_asgi_application

django: Any = get_asgi_application()  # sets Django up, so that what follows may use its tables

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from prometheus_client import REGISTRY

from config import wire_dashboard
from config.dialects import DIALECTS, PATHS
from config.environment import Environment
from config.mirrors import mirrors_of
from dashboard.live import routing
from discovery.plane import Plane
from discovery.view.probe_heartbeat import Pulse
from discovery.web import server
from discovery.web.operations import routes
from discovery.web.operations.health import Health
from federation.metrics import Exposition
from federation.serve import forward
from federation.serve import routes as serve
from registry import database, valkey
from registry.access.process import process_table, start_refreshing
from registry.checks.counters import worker_metrics
from registry.checks.probe_heartbeat import last_round
from registry.corrections import preview
from registry.leases.renewals import renewals
from registry.log.local import DatabaseLog


def plane_of(environment: Environment) -> Plane:
    """The region's discovery plane for this process. Its tokens are kept fresh from now on."""
    tokens = process_table()
    start_refreshing(tokens)
    log = DatabaseLog(environment.region)
    plane = Plane(
        log=log,
        tokens=tokens,
        renewals=renewals,
        data_dir=environment.data,
        mirrors=mirrors_of(environment, clock=time.time),
        most_watchers=environment.watchers,
        watchers_per_client=environment.watchers_per_client,
        allowed_hosts=settings.ALLOWED_HOSTS,
    )
    plane.at_end(log.close)
    return plane


def application_of(plane: Plane) -> server.Application:
    """The discovery plane in front of Django. The first segment of a path decides, before anything else is done."""
    pulse = Pulse(plane.view, plane.region, last_round, clock=plane.clock)
    health = Health(plane, pulse, {"database": database.ping, "cache": valkey.ping})
    plane.also(pulse.watch)
    plane.also(health.watch)
    peers = Exposition()
    operating = routes.application(plane, health, worker_metrics, peers.read)
    serving = serve.Serving(dialects=PATHS)
    whole = server.Application(
        plane,
        DIALECTS,
        beside={"health": operating, "metrics": operating, "federation": serve.application(serving)},
        otherwise=ProtocolTypeRouter({"http": django, "websocket": routing.websockets}),
    )
    wire_dashboard.install(plane, settings.MERIDIAN)
    preview.share(plane.view)
    serving.application = whole  # what peers pass on is answered like everything else
    forward.install()
    return whole


# WhiteNoise opens files the ordinary way, also under ASGI: they are small, and read on a thread.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
for dialect in DIALECTS:
    if dialect.collector is not None:  # of processes that have no page of their own for Prometheus
        REGISTRY.register(dialect.collector(settings.MERIDIAN.data))
application = application_of(plane_of(settings.MERIDIAN))
