"""Counters: how many questions, of which type, with which outcome. Plain numbers; `metrics` has them for `/metrics`."""

from collections import Counter

from discovery.dns.table import Bodies


class Counters:
    """What was answered by one transport outside the table, and what bodies that have left the table had served.

    Kept without a lock: the transports write to keys of their own, `retire` is called under the table's lock, and where
    threads do share a number, one count in millions may be lost.
    """

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, int, int]] = Counter()  # transport, type, rcode
        self.retired: Counter[tuple[int, int]] = Counter()
        self.truncated = 0
        self.truncated_retired = 0
        self.ignored = 0
        self.failures = 0
        self.connections = 0
        self.connections_refused = 0

    def count(self, transport: str, rdtype: int, rcode: int) -> None:
        """One answer that the table did not give."""
        self.answered[transport, rdtype, rcode] += 1

    def retire(self, bodies: Bodies) -> None:
        """A body has left the table."""
        self.retired[bodies.kind] += bodies.served
        if bodies.truncated:
            self.truncated_retired += bodies.served
