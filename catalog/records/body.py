"""Reading a body as a struct; a complaint names the field that is wrong, and says what to do about it."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from catalog.errors import Invalid
from catalog.records.check import CheckType
from catalog.records.override import Scope
from catalog.records.status import Status

Body = TypeVar("Body")

CHOICES: Mapping[str, type[StrEnum]] = {"type": CheckType, "status": Status, "scope": Scope}
JSON_TYPES: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
EXPECTED = re.compile(r"Expected `(\w+)`")
# The first bytes of what is no JSON, and what it then is.
BEGINNINGS = ((b"\x1f\x8b", "is compressed by gzip: send it as it is"),
              (b"\xef\xbb\xbf", "begins with a byte order mark: leave it out"),
              (b"\xff\xfe", "is UTF-16: send UTF-8"), (b"\xfe\xff", "is UTF-16: send UTF-8"))  # fmt: skip
# Fields of other registries' bodies, which users send here by mistake.
FOREIGN = {
    "Consul": frozenset({"ID", "Name", "Address", "Port", "Tags", "Meta", "Check", "Checks", "Node", "Service"}),
    "Eureka": frozenset({"instance", "hostName", "app", "ipAddr", "vipAddress", "dataCenterInfo"}),
}


def read(body: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    """What a body holds; raises Invalid naming the field."""
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            given = msgspec.json.decode(body)
    except RecursionError:
        raise Invalid("the body is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise complaint(error, body) from None
    return convert(given, decoder.type)  # which takes `null`, and knows which key of a map is wrong


def convert(given: Any, kind: type[Body]) -> Body:
    """A parsed body as `kind`; raises Invalid naming the field.

    `null` stands for a field that is not given, as encoders of other languages write it.
    """
    given = _without_nulls(given)
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise complaint(error, given=given) from None


def _without_nulls(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    said = {name: value for name, value in given.items() if value is not None}
    if isinstance(said.get("checks"), list):
        said["checks"] = [_without_nulls(check) for check in said["checks"]]
    return said


def complaint(error: Exception, body: bytes = b"", *, given: Any = None) -> Invalid:
    """A decoder's error as Invalid: its path becomes the field, its text the message.

    `body` is what was decoded and `given` what it holds, where the caller has them: they tell more.
    """
    for beginning, what in BEGINNINGS:
        if body.startswith(beginning):
            return Invalid(f"the body {what}")
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    if "field `" in message:  # a missing or an unknown field is named in the text alone
        name = message.split("field `", 1)[1].rstrip("`")
        field = f"{field}.{name}" if field else name
        message += _foreign(name, given)
    elif "[...]" in field:  # of a map only that it is one
        field = _with_key(field, message, given)
    elif message.startswith("Invalid enum value") and (choices := CHOICES.get(re.split(r"[.\]]", field)[-1])):
        message += f": use {', '.join(choices)}"
    return Invalid(message, field=field)


def _with_key(field: str, message: str, given: Any) -> str:
    """The field with the key of the map's value that is not of the expected type."""
    expected = EXPECTED.search(message)
    before = field.partition("[...]")[0]
    values = _at(before, given)
    if expected is None or expected[1] not in JSON_TYPES or not isinstance(values, dict):
        return field
    kind = JSON_TYPES[expected[1]]
    wrong = next((key for key, value in values.items() if type(value) is not kind), None)
    return field if wrong is None else f"{before}[{wrong[:80]}]"


def _at(path: str, given: Any) -> Any:
    """What stands at a path such as `checks[0].headers`; None when nothing does."""
    for name in re.findall(r"\w+", path):
        if isinstance(given, dict):
            given = given.get(name)
        elif isinstance(given, list) and name.isdigit() and int(name) < len(given):
            given = given[int(name)]
        else:
            return None
    return given


def _foreign(name: str, given: Any) -> str:
    """A hint for a body in another registry's form."""
    fields = {name, *given} if isinstance(given, dict) else {name}
    for registry, known in FOREIGN.items():
        if name in known or len(fields & known) > 1:
            return f"; this looks like {registry}'s form: here the fields are host, port, tags, metadata, checks"
    return ""
