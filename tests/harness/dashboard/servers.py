"""Real HTTP servers of instances, for the checks of a region to ask."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

LOOPBACK = "127.0.0.1"


class HealthServer:
    """Answers every GET with 200 until it is told to fail or to die; a thread of its own. Usable with `with`."""

    def __init__(self) -> None:
        self.failing = False
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What a check of it asks."""
        return f"http://{LOOPBACK}:{self.port}/health"

    def start(self) -> None:
        """Listen, on the same port as before if it was started already."""
        health = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(503 if health.failing else 200)
                self.end_headers()
                self.wfile.write(b"out of order" if health.failing else b"all well")

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the region says what it found."""

        self._server = ThreadingHTTPServer((LOOPBACK, self.port), Answer)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening. Stopping twice is harmless."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
