"""The names that leases have in Valkey."""


class LeaseKeys:
    """The keys of one region's lease store; see `registry.leases` for what is under them."""

    def __init__(self, region: str) -> None:
        self._prefix = f"meridian:{region}:"
        self.leases = f"{self._prefix}leases"
        self.expired = f"{self._prefix}expired"
        self.clock = f"{self._prefix}clock"
        self.listening = f"{self._prefix}listening"
        self.reviewed = f"{self._prefix}reviewed"
        self.sweeping = f"{self._prefix}sweeping"

    def losses(self, kind: str) -> str:
        """What the breaker let happen lately."""
        return f"{self._prefix}losses:{kind}"

    def spared(self, kind: str) -> str:
        """What a person told the breaker to let be."""
        return f"{self._prefix}spared:{kind}"
