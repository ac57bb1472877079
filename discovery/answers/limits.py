"""How many may wait: parked blocking queries and streams are counted, so that they cannot crowd out the rest."""

from collections import Counter

from catalog.errors import CatalogError

RETRY_AFTER = 5  # seconds: about as long as it takes a client that was cut off to be noticed


class TooMany(CatalogError):
    """No more watchers are let in. Try again after `retry_after` seconds, or watch less."""

    def __init__(self, message: str, *, retry_after: float = RETRY_AFTER) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Watchers:
    """Counts watchers. `most` in all leaves sockets for other clients."""

    def __init__(self, *, most: int, per_client: int) -> None:
        self.most, self.per_client = most, per_client
        self.count = 0
        self.refused = 0
        self._by_client: Counter[str] = Counter()

    def enter(self, client: str) -> None:
        """One more watcher of a client, who must `leave`. Raises TooMany."""
        if self._by_client[client] >= self.per_client:
            self.refused += 1
            raise TooMany(f"{client} has {self.per_client} watchers waiting already, the most that one client may have")
        if self.count >= self.most:
            self.refused += 1
            raise TooMany(f"{self.most} watchers are waiting already, the most that this server takes")
        self.count += 1
        self._by_client[client] += 1

    def leave(self, client: str) -> None:
        """One watcher less."""
        self.count -= 1
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]
