"""`./meridian peer`: invites, accepts, shows, approves and revokes the regions that this one trusts."""

import asyncio
import getpass
import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog.errors import CatalogError, Invalid
from catalog.records import names
from federation import status
from federation.peers import trust
from registry.breaker import holds

EXAMPLES = """\
peering, between any two regions:

  us-east$ ./meridian peer invite eu-west        prints a token
  eu-west$ ./meridian peer accept TOKEN          both follow each other from now on
"""


class Command(BaseCommand):
    """Exits with 1 and one sentence when it cannot be done."""

    help = "Invite, accept, show, approve or revoke peers: the regions that follow this one and are followed by it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EXAMPLES
        actions = parser.add_subparsers(dest="action", required=True)
        invite = actions.add_parser("invite", help="print a token for another region to accept")
        invite.add_argument("region", help="the name of the region to invite")
        invite.add_argument("--url", help="where that region reaches this one; default MERIDIAN_URL")
        invite.add_argument("--read-only", action="store_true", help="let it follow, and forward no writes to here")
        accept = actions.add_parser("accept", help="accept the token of another region's invitation")
        accept.add_argument("token")
        accept.add_argument("--url", help="where that region reaches this one; default MERIDIAN_URL")
        accept.add_argument("--read-only", action="store_true", help="let it follow, and forward no writes to here")
        showing = actions.add_parser("status", help="show what each region holds of each")
        revoke = actions.add_parser("revoke", help="end the trust in a peer at once")
        revoke.add_argument("region")
        approve = actions.add_parser("approve", help="let happen what the breaker holds of a peer")
        approve.add_argument("region")
        approve.add_argument("--reason", required=True, help="why, for the record")
        for each in (invite, accept, showing, revoke, approve):
            each.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        try:
            ACTIONS[action](self, options)
        except Invalid as error:
            raise CommandError(f"{error.field}: {error}" if error.field else str(error)) from None
        except CatalogError as error:
            raise CommandError(str(error)) from None

    def invite(self, options: dict[str, Any]) -> None:
        """Print the token alone on the last line, so that it can be cut off."""
        region = options["region"]
        token = trust.invite(
            region, actor=_actor(), now=time.time(), url=options["url"], writes=not options["read_only"]
        )
        if options["json"]:
            self.stdout.write(json.dumps({"region": region, "token": token}))
            return
        self.stderr.write(f"give this token to {region} within a day; it works once:  ./meridian peer accept TOKEN")
        self.stdout.write(token)

    def accept(self, options: dict[str, Any]) -> None:
        """Both regions are peers then."""
        accepting = trust.accept(options["token"], actor=_actor(), url=options["url"], writes=not options["read_only"])
        region = asyncio.run(accepting)
        self.stdout.write(json.dumps({"region": region}) if options["json"] else f"{region} is a peer now")

    def status(self, options: dict[str, Any]) -> None:
        """The matrix."""
        matrix = asyncio.run(status.matrix(now=time.time()))
        self.stdout.write(json.dumps(status.as_json(matrix), indent=1) if options["json"] else status.table(matrix))

    def revoke(self, options: dict[str, Any]) -> None:
        """By the region's name."""
        peer = trust.revoke(options["region"], actor=_actor(), now=time.time())
        done = {"region": peer.region, "state": peer.state}
        self.stdout.write(
            json.dumps(done) if options["json"] else f"{peer.region} is no peer any more; its mirror stays"
        )

    def approve(self, options: dict[str, Any]) -> None:
        """What is held happens."""
        reason = names.reason(options["reason"])
        hold = holds.approve_mirror(options["region"], actor=_actor(), cause=reason, now=time.time())
        done = {"region": hold.name, "held": hold.formula}
        self.stdout.write(json.dumps(done) if options["json"] else f"approved: {hold.formula}")


ACTIONS = {
    "invite": Command.invite,
    "accept": Command.accept,
    "status": Command.status,
    "revoke": Command.revoke,
    "approve": Command.approve,
}


def _actor() -> str:
    return f"shell:{getpass.getuser()}"
