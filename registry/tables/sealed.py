"""Sealed tables: the framework's ways of writing them are closed. What they wrote would be missing from the log."""

from typing import Any, NoReturn, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class Sealed(Exception):
    """A table of the catalog was to be written around the verbs of `registry.actions`."""


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise Sealed("this table is written by the verbs of registry.actions alone, so that every change is in the log")


class WrittenOnceSet(models.QuerySet[M]):
    """Rows to be read, and forgotten by compaction when they are old."""

    create = bulk_create = bulk_update = get_or_create = update_or_create = update = _refuse


class SealedSet(WrittenOnceSet[M]):
    """Rows to be read."""

    delete = _refuse


class SealedModel(models.Model):
    """A row to be read."""

    class Meta:
        abstract = True

    save = delete = _refuse
