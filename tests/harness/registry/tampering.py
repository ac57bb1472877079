"""Changing the tables behind the log's back, as a hand in the database would."""

from typing import Any

from django.db import connection
from django.db.models import Model

from registry.models import InstanceRow


def tamper(row: Model, **values: Any) -> None:
    """Overwrite columns of a row."""
    columns = ", ".join(f'"{name}" = %s' for name in values)
    _execute(f'UPDATE "{row._meta.db_table}" SET {columns} WHERE "id" = %s', *values.values(), row.pk)  # noqa: S608


def remove(row: Model) -> None:
    """Delete a row."""
    _execute(f'DELETE FROM "{row._meta.db_table}" WHERE "id" = %s', row.pk)  # noqa: S608


def smuggle(row: InstanceRow, **values: Any) -> None:
    """Add a copy of an instance's row with other values."""
    fields = {field.name: getattr(row, field.name) for field in row._meta.fields if field.name != "id"}
    fields.update(values)
    columns, marks = ", ".join(f'"{name}"' for name in fields), ", ".join(["%s"] * len(fields))
    _execute(f'INSERT INTO "{row._meta.db_table}" ({columns}) VALUES ({marks})', *fields.values())  # noqa: S608


def _execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
