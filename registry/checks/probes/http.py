"""HTTP checks: a request, and the status or a part of the body that is expected."""

from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from catalog.records.check import Check
from catalog.records.status import Status
from registry.checks.probes.addresses import Place
from registry.checks.probes.outcome import Answer, printable
from registry.checks.probes.tools import Tools

LARGEST_BODY = 64 * 1024  # bytes; what comes after is not read, and `expect_body` does not see it
EXCERPT = 200  # characters of the body in an output
TOO_MANY_REQUESTS = 429


def subject(check: Check, own: Place) -> str:
    """What is asked, for the beginning of an output. A password in the URL is left out."""
    parts = urlsplit(check.url)
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return f"HTTP {check.method} {printable(shown, longest=200)}"


async def ask(tools: Tools, check: Check, own: Place) -> Answer:
    """Send the request and judge its answer. Raises OSError or aiohttp.ClientError when there is none."""
    async with tools.session.request(check.method, check.url, headers=check.headers, allow_redirects=False) as response:
        body = await _read(response)
    return judge(check, response.status, response.headers.get("Location", ""), body)


def judge(check: Check, status: int, location: str, body: str) -> Answer:
    """What an answer says about the target."""
    line = f"{status} {_phrase(status)}"
    if status == TOO_MANY_REQUESTS and status not in check.expect_status:
        return Answer(Status.WARNING, _with_body(line, body))  # as Consul: busy is not dead
    if not check.expect_status and 300 <= status < 400:
        where = f" to {printable(location, longest=200)}" if location else ""
        return Answer(
            Status.CRITICAL, f"{line}{where}: redirects are not followed, check that address or expect {status}"
        )
    if not _expected(check, status):
        wanted = f", expected {' or '.join(map(str, check.expect_status))}" if check.expect_status else ""
        return Answer(Status.CRITICAL, _with_body(line + wanted, body))
    if check.expect_body and check.expect_body not in body:
        wanted = printable(repr(check.expect_body), longest=EXCERPT)
        return Answer(Status.CRITICAL, _with_body(f"{line}, but {wanted} is not in the body", body))
    return Answer(Status.PASSING, _with_body(line, body))


async def _read(response: aiohttp.ClientResponse) -> str:
    """The body's beginning as text; what cannot be decoded is replaced."""
    body = bytearray()
    while len(body) < LARGEST_BODY and (chunk := await response.content.read(LARGEST_BODY - len(body))):
        body += chunk
    return body.decode("utf-8", "replace")


def _expected(check: Check, status: int) -> bool:
    return status in check.expect_status if check.expect_status else 200 <= status < 300


def _phrase(status: int) -> str:
    """The standard's word for a status; the target's own could say anything."""
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"


def _with_body(line: str, body: str) -> str:
    excerpt = printable(body, longest=EXCERPT)
    return f"{line}, body: {excerpt}" if excerpt else line
