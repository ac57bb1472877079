"""What stands in a path: escapes that are whole, names of services, and ids of instances."""

from functools import lru_cache
from urllib.parse import unquote_to_bytes

from catalog.errors import Invalid
from catalog.records import names
from registry.asgi import Scope


@lru_cache(maxsize=4096)
def service_name(text: str) -> str:
    """A service's name, folded. Raises Invalid."""
    return names.label(text, field="service")


def instance_id(text: str) -> str:
    """An instance's id, checked. Raises Invalid."""
    return names.instance_id(text, field="id")


def require_clean(scope: Scope) -> None:
    """Raises Invalid when the path or the query are not what UTF-8 and percent-encoding make of text.

    Servers decode what they can and put marks in place of the rest; a name must not come to exist by such a mistake.
    """
    _require_escapes(scope.get("raw_path") or b"", "path")
    _require_escapes(scope["query_string"], "query")


def _require_escapes(raw: bytes, field: str) -> None:
    if b"%" not in raw and raw.isascii() and b"\0" not in raw:
        return
    for part in raw.split(b"%")[1:]:
        if len(part) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in part[:2]):
            wrong = repr(part[:2].decode("ascii", "backslashreplace"))
            raise Invalid(f"a % must be followed by two hexadecimal digits, not {wrong}", field=field)
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Invalid("is not UTF-8", field=field) from None
    if "\0" in text:
        raise Invalid("holds a NUL character", field=field)
