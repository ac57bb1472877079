"""The names that leases have in Valkey."""

from functools import partial

from registry.valkey import key


class LeaseKeys:
    """The keys of one region's lease store; see `registry.leases.store` for what is under them."""

    def __init__(self, region: str) -> None:
        self._key = partial(key, region)
        self.leases = self._key("leases")
        self.expired = self._key("expired")
        self.clock = self._key("clock")
        self.listening = self._key("listening")
        self.reviewed = self._key("reviewed")
        self.sweeping = self._key("sweeping")

    def losses(self, kind: str) -> str:
        """What the breaker let happen lately."""
        return self._key("losses", kind)

    def spared(self, kind: str) -> str:
        """What a person told the breaker to let be."""
        return self._key("spared", kind)
