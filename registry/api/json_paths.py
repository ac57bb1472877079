"""Conditions on the JSON of a record that no column repeats: its tags, its metadata and its owner.

The text of a record is searched first, which is quick and rules out most records; only the rest is parsed.
"""

import re
from typing import Any

import msgspec
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, Q
from django.db.models.sql.compiler import SQLCompiler

# Metadata and the output of a check may hold a NUL. PostgreSQL refuses to parse one, SQLite ends the text there.
NUL, REPLACEMENT = r"\u0000", r"\ufffd"
DOCUMENTS = {
    "sqlite": "replace({record}, '{nul}', '{replacement}')",
    "postgresql": "(CASE WHEN strpos({record}, '{nul}') = 0 THEN {record}"
    " ELSE replace({record}, '{nul}', '{replacement}') END)::jsonb",
}

PLACES = ("@.tags[*]", "@.owner", "@.metadata.*", "@.metadata.keyvalue().key")
IN_PLACES = """EXISTS (
    SELECT 1 FROM json_tree(json_extract({document}, '$.tags', '$.owner', '$.metadata'))
    WHERE CASE path WHEN '$[2]' THEN key || ' ' || atom ELSE atom END REGEXP %s
)"""


class Condition(Func):
    """A condition on a record and a text: for each kind of database its SQL, and the text as it is written there."""

    def __init__(self, *, sqlite: tuple[str, str], postgresql: tuple[str, str]) -> None:
        super().__init__(F("record"), output_field=BooleanField())
        self.forms = {"sqlite": sqlite, "postgresql": postgresql}

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, list[str]]:
        """See Django."""
        record, _params = compiler.compile(self.source_expressions[0])
        form, text = self.forms[connection.vendor]
        document = DOCUMENTS[connection.vendor].format(record=record, nul=NUL, replacement=REPLACEMENT)
        return form.format(document=document), [text.replace(NUL, REPLACEMENT)]


def has_tag(tag: str) -> Q:
    """Records with exactly this tag."""
    return Q(record__contains=_encoded(tag)) & Q(
        Condition(
            sqlite=("EXISTS (SELECT 1 FROM json_each({document}, '$.tags') WHERE value = %s)", tag),
            postgresql=("jsonb_exists({document} -> 'tags', %s)", tag),
        )
    )


def has_owner(owner: str) -> Q:
    """Records with exactly this owner."""
    return Q(record__contains=_encoded(owner)) & Q(
        Condition(
            sqlite=("json_extract({document}, '$.owner') = %s", owner),
            postgresql=("{document} ->> 'owner' = %s", owner),
        )
    )


def mentions(word: str) -> Q:
    """Records with this text, in any case, in a tag, the owner, or a key or value of the metadata."""
    written = _encoded(word)[1:-1]
    # On SQLite `icontains` is quicker than `iregex`, but folds the case of ASCII alone. On PostgreSQL it is slower.
    quick = word.isascii() and connection.vendor == "sqlite"
    anywhere = Q(record__icontains=written) if quick else Q(record__iregex=re.escape(written))
    like = f'like_regex {_encoded(word)} flag "iq"'
    return anywhere & Q(
        Condition(
            sqlite=(IN_PLACES, "(?i)" + re.escape(word)),
            postgresql=(
                "jsonb_path_exists({document}, %s::jsonpath)",
                f"$ ? ({' || '.join(f'{place} {like}' for place in PLACES)})",
            ),
        )
    )


def _encoded(text: str) -> str:
    """A text as it stands in a record, in quotes."""
    return msgspec.json.encode(text).decode()
