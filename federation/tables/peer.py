"""The table of peers: the regions that this one trusts, trusted once, or has invited."""

from django.db import models


class State(models.TextChoices):
    """`invited` waits for the other region to accept; `revoked` is final until it is invited again."""

    INVITED = "invited"
    ACTIVE = "active"
    REVOKED = "revoked"


class Peer(models.Model):
    """One other region.

    `secret` is what this region shows there, sealed: see `federation.sealing`. What the peer shows here is an ordinary
    token with the scope `peer`, of which the hash alone is kept. Times are seconds since the epoch.
    """

    region = models.CharField(primary_key=True, max_length=63)
    url = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=16, choices=State.choices)
    secret = models.TextField(blank=True, editable=False)
    token = models.CharField(max_length=8, blank=True, help_text="the id of the token that the peer shows here")
    writes = models.BooleanField(default=True, help_text="whether the peer may forward writes to this region")
    invitation = models.CharField(max_length=64, blank=True, editable=False)
    invited_until = models.FloatField(null=True, blank=True)
    since = models.FloatField(help_text="when the state began")
    by = models.CharField(max_length=200, help_text="who brought the state about")

    class Meta:
        db_table = "federation_peer"
        ordering = ("region",)

    def __str__(self) -> str:
        return f"{self.region} ({self.state})"
