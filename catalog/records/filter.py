"""A filter: a small expression over a record, such as `'primary' in tags and metadata['team'] == 'accounts'`.

The language is a small part of rule-engine's: comparisons, `and`, `or`, `not`, `in`, and a few attributes such as
`version.starts_with('2.')`, over typed fields. An expression is compiled once and cannot reach beyond the record.

What is left out is left out on purpose. Anybody who may read may send an expression, and it is decided on the loop
that answers all other clients: regular expressions, loops, ranges and powers can take hours of it in a few characters.
"""

import re
from functools import lru_cache
from typing import Any

import rule_engine
from rule_engine import DataType
from rule_engine.errors import EngineError
from rule_engine.errors import LookupError as MissingKey

from catalog.errors import Invalid
from catalog.records.instance import Instance

LONGEST = 512

FIELDS = {
    "id": DataType.STRING,
    "service": DataType.STRING,
    "namespace": DataType.STRING,
    "region": DataType.STRING,
    "host": DataType.STRING,
    "port": DataType.FLOAT,
    "ports": DataType.MAPPING(DataType.STRING, DataType.FLOAT),
    "zone": DataType.STRING,
    "version": DataType.STRING,
    "tags": DataType.ARRAY(DataType.STRING),
    "metadata": DataType.MAPPING(DataType.STRING, DataType.STRING),
    "weight": DataType.FLOAT,
    "owner": DataType.STRING,
    "status": DataType.STRING,
}

ATTRIBUTES = ("starts_with", "ends_with", "as_lower", "as_upper", "length", "is_empty", "keys", "values")
WORDS = frozenset({*FIELDS, *ATTRIBUTES, "and", "or", "not", "in", "true", "false", "null"})
STRING = re.compile(r"""(["'])(?:[^\\\n]|\\.)*?\1""")
TOKEN = re.compile(
    r"\s+|(?P<word>[^\W\d]\w*)|\d+(?:\.\d+)?(?!\w)|[=!<>]=|<(?!<)|>(?!>)|[()\[\],.]|(?P<odd>.)", re.ASCII | re.DOTALL
)

_context = rule_engine.Context(
    type_resolver=rule_engine.type_resolver_from_dict(FIELDS),
    resolver=rule_engine.resolve_item,
    mapping_attribute_lookup=False,
)


class Filter:
    """A compiled expression; equal texts are equal filters."""

    __slots__ = ("_rule", "text")

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise Invalid(f"the expression has {len(text)} characters: at most {LONGEST}", field="filter")
        _require_small(text)
        try:
            self._rule = rule_engine.Rule(text, context=_context)
        except EngineError as error:
            known = ", ".join(FIELDS)
            raise Invalid(f"{text!r} cannot be read: {error.message} (fields: {known})", field="filter") from None
        except RecursionError:
            raise Invalid("the expression is nested too deeply", field="filter") from None
        self.text = text

    def accepts(self, instance: Instance) -> bool:
        """Whether the expression holds; a missing metadata key makes it false."""
        try:
            return bool(self._rule.matches(_fields(instance)))
        except MissingKey:
            return False
        except EngineError as error:
            raise Invalid(f"{self.text!r} cannot be decided: {error.message}", field="filter") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


@lru_cache(maxsize=1024)
def compiled(text: str) -> Filter:
    """The filter for an expression; raises Invalid when it cannot be read."""
    return Filter(text)


def _require_small(text: str) -> None:
    """Raises Invalid for what the library would understand and this language leaves out."""
    for token in TOKEN.finditer(STRING.sub(" ", text)):
        word = token["word"]
        if word is not None and word not in WORDS:
            raise Invalid(
                f"{word[:40]!r} is no word of a filter: there are the fields {', '.join(FIELDS)}, the attributes "
                f"{', '.join(ATTRIBUTES)}, and and, or, not, in, true, false, null",
                field="filter",
            )
        if token["odd"] is not None:
            raise Invalid(
                f"{token['odd']!r} is not part of a filter: compare with ==, !=, <, <=, >, >= and in", field="filter"
            )


def _fields(instance: Instance) -> dict[str, Any]:
    fields = {name: getattr(instance, name) for name in FIELDS}
    fields["status"] = instance.status.value  # the engine compares by exact type, and an enum is not a str to it
    return fields
