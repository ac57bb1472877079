"""The words of errors over HTTP (RFC 9457), which every plane speaks: `application/problem+json`."""

from catalog import errors

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:meridian:problem:"

Meaning = tuple[str, int, str]  # the slug of the type, the status, the title

MEANINGS: dict[type[errors.CatalogError], Meaning] = {
    errors.Invalid: ("invalid", 400, "The request breaks a rule"),
    errors.Unauthenticated: ("unauthenticated", 401, "A token is needed"),
    errors.Forbidden: ("forbidden", 403, "The token does not allow this"),
    errors.NotFound: ("not-found", 404, "Nothing by that name is registered"),
    errors.Refused: ("refused", 409, "The record has moved on"),
    errors.Held: ("held", 409, "The removal is held until it is decided"),
    errors.Compacted: ("compacted", 410, "The log no longer holds this"),
    errors.Unavailable: ("unavailable", 503, "The registry cannot do this just now"),
}
INTERNAL: Meaning = ("internal", 500, "The registry made a mistake")
