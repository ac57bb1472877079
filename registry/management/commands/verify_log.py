"""`./meridian verify_log`: prove that log, tables and digest agree, or name what differs."""

import json
import sys
from argparse import ArgumentParser
from typing import Any
from uuid import uuid4

import msgspec
from django.core.management.base import BaseCommand

from registry.log.verification import Verification, verify
from registry.models import Region


class Command(BaseCommand):
    """Exits with 1 when anything differs."""

    help = "Replay the log, compare it with the tables and the digest, and exit with 1 when they differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object a region")
        parser.add_argument(
            "--new-log-id",
            action="store_true",
            help="first give the local log a new identity: do this once after restoring a backup, "
            "so that every follower starts again from a snapshot",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if options["new_log_id"]:
            for region in Region.objects.filter(is_local=True):
                Region.objects.filter(pk=region.pk).update(log_id=uuid4().hex)
        found = [verify(name) for name in Region.objects.order_by("name").values_list("name", flat=True)]
        for verification in found:
            self._print(verification, as_json=options["json"])
        if not found:
            self.stdout.write("nothing was written here yet")
        if any(verification.problems for verification in found):
            sys.exit(1)

    def _print(self, verification: Verification, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(msgspec.to_builtins(verification)))
            return
        self.stdout.write(
            f"{verification.region}: log {verification.log_id}, changes {verification.floor + 1} to "
            f"{verification.index}, {verification.records} records, digest {verification.digest[:16]}…"
        )
        for problem in verification.problems:
            self.stdout.write(f"  {problem}")
        self.stdout.write("  differs" if verification.problems else "  log, tables and digest agree")
