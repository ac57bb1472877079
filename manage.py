#!/usr/bin/env python
"""Meridian's commands: `./meridian help` lists them, `./meridian up --help` starts with one."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from config.environment import EnvironmentProblem, read_environment
from config.local.running_region import NoRegion, choose_region

OF_A_REGION = frozenset({"compact_log", "dns", "peer", "serve", "token", "user", "verify_log", "work"})
HELP = frozenset({"-h", "--help"})


def main() -> None:
    """Run the command; what keeps it from running is one sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        if len(sys.argv) > 1 and sys.argv[1] in OF_A_REGION and not HELP & set(sys.argv):
            read_environment(os.environ)
            first_token = sys.argv[1:3] == ["token", "create"]  # made before anything else of a region
            os.environ["MERIDIAN_DATA"] = str(choose_region(os.environ, may_make=first_token))
        execute_from_command_line(sys.argv)
    except (EnvironmentProblem, ImproperlyConfigured, NoRegion) as problem:
        sys.exit(f"meridian: {problem}")
    except DatabaseError as problem:
        sys.exit(
            f"meridian: the database cannot be used: {str(problem).strip()}. "
            "If it has no tables yet, `./meridian prepare` makes them."
        )


if __name__ == "__main__":
    main()
