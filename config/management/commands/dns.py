"""Runs the DNS server of a region."""

import asyncio
import os
import signal
import socket
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import replace
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalog.view import View
from config.environment import Address, Environment, EnvironmentProblem, read_environment
from config.exposure import Exposed, refuse_exposure
from config.local.child_lifetime import die_with_parent
from config.mirrors import mirrors_of
from discovery.dns import metrics, processes
from discovery.dns.server import DnsServer, Sockets, bind
from discovery.dns.zone import LEAST_PAYLOAD, PAYLOAD, Zone, own_addresses
from discovery.view.follower import Following
from discovery.view.probe_heartbeat import Pulse
from registry.checks.probe_heartbeat import last_round
from registry.log.local import DatabaseLog

EXAMPLES = """
examples:
  ./meridian dns
      on MERIDIAN_DNS_HOST and MERIDIAN_DNS_PORT, 127.0.0.1:8600 unless set
  ./meridian dns --host :: --port 53
      on all addresses of both families
  ./meridian dns --host 10.0.0.2 --host fd00::2 --advertise 10.0.0.2
      on two addresses, and ns.<domain> is the first
  ./meridian dns --domains consul,sd.example.com --ttl 2s
      for these domains, answers kept by others for two seconds
  ./meridian dns --processes 4
      four processes on one port, each with its own view

then:
  dig @127.0.0.1 -p 8600 user-service.service.consul
  dig @127.0.0.1 -p 8600 user-service.service.consul SRV
"""
MOST_PROCESSES = 64
LONGEST_DOMAIN = 150  # so that `<32 digits>.addr.<region>.<domain>` is a name

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Ends on SIGTERM or SIGINT."""

    help = "Run the DNS server of a region, over UDP and TCP on the same port."
    suppressed_base_arguments = {
        "--traceback",
        "--settings",
        "--pythonpath",
        "--verbosity",
        "--no-color",
        "--force-color",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        environment: Environment = settings.MERIDIAN
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        host, domains = environment.dns.host, ",".join(environment.dns_domains)
        parser.add_argument("--host", action="append", metavar="ADDRESS", help=f"may be repeated; default {host}")
        parser.add_argument("--port", type=int, default=environment.dns.port, help="default %(default)s")
        parser.add_argument("--domains", metavar="NAMES", default=domains, help="default %(default)s")
        parser.add_argument(
            "--ttl", metavar="TIME", default=f"{environment.dns_ttl:g}s", help="of an answer, default %(default)s"
        )
        parser.add_argument(
            "--payload", type=int, default=PAYLOAD, metavar="BYTES", help="most in one datagram, default %(default)s"
        )
        parser.add_argument(
            "--advertise", action="append", metavar="ADDRESS", help="of ns.<domain>; default the addresses bound"
        )
        parser.add_argument(
            "--save", action="store_true", help="keep a copy of the view on disk; for a machine where no server does"
        )
        parser.add_argument("--processes", type=int, default=1, metavar="N", help="default %(default)s")

    def handle(self, *_: Any, **options: Any) -> None:
        hosts = _hosts(options["host"] or [settings.MERIDIAN.dns.host])
        _refuse_exposure(hosts, options["port"])
        zone = _zone(options, hosts)
        count: int = options["processes"]
        if not 1 <= count <= MOST_PROCESSES:
            raise CommandError(f"--processes is {count}: use 1 to {MOST_PROCESSES}.")
        if count == 1:
            return _serve(zone, _bound(hosts, options["port"], shared=False), number=0, save=options["save"])
        first = _bound(hosts, options["port"], shared=True)
        # The first process's sockets are bound before any fork, so that a port in use is one clear sentence.

        def child(number: int) -> None:
            die_with_parent()
            sockets = first if number == 0 else _bound(hosts, first[0].port, shared=True)
            _serve(zone, sockets, number=number, save=options["save"] and number == 0)

        raise SystemExit(processes.run(count, child))


def _zone(options: dict[str, Any], hosts: tuple[str, ...]) -> Zone:
    """What the flags say, held to the same rules as the environment's variables."""
    variables = {**os.environ, "MERIDIAN_DNS_DOMAINS": options["domains"], "MERIDIAN_DNS_TTL": options["ttl"]}
    try:
        environment = read_environment(variables)
    except EnvironmentProblem as problem:
        flags = str(problem).replace("MERIDIAN_DNS_DOMAINS", "--domains").replace("MERIDIAN_DNS_TTL", "--ttl")
        raise CommandError(flags) from None
    if longest := [domain for domain in environment.dns_domains if len(domain) > LONGEST_DOMAIN]:
        raise CommandError(f"--domains holds a name of {len(longest[0])} characters: use at most {LONGEST_DOMAIN}.")
    payload: int = options["payload"]
    if not LEAST_PAYLOAD <= payload <= 4096:
        raise CommandError(f"--payload is {payload}: use {LEAST_PAYLOAD} to 4096.")
    return Zone(
        region=environment.region,
        domains=environment.dns_domains,
        ttl=max(1, round(environment.dns_ttl)),
        payload=payload,
        addresses=_hosts(options["advertise"]) if options["advertise"] else own_addresses(hosts),
    )


def _refuse_exposure(hosts: tuple[str, ...], port: int) -> None:
    """DNS asks for no token, but a region that others can reach must have settled who may write first."""
    for host in hosts:
        try:
            refuse_exposure(replace(settings.MERIDIAN, http=Address(host, port)))
        except Exposed as problem:
            raise CommandError(str(problem)) from None


def _hosts(given: list[str]) -> tuple[str, ...]:
    """The addresses behind names such as `localhost`, one for each."""
    try:
        return tuple(str(socket.getaddrinfo(host.strip("[]"), None)[0][4][0]) for host in given)
    except OSError as problem:
        raise CommandError(f"{' '.join(given)} cannot be resolved to an address: {problem.strerror}.") from None


def _bound(hosts: tuple[str, ...], port: int, *, shared: bool) -> list[Sockets]:
    try:
        return [bind(host, port, shared=shared) for host in hosts]
    except OSError as problem:
        where = f"{' and '.join(hosts)}, port {port}"
        raise CommandError(f"cannot listen on {where}: {problem.strerror}; see --host and --port.") from None


def _serve(zone: Zone, sockets: list[Sockets], *, number: int, save: bool) -> None:
    environment: Environment = settings.MERIDIAN

    async def follow(view: View) -> None:
        log = DatabaseLog(environment.region)
        following = Following(environment.region, view, log, environment.data, clock=time.time, save=save)
        mirrors = mirrors_of(environment, clock=time.time, save=save)
        pulse = Pulse(view, environment.region, last_round, clock=time.time)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(following.run())
                tasks.create_task(mirrors.run(view))
                tasks.create_task(pulse.watch())
        finally:
            await log.close()

    file = metrics.path_in(environment.data, str(number))
    server = DnsServer(zone, sockets, follow, clock=time.time, figures=file)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: server.stop())
    logger.info("the DNS server listens", port=sockets[0].port, domains=zone.domains, region=zone.region)
    server.serve()
