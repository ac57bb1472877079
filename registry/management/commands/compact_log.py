"""`./meridian compact_log`: forget old history now. A daily task does the same."""

import json
import time
from argparse import ArgumentParser
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalog.errors import Invalid
from catalog.records.duration import seconds, spoken
from registry.log.compaction import compact
from registry.models import Region


class Command(BaseCommand):
    """Compacts the logs of every region that is kept in this database."""

    help = "Forget the changes of the log that are older than the history to keep. The catalog itself is untouched."

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = spoken(settings.MERIDIAN.history)
        parser.add_argument(
            "--keep", default=default, help=f"how much history to keep, such as 12h (default {default})"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be forgotten")
        parser.add_argument("--json", action="store_true", help="print one JSON object a region")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            keep = seconds(options["keep"], field="--keep")
        except Invalid as invalid:
            raise CommandError(f"--keep: {invalid}") from None
        for name in Region.objects.order_by("name").values_list("name", flat=True):
            done = compact(name, keep=keep, now=time.time(), dry_run=options["dry_run"])
            if options["json"]:
                self.stdout.write(json.dumps(msgspec.to_builtins(done)))
                continue
            verb = "would forget" if options["dry_run"] else "forgot"
            self.stdout.write(
                f"{name}: {verb} {done.changes} changes up to index {done.floor} and {done.tombstones} tombstones"
            )
