"""A client that only wants a renewal or `/health` while others are served: `python -m benchmarks.rig.bystander URL`.

A process of its own, because the crowd's client is busy reading thousands of answers, and a bystander that shared its
loop would measure that. Prints the slowest answer in seconds once its input is closed.
"""

import http.client
import sys
import threading
import time
from urllib.parse import urlsplit

REQUESTS = (("PUT", "/services/user-service/user-service-1/renew"), ("GET", "/health"))
PAUSE = 0.002  # seconds; a bystander is not a load


def main(url: str) -> None:
    """Ask in turn until the input ends."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    over = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(over,), daemon=True).start()
    slowest, number = 0.0, 0
    while not over.is_set():
        for method, path in REQUESTS:
            began = time.monotonic()
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
            slowest, number = max(slowest, time.monotonic() - began), number + 1
            if answer.status >= 300:
                sys.exit(f"{method} {path} was answered {answer.status}")
        if number == len(REQUESTS):
            print("asking", flush=True)
        time.sleep(PAUSE)
    print(slowest, flush=True)


def _wait_for_the_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


if __name__ == "__main__":
    main(sys.argv[1])
