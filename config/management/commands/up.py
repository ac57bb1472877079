"""Runs a whole region on one machine, or several that know each other."""

import os
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.environment import Environment, EnvironmentProblem, read_environment
from config.local.plan import RegionPlan, beside, plan_region
from config.local.ports import free_port
from config.local.region import CannotStart, run_regions

EXAMPLES = """
examples:
  ./meridian up
      a region us-east on port 8500, DNS on port 8600, data in .meridian
  ./meridian up --demo
      the same with a fleet of 50 services to look at
  ./meridian up --regions us-east,eu-west,ap-south --demo
      three regions, each a peer of each: HTTP on 8500, 8510 and 8520, DNS on 8600, 8610 and 8620,
      data in .meridian/us-east and so on
  ./meridian up --region eu-west --port 8510 --dns-port 8610 --data .meridian-eu
      another region beside it
  MERIDIAN_DATABASE_URL=postgres://meridian:secret@127.0.0.1/meridian ./meridian up
      over PostgreSQL
  MERIDIAN_VALKEY_URL=redis://127.0.0.1:6379/0 ./meridian up
      over a Valkey or Redis that runs already

Ctrl-C stops everything that was started. The data is kept for the next start.
"""


class Command(BaseCommand):
    """A supervisor; it holds no part of the region itself."""

    help = "Run a whole region on this machine: server, Celery worker and beat, DNS and an embedded Valkey."
    requires_system_checks: list[str] = []
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
        parser.add_argument("--region", default=environment.region, metavar="NAME", help="default %(default)s")
        parser.add_argument("--regions", metavar="A,B,...", help="run all of these, with ports 10 apart, as peers")
        parser.add_argument("--host", default=environment.http.host, help="for HTTP and DNS, default %(default)s")
        parser.add_argument("--port", default=environment.http.port, help="for HTTP, default %(default)s")
        parser.add_argument("--dns-port", default=environment.dns.port, help="default %(default)s")
        parser.add_argument("--data", default=environment.data, metavar="DIR", help="default %(default)s")
        parser.add_argument(
            "--demo", action="store_true", help="with demo services and a user admin for the admin site"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            run_regions(plans_from(options))
        except CannotStart as problem:
            raise CommandError(str(problem)) from None


FLAGS = {
    "MERIDIAN_HTTP_HOST": "--host",
    "MERIDIAN_HTTP_PORT": "--port",
    "MERIDIAN_DNS_HOST": "--host",
    "MERIDIAN_DNS_PORT": "--dns-port",
    "MERIDIAN_DATA": "--data",
}


def _in_flags(sentence: str, *, several: bool) -> str:
    """What is wrong with a variable, said of the flag that was typed."""
    for variable, flag in {**FLAGS, "MERIDIAN_REGION": "--regions" if several else "--region"}.items():
        sentence = sentence.replace(variable, flag)
    return sentence


def plans_from(options: dict[str, Any]) -> tuple[RegionPlan, ...]:
    """The plans of all regions that the flags ask for. Raises CannotStart."""
    if options["regions"] is None:
        return (plan_from(options),)
    regions = tuple(name.strip() for name in options["regions"].split(","))
    if not 2 <= len(regions) == len(set(regions)):
        raise CannotStart(f"--regions {options['regions']} does not name two or more different regions.")
    for variable in ("MERIDIAN_DATABASE_URL", "MERIDIAN_VALKEY_URL"):
        if os.environ.get(variable):
            raise CannotStart(f"{variable} is set, but with --regions every region has its own: unset it.")
    plans = [plan_from({**options, "region": region}) for region in regions]
    return beside(plans[0], regions, free_port)


def plan_from(options: dict[str, Any]) -> RegionPlan:
    """The plan that the flags ask for, checked by the rules of their variables. Raises CannotStart."""
    flags = {
        "MERIDIAN_REGION": options["region"],
        "MERIDIAN_HTTP_HOST": options["host"],
        "MERIDIAN_HTTP_PORT": str(options["port"]),
        "MERIDIAN_DNS_HOST": options["host"],
        "MERIDIAN_DNS_PORT": str(options["dns_port"]),
        "MERIDIAN_DATA": str(Path(options["data"]).absolute()),
    }
    try:
        environment = read_environment({**os.environ, **flags})
    except EnvironmentProblem as problem:
        raise CannotStart(_in_flags(str(problem), several=options["regions"] is not None)) from None
    return plan_region(
        region=environment.region,
        data=environment.data,
        http=environment.http,
        dns=environment.dns,
        demo=options["demo"],
        valkey=environment.valkey_url if os.environ.get("MERIDIAN_VALKEY_URL") else None,
        free_port=free_port(),
    )
