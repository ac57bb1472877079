"""Makes people who may sign in, and says what they may do."""

import getpass
import secrets
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from registry.access.roles import Role

EXAMPLES = """\
roles:
  viewer          sees the catalog, changes nothing
  operator        and sets overrides and policies, deregisters, decides about held removals
  administrator   and makes tokens, peers and users

examples:
  ./meridian user vera --role viewer                 asks for a password
  ./meridian user otto --role operator --generate    prints a new one
  ./meridian user otto --role administrator          otto's password stays
  ./meridian user otto --generate                    otto's role stays
"""


class Command(BaseCommand):
    """A user of the dashboard and the admin site; also the way back in when a password is lost."""

    help = "Make a user of the dashboard and the admin site, or change one's role or password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("name", help="under which they sign in; it stands in the log as who did it")
        parser.add_argument("--role", choices=[role.value for role in Role], help="viewer for a new user if not said")
        asked = parser.add_mutually_exclusive_group()
        asked.add_argument("--generate", action="store_true", help="print a generated password instead of asking")
        asked.add_argument("--password", action="store_true", help="ask a user who is there already for a new one too")

    def handle(self, *_: Any, name: str, role: str | None, generate: bool, password: bool, **__: Any) -> None:
        user = User.objects.filter(username=name).first()
        is_new = user is None
        user = user or _named(name)
        # Without a terminal there is no prompt: a script gets a generated one.
        generated = secrets.token_urlsafe(12) if generate or (is_new and not sys.stdin.isatty()) else None
        chosen = generated or (_ask(user) if is_new or password else None)
        given = Role(role) if role else Role.VIEWER if is_new else None
        with transaction.atomic():
            _save(user, given, chosen)
        spoken = f"is {'an' if given and given is not Role.VIEWER else 'a'} {given} now" if given else "keeps the role"
        self.stderr.write(f"{name} {spoken}" + ("; the password is shown only now:" if generated else ""))
        if generated:
            self.stdout.write(generated)


def _named(name: str) -> User:
    user = User(username=name)
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise CommandError(f"{name[:80]!r} is no name for a user: {' '.join(error.messages)}") from None
    return user


def _ask(user: User) -> str:
    """A password, typed twice alike. Raises CommandError, also without a terminal."""
    if not sys.stdin.isatty():
        raise CommandError("there is no terminal to ask for a password: use --generate")
    try:
        first = getpass.getpass(f"Password for {user.username}: ")
        again = getpass.getpass("Once more: ")
        validate_password(first, user)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    except (EOFError, KeyboardInterrupt):
        raise CommandError("no password, so nothing was done") from None
    if first != again:
        raise CommandError("the two are not the same, so nothing was done")
    return first


def _save(user: User, role: Role | None, password: str | None) -> None:
    if password is not None:
        user.set_password(password)
    if role is not None:
        user.is_staff, user.is_active = True, True
        user.is_superuser = user.is_superuser and role.may_administer
    user.save()
    if role is not None:
        others = Group.objects.filter(name__in=[other.value for other in Role if other is not role])
        user.groups.remove(*others)
        user.groups.add(Group.objects.get(name=role.value))
