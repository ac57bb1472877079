#!/usr/bin/env python
"""Meridian's commands: `python manage.py help` lists them, `python manage.py up --help` starts with one."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command; settings that cannot work are one sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(f"meridian: {problem}")


if __name__ == "__main__":
    main()
