"""The table of what the blast-radius breaker holds, and of what became of it."""

from collections.abc import Sequence

import msgspec
from django.db import models

from catalog.breaker import Kind, Scope


class State(models.TextChoices):
    """`open` waits; every other state is final."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RECOVERED = "recovered"  # so many came back that what is left is ordinary


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """One registration of an instance that something would take away.

    `check` is empty for a lease or a removal; `output` says what was found; `seen` is when it was last said again.
    """

    key: str
    epoch: int
    check: str = ""
    output: str = ""
    seen: float = 0.0


_decoder = msgspec.json.Decoder(tuple[Member, ...])


class HeldRow(models.Model):
    """One hold: its members are still served; of a mirror, all of it. `earlier` and `population` are what it was first
    measured against."""

    id = models.CharField(primary_key=True, max_length=32)
    region = models.CharField(max_length=63)
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in Kind])
    scope = models.CharField(max_length=16, choices=[(scope.value, scope.value) for scope in Scope])
    name = models.CharField(max_length=200)
    formula = models.TextField()
    members = models.TextField(help_text="JSON: the instances that are held, each with its key and epoch")
    population = models.PositiveIntegerField()
    earlier = models.PositiveIntegerField()
    at = models.FloatField()
    expires_at = models.FloatField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.FloatField(null=True, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        db_table = "registry_held"
        verbose_name = "held"
        verbose_name_plural = "held"
        ordering = ("-at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("region", "kind", "scope", "name"),
                condition=models.Q(state="open"),
                name="registry_held_one_open",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.scope} {self.name}"

    @property
    def held(self) -> tuple[Member, ...]:
        """The members, as values."""
        return _decoder.decode(self.members)


def encode_members(members: Sequence[Member]) -> str:
    """What the column `members` holds."""
    return msgspec.json.encode(members).decode()
