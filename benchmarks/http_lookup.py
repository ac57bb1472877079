"""A hot lookup over HTTP, beside nginx serving the same bytes as a file and Django's own async view returning them."""

import sys
import tempfile
from pathlib import Path

from benchmarks.rig.content import register, send
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.processes import answers, until
from config.local.ports import free_port

NAME = "http_lookup"
TARGET = "hot lookup of 6 instances, wrk with 32 connections: 0.4 of nginx, 12 times Django's async view"

DJANGO = """
import os, sys
from pathlib import Path
from django.conf import settings
settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"], MIDDLEWARE=[], LOGGING_CONFIG=None)
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path
BODY = Path(os.environ["BENCH_BODY"]).read_bytes()
async def view(request):
    return HttpResponse(BODY, content_type="application/json")
urlpatterns = [path("services/user-service", view)]
application = get_asgi_application()
"""


def run(harness: Harness) -> list[Figure]:
    """See TARGET."""
    with harness.region() as region, tempfile.TemporaryDirectory(prefix="meridian-bench-django-") as place:
        register(region.url, "user-service", 6)
        _, _, body = send(region.url, "GET", "/services/user-service")
        directory = Path(place)
        (directory / "body").write_bytes(body)
        (directory / "bench_django.py").write_text(DJANGO)
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--lifespan", "off"]
        command += ["--port", str(port), "--no-access-log", "--log-level", "error", "bench_django:application"]
        variables = {"BENCH_BODY": str(directory / "body"), "PYTHONPATH": place}
        django = f"http://127.0.0.1:{port}/services/user-service"
        with (
            harness.nginx({"/services/user-service": body}) as nginx,
            harness.running(command, log=directory / "log", variables=variables),
        ):
            until(lambda: answers(django), what="Django answers", within=20)
            rates = harness.medians(
                nginx=lambda: harness.wrk(f"{nginx}/services/user-service").rate,
                meridian=lambda: harness.wrk(f"{region.url}/services/user-service").rate,
                django=lambda: harness.wrk(django).rate,
            )
    note = (
        f"{rates['meridian']:,.0f}/s; nginx {rates['nginx']:,.0f}/s; Django {rates['django']:,.0f}/s; {len(body)} bytes"
    )
    return [
        Figure(name="hot lookup to nginx", value=rates["meridian"] / rates["nginx"], unit="x", target=0.4, note=note),
        Figure(
            name="hot lookup to Django's async view", value=rates["meridian"] / rates["django"], unit="x", target=12
        ),
    ]
