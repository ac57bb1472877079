"""An answer as it goes over the wire."""

from discovery.answers.wire import Wire
from registry.asgi import Headers

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2"), (b"etag", b'"x"')]}


def stamp(date: bytes) -> Headers:
    return [(b"date", date)]


def test_it_is_a_status_line_the_headers_of_the_server_its_own_and_the_body() -> None:
    whole = Wire(START, b"[]").at(stamp(b"now"))
    assert whole == b'HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\netag: "x"\r\n\r\n[]'


def test_without_a_body_it_ends_with_the_head() -> None:
    start = {"type": "http.response.start", "status": 304, "headers": [(b"etag", b'"x"')]}
    assert Wire(start).at([]) == b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n'


def test_it_is_made_once_for_a_date_and_anew_for_the_next() -> None:
    wire, now = Wire(START, b"[]"), stamp(b"now")
    assert wire.at(now) is wire.at(now)
    assert b"date: later" in wire.at(stamp(b"later"))
