"""Makes, lists and revokes tokens."""

import getpass
import json
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from catalog.errors import CatalogError, Invalid
from catalog.records.duration import seconds
from registry.access.issuing import create_token, find_token, revoke_token
from registry.models import Token

EXAMPLES = """\
scopes: read · write:PREFIX (services whose name begins so) · write:* · operator (all of these, and overrides, held
removals and tokens) · peer (another region)
"""


class Command(BaseCommand):
    """The first token of a region is made here, before anything listens."""

    help = "Make, list or revoke tokens. A secret is shown once, when it is made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EXAMPLES
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a token and print its secret")
        create.add_argument("name", help="stands in the log as who did it")
        create.add_argument("--scope", action="append", dest="scopes", required=True, help="repeat for several")
        create.add_argument("--expires", metavar="90d", help="for example 12h or 90d; without it the token stays good")
        listing = actions.add_parser("list", help="show all tokens, without their secrets")
        revoke = actions.add_parser("revoke", help="end a token at once")
        revoke.add_argument("token", help="its id or its name")
        for each in (create, listing, revoke):
            each.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_: Any, action: str, **options: Any) -> None:
        try:
            ACTIONS[action](self, options)
        except Invalid as error:
            raise CommandError(f"{error.field}: {error}" if error.field else str(error)) from None
        except CatalogError as error:
            raise CommandError(str(error)) from None

    def create(self, options: dict[str, Any]) -> None:
        """Print the secret alone on the last line, so that it can be cut off. Makes the tables when there are none."""
        settings.MERIDIAN.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        expires_in = seconds(options["expires"], field="expires", least=1.0) if options["expires"] else None
        token, secret = create_token(
            options["name"], options["scopes"], expires_in=expires_in, actor=_actor(), now=time.time()
        )
        if options["json"]:
            self._print_json({**_facts(token), "secret": secret})
            return
        until = f"until {_spoken(token.expires_at)}" if token.expires_at else "until it is revoked"
        self.stderr.write(f"token {token.name} ({token.scopes}) is good {until}; its secret is shown only now:")
        self.stdout.write(secret)

    def list(self, options: dict[str, Any]) -> None:
        """One line a token."""
        tokens = list(Token.objects.all())
        if options["json"]:
            self._print_json([_facts(token) for token in tokens])
            return
        if not tokens:
            self.stderr.write("there are no tokens")
        for token in tokens:
            self.stdout.write(f"{token.id}  {token.name:<24} {_state(token):<32} {token.scopes}")

    def revoke(self, options: dict[str, Any]) -> None:
        """By id, or by name."""
        token = revoke_token(find_token(options["token"]).id, actor=_actor(), now=time.time())
        if options["json"]:
            self._print_json(_facts(token))
            return
        self.stdout.write(f"token {token.name} ({token.id}) is revoked")

    def _print_json(self, value: Any) -> None:
        self.stdout.write(json.dumps(value, indent=1))


ACTIONS = {"create": Command.create, "list": Command.list, "revoke": Command.revoke}


def _facts(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes.split(),
        "created_at": token.created_at.isoformat(),
        "created_by": token.created_by,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
        "last_used_at": token.last_used_at.isoformat() if token.last_used_at else None,
    }


def _state(token: Token) -> str:
    if token.revoked_at:
        return f"revoked {_spoken(token.revoked_at)}"
    if token.expires_at is None:
        return "good until revoked"
    tense = "expired" if token.expires_at.timestamp() <= time.time() else "good until"
    return f"{tense} {_spoken(token.expires_at)}"


def _spoken(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _actor() -> str:
    return f"shell:{getpass.getuser()}"
