"""UDP: one tight loop over blocking calls.

Each packet costs a receive, a look into the table and a send. Everything else happens the first two times that a packet
is seen. A loop over asyncio spends as much again on being told that there is a packet.
"""

import socket

import structlog

from discovery.dns.counters import Counters
from discovery.dns.responder import Responder
from discovery.dns.table import AnswerTable

# Queries are short: with one question and EDNS 288 bytes and the options. What is longer is cut by the kernel and so
# malformed. Below 480 bytes Python takes the memory from its own pool.
LARGEST_QUERY = 472
RECEIVE_BUFFER = 4 * 1024 * 1024  # bytes: what arrives while an answer is made waits here (Linux grants up to rmem_max)

logger = structlog.get_logger(__name__)


class UdpServer:
    """Answers on one socket until stopped."""

    def __init__(self, bound: socket.socket, responder: Responder, table: AnswerTable, counters: Counters) -> None:
        self._socket = bound
        self._responder = responder
        self._table = table
        self._counters = counters
        self._stopping = False

    def serve(self) -> None:
        """Answer until `stop`; the caller's thread does nothing else."""
        while not self._stopping:
            try:
                self._loop()
            except OSError as error:
                # Mostly an address that cannot be sent to, forged or filtered: other answers are not affected.
                if self._stopping:
                    return
                self._counters.failures += 1
                logger.debug("an answer could not be sent", reason=str(error))

    def stop(self) -> None:
        """End `serve` from a signal handler or from another thread."""
        self._stopping = True
        try:
            # On an unconnected socket it fails and yet, on Linux, wakes the thread that waits for a packet.
            self._socket.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        self._socket.close()

    def _loop(self) -> None:
        # Every name that the loop uses is local: at these rates a look-up of an attribute is a percent.
        receive, send, find = self._socket.recvfrom, self._socket.sendto, self._table.bodies.get
        while True:
            packet, peer = receive(LARGEST_QUERY)
            bodies = find(packet[2:])
            if bodies is None:
                if self._stopping:
                    return
                answer = self._responder.over_udp(packet)
                if answer is not None:
                    send(answer, peer)
                continue
            # Not guarded against a second UDP thread on purpose: at worst two packets get the same order.
            bodies.served = served = bodies.served + 1
            send(packet[:2] + bodies.orders[served % bodies.count], peer)


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A UDP socket on the address; `shared` lets several processes bind it. `::` takes IPv4 as well. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
