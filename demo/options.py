"""The command line of the demo fleet."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from demo.names import ALONE, Share

CREDENTIAL_VARIABLE = "MERIDIAN_TOKEN"
MOST_SERVICES = 500

_EXAMPLES = f"""\
examples:
  python -m demo --url http://127.0.0.1:8500
      fifty services at the registry on this machine, until Ctrl-C
  python -m demo --url http://127.0.0.1:8510 --zones eu-west-1a,eu-west-1b --seed 2
      another fleet, for the region on the next port
  python -m demo --url http://127.0.0.1:8520 --zones ap-south-1a,ap-south-1b --seed 3 --share 3/3
      the third of three small fleets: some services run in all of them, others in two or in one
  python -m demo --url http://127.0.0.1:8500 --services 5 --pace 4
      a small fleet in which everything happens four times as fast
  python -m demo --url http://127.0.0.1:8500 --pace 0 --quiet
      a steady fleet in which nothing happens
  python -m demo --url http://127.0.0.1:8500 --vanish
      on Ctrl-C all stop without deregistering, to watch the leases run out

The same seed tells the same story. A registry that wants a token gets the one in {CREDENTIAL_VARIABLE}.
Ctrl-C or SIGTERM ends the fleet; a second one ends it at once.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the fleet was asked to be. `pace` 1 is the natural speed, 0 means that nothing happens."""

    url: str
    services: int = 50
    seed: int = 1
    zones: tuple[str, ...] = ("us-east-1a", "us-east-1b", "us-east-1c")
    share: Share = ALONE
    pace: float = 1.0
    quiet: bool = False
    vanish: bool = False
    token: str | None = None


def parse_options(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Read the command line. Raises SystemExit with a message on standard error when it makes no sense."""
    said = _parser().parse_args(arguments)
    return Options(
        url=said.url,
        services=said.services,
        seed=said.seed,
        zones=said.zones,
        share=said.share,
        pace=said.pace,
        quiet=said.quiet,
        vanish=said.vanish,
        token=environment.get(CREDENTIAL_VARIABLE) or None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Run a fleet of small real services that register themselves, are checked, fail, vanish, return, "
        "scale and roll out new versions.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Options(url="")
    parser.add_argument("--url", required=True, type=_url, help="the registry, such as http://127.0.0.1:8500")
    parser.add_argument(
        "--services", type=_service_count, default=default.services, metavar="N", help="how many services (default 50)"
    )
    parser.add_argument("--seed", type=int, default=default.seed, metavar="N", help="which story (default 1)")
    parser.add_argument(
        "--zones",
        type=_zones,
        default=default.zones,
        metavar="A,B,...",
        help=f"zones to spread over (default {','.join(default.zones)})",
    )
    parser.add_argument(
        "--share", type=_share, default=default.share, metavar="K/N", help="the services of fleet K of N (default all)"
    )
    parser.add_argument(
        "--pace", type=_pace, default=default.pace, metavar="X", help="speed of the story; 0: none (default 1)"
    )
    parser.add_argument("--quiet", action="store_true", help="print no events, only what concerns the whole fleet")
    parser.add_argument("--vanish", action="store_true", help="at the end stop without deregistering")
    return parser


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http address such as http://127.0.0.1:8500")
    return text.rstrip("/")


def _service_count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MOST_SERVICES:
        raise argparse.ArgumentTypeError(f"must be between 1 and {MOST_SERVICES}")
    return count


def _zones(text: str) -> tuple[str, ...]:
    zones = tuple(zone.strip() for zone in text.split(","))
    if not all(zones):
        raise argparse.ArgumentTypeError("zones are separated by commas, such as us-east-1a,us-east-1b")
    return zones


def _share(text: str) -> Share:
    number, _, fleets = text.partition("/")
    share = Share(int(number), int(fleets))
    if not 1 <= share.number <= share.fleets:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of several fleets, such as 2/3")
    return share


def _pace(text: str) -> float:
    pace = float(text)
    if not 0 <= pace <= 1000:
        raise argparse.ArgumentTypeError("must be between 0 and 1000")
    return pace
