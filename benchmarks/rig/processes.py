"""Servers of a benchmark: started on free ports of loopback, pinned to one core, ended with the benchmark."""

import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from config.environment import Address
from config.local.child_lifetime import die_with
from config.local.plan import (
    MANAGE,
    RegionPlan,
    plan_region,
    preparation,
    region_environment,
    region_processes,
    valkey_process,
)
from config.local.ports import free_port
from config.local.valkey import valkey_answers

STARTED_WITHIN = 120.0  # seconds; a busy machine starts a region slowly, and no figure counts this time


def until(probe: Callable[[], object], *, what: str, within: float = STARTED_WITHIN, every: float = 0.05) -> None:
    """Ask until the answer is true. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + within
    while not probe():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(every)


def answers(url: str) -> bool:
    """True when a GET of the URL is answered with a 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(
    command: Sequence[str], *, core: int | None, log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, ended with the block. What it prints goes to the end of `log`."""
    pinned = ["taskset", "-c", str(core), *command] if core is not None else list(command)
    with log.open("ab") as output:
        process = subprocess.Popen(
            pinned,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=partial(die_with, os.getpid()),
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            pass  # the group is killed below
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # every process of the group has ended
    process.wait()


@dataclass(slots=True)
class Region:
    """A running region: where it answers, the variables that its processes have, and the processes by name."""

    url: str
    dns_port: int
    data: Path
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def stop(self, name: str) -> None:
        """End one process before the others."""
        _end(self.processes.pop(name))

    @contextmanager
    def another_server(self, port: int, *, core: int | None) -> Iterator[str]:
        """One more server of the region on a port of its own; yields its URL."""
        url = f"http://127.0.0.1:{port}"
        variables = {**self.environment, "MERIDIAN_HTTP_PORT": str(port)}
        with running((*MANAGE, "serve"), core=core, log=self.log, variables=variables):
            until(lambda: answers(f"{url}/health/ready"), what="another server is ready")
            yield url


def _plan(name: str, data: Path) -> RegionPlan:
    http, dns = (Address("127.0.0.1", free_port()) for _ in range(2))
    return plan_region(region=name, data=data, http=http, dns=dns, demo=False, valkey=None, free_port=free_port())


def _require_ready(region: Region) -> None:
    try:
        until(lambda: answers(f"{region.url}/health/ready"), what="the region is ready")
    except TimeoutError as error:
        raise RuntimeError(f"{error}\n{region.log.read_text(errors='replace')[-3000:]}") from None


@contextmanager
def region(
    parts: Sequence[str] = ("server",),
    *,
    core: int | None,
    name: str = "us-east",
    variables: Mapping[str, str] | None = None,
    seed: Callable[[Path, Mapping[str, str]], None] | None = None,
) -> Iterator[Region]:
    """A region with its Valkey and the named processes: server, worker, beat, dns. All share one core.

    `seed` is called with the data directory and the environment once the tables are there and before the processes
    start.
    """
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-bench-")))
        plan = _plan(name, data)
        log = data / "bench.log"
        environment = {**region_environment(plan), "MERIDIAN_LOG_LEVEL": "warning", **(variables or {})}
        valkey, port = valkey_process(plan), plan.valkey_port
        assert valkey is not None
        assert port is not None
        running_region = Region(plan.url, plan.dns.port, data, log, {**os.environ, **environment})
        started = running_region.processes
        started["valkey"] = stack.enter_context(running(valkey.command, core=core, log=log))
        until(lambda: valkey_answers(port), what="Valkey answers")
        subprocess.run(preparation(plan).command, env={**os.environ, **environment}, check=True, capture_output=True)
        if seed is not None:
            seed(data, environment)
        for process in region_processes(plan):
            if process.name in parts:
                started[process.name] = stack.enter_context(
                    running(process.command, core=core, log=log, variables=environment)
                )
        if "server" in parts:
            _require_ready(running_region)
        yield running_region


NGINX = """
worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
  default_type application/json;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{ listen 127.0.0.1:{port}; root {directory}/files; }}
}}
"""


@contextmanager
def nginx(files: Mapping[str, bytes], *, core: int | None) -> Iterator[str]:
    """nginx with one worker, serving `files` by path; yields its URL."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-bench-nginx-")))
        directory.chmod(0o755)
        for path, content in files.items():
            file = directory / "files" / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        port = free_port()
        configuration = directory / "nginx.conf"
        configuration.write_text(NGINX.format(directory=directory, port=port))
        command = ["nginx", "-c", str(configuration), "-e", str(directory / "error.log")]
        stack.enter_context(running(command, core=core, log=directory / "bench.log"))
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{url}/{next(iter(files)).lstrip('/')}"), what="nginx answers", within=10)
        yield url


@contextmanager
def etcd(*, core: int | None) -> Iterator[str]:
    """A single etcd with default fsync; yields the URL of its JSON gateway."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-bench-etcd-")))
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        command = [
            "etcd", "--data-dir", str(directory / "data"), "--log-level", "error",
            "--initial-cluster", f"default={peer}", "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
        ]  # fmt: skip
        stack.enter_context(running(command, core=core, log=directory / "bench.log", variables={"GOMAXPROCS": "1"}))
        until(lambda: answers(f"{client}/health"), what="etcd answers", within=20)
        yield client
