"""The forms of the federation in the API."""

from typing import Any

from rest_framework import serializers


class CellSerializer(serializers.Serializer[Any]):
    """What one region holds of another."""

    by = serializers.CharField(help_text="the region that holds")
    of = serializers.CharField(help_text="the region that is held")
    index = serializers.IntegerField(help_text="the index held")
    known = serializers.IntegerField(help_text="the furthest index that is known of")
    entries = serializers.IntegerField(help_text="how many entries it is behind")
    seconds = serializers.FloatField(help_text="for how many seconds it may have been behind; 0 while live")
    freshness = serializers.CharField(help_text="`live`, `stale` or `unknown`")
    since = serializers.DateTimeField(allow_null=True, help_text="since when it is stale")
    equal = serializers.BooleanField(allow_null=True, help_text="whether the digests are equal; null before any proof")
    diverged = serializers.ListField(child=serializers.CharField(), help_text="the services that differ")
    through = serializers.ListField(child=serializers.CharField(), help_text="the regions that relay it")
    instances = serializers.IntegerField()
    log_id = serializers.CharField()
    digest = serializers.CharField()
    reason = serializers.CharField(allow_blank=True, help_text="why it is not followed just now")
    held = serializers.CharField(allow_blank=True, help_text="what the breaker holds")


class PeerSerializer(serializers.Serializer[Any]):
    """A region that this one trusts, has trusted, or has invited."""

    region = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    state = serializers.CharField(help_text="`invited`, `active` or `revoked`")
    since = serializers.DateTimeField()
    by = serializers.CharField(help_text="who brought that about")
    writes = serializers.BooleanField(help_text="whether it may forward writes to here")
    delay = serializers.FloatField(allow_null=True, help_text="seconds that a request takes one way")
    verified_at = serializers.DateTimeField(allow_null=True, help_text="when the mirror was last added up anew")
    resets = serializers.IntegerField()
    relays = serializers.IntegerField()
    divergences = serializers.IntegerField()
    diverged_at = serializers.DateTimeField(allow_null=True)
    last_diverged = serializers.ListField(child=serializers.CharField())
    held = serializers.CharField(allow_blank=True)
    held_until = serializers.DateTimeField(allow_null=True)
    follower = serializers.CharField(allow_blank=True, help_text="the worker that follows it")


class FederationSerializer(serializers.Serializer[Any]):
    """The whole federation as this region knows it."""

    region = serializers.CharField()
    regions = serializers.ListField(child=serializers.CharField())
    cells = CellSerializer(many=True)
    peers = PeerSerializer(many=True)
    unheard = serializers.ListField(child=serializers.CharField(), help_text="peers that have not said what they hold")
    places = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        help_text="latitude and longitude of each region that says where it is, or said so last",
    )


class InvitationRequestSerializer(serializers.Serializer[Any]):
    """Whom to invite."""

    region = serializers.CharField()
    url = serializers.CharField(required=False, help_text="where that region reaches this one")
    writes = serializers.BooleanField(required=False, help_text="whether it may forward writes to here; true if absent")


class InvitationSerializer(serializers.Serializer[Any]):
    """The token, to be accepted in that region within a day."""

    region = serializers.CharField()
    token = serializers.CharField()


class AcceptanceRequestSerializer(serializers.Serializer[Any]):
    """A token of another region's invitation."""

    token = serializers.CharField()
    url = serializers.CharField(required=False, help_text="where that region reaches this one")
    writes = serializers.BooleanField(required=False, help_text="whether it may forward writes to here; true if absent")


class ApprovalRequestSerializer(serializers.Serializer[Any]):
    """Why what is held may happen."""

    reason = serializers.CharField()
