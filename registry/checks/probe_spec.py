"""A definition: a probed check of an instance, with all that a worker needs to probe and judge it."""

import msgspec

from catalog.records.check import Check, CheckType
from catalog.records.instance import Instance
from catalog.records.status import Status
from registry.waits import CLAIM_MARGIN


class Definition(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """`recorded` is the verdict that the catalog has for the check."""

    namespace: str
    service: str
    id: str
    host: str
    port: int
    check: Check
    recorded: Status = Status.UNKNOWN
    epoch: int = 1

    @property
    def key(self) -> str:
        """See `check_key`."""
        return check_key(self.namespace, self.service, self.id, self.check.name)

    def keeps_state_of(self, other: "Definition") -> bool:
        """Whether what is remembered of `other` holds for this one: the same registration and an unchanged check."""
        return self.epoch == other.epoch and self.check == other.check


def check_key(namespace: str, service: str, id: str, check: str) -> str:
    """How a check is called in Valkey: `<namespace>/<service>/<id>/<check>`."""
    return f"{namespace}/{service}/{id}/{check}"


def definitions(instance: Instance) -> list[Definition]:
    """The probed checks of an instance."""
    return [
        Definition(
            instance.namespace,
            instance.service,
            instance.id,
            instance.host,
            instance.port,
            check,
            verdict.status,
            instance.epoch,
        )
        for check, verdict in zip(instance.checks, instance.verdicts, strict=True)
        if check.type is not CheckType.TTL
    ]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Definition)


def encode(definition: Definition) -> bytes:
    """How long a claim may take in seconds, a blank, and the definition as JSON: the claim's script reads the first."""
    return b"%g %s" % (definition.check.timeout + CLAIM_MARGIN, _encoder.encode(definition))


def decode(data: str) -> Definition:
    """Read what `encode` wrote. Raises msgspec.DecodeError for anything else, ValidationError among them."""
    return _decoder.decode(data.partition(" ")[2])
