"""Makes a region's data ready for use: tables, static files, the signing key, and if asked an administrator."""

import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config.environment import Environment
from config.exposure import Exposed, refuse_exposure
from config.local.welcome import ADMIN_PASSWORD
from config.secret import kept_secret


class Command(BaseCommand):
    """Safe to run again at each start."""

    help = "Make the data directory, tables and static files of a region ready. Safe to run at each start."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--admin", action="store_true", help="make the user admin when there is no user yet")

    def handle(self, *_: Any, **options: Any) -> None:
        environment: Environment = settings.MERIDIAN
        environment.data.mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if options["admin"]:
            make_administrator(environment)
        try:
            refuse_exposure(environment)
        except Exposed as problem:
            raise CommandError(str(problem)) from None


def make_administrator(environment: Environment) -> None:
    """A superuser `admin` with a random password kept in the data directory, when there is no user at all."""
    users = get_user_model()
    if users.objects.exists():
        return
    password = kept_secret(environment.data / ADMIN_PASSWORD, secrets.token_urlsafe(12))
    users.objects.create_superuser("admin", password=password)
