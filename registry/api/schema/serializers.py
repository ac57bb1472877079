"""The forms of the API: what is answered, and what is taken. Rules are not here: they belong to the verbs."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from catalog.breaker import Kind
from catalog.breaker import Scope as BreakerScope
from catalog.records.check import CheckType
from catalog.records.override import Scope
from catalog.records.policy import StaleAction
from catalog.records.status import Status
from registry.api.schema import examples
from registry.tables.held import State

STATUSES = [status.value for status in Status]
OVERRIDING = [status.value for status in Status if status is not Status.UNKNOWN]
SCOPES = [scope.value for scope in Scope]
STALE = [action.value for action in StaleAction]
TYPES = [kind.value for kind in CheckType]


class ProblemSerializer(serializers.Serializer[Any]):
    """What goes wrong, as `application/problem+json`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="a sentence that says what to do")
    field = serializers.CharField(required=False, help_text="the path in the request of what is wrong")


class LeaseSerializer(serializers.Serializer[Any]):
    """The terms of a lease, and whether it was kept."""

    ttl = serializers.CharField()
    expired = serializers.BooleanField()


class CheckSerializer(serializers.Serializer[Any]):
    """A check and its last verdict."""

    name = serializers.CharField()
    type = serializers.ChoiceField(choices=TYPES)
    status = serializers.ChoiceField(choices=STATUSES)
    output = serializers.CharField()
    since = serializers.DateTimeField()
    terms = serializers.DictField(help_text="as registered: target, interval, timeout, thresholds")


class RulingSerializer(serializers.Serializer[Any]):
    """The override that decides an instance's status or weight."""

    id = serializers.CharField()
    scope = serializers.ChoiceField(choices=SCOPES)
    status = serializers.ChoiceField(choices=OVERRIDING, allow_null=True)
    weight = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    author = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(examples=[examples.INSTANCE])
class InstanceSerializer(serializers.Serializer[Any]):
    """An instance. `status` and `weight` are as reported; an override that decides otherwise stands beside them."""

    id = serializers.CharField()
    service = serializers.CharField()
    namespace = serializers.CharField()
    region = serializers.CharField()
    host = serializers.CharField()
    port = serializers.IntegerField()
    ports = serializers.DictField(child=serializers.IntegerField())
    zone = serializers.CharField()
    version = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    metadata = serializers.DictField(child=serializers.CharField())
    weight = serializers.IntegerField()
    status = serializers.ChoiceField(choices=STATUSES)
    owner = serializers.CharField()
    lease = LeaseSerializer(allow_null=True)
    checks = CheckSerializer(many=True)
    deregister_critical_after = serializers.CharField(allow_null=True)
    status_override = RulingSerializer(allow_null=True)
    weight_override = RulingSerializer(allow_null=True)
    since = serializers.DateTimeField(help_text="when the status became what it is")
    critical_since = serializers.DateTimeField(allow_null=True)
    registered_at = serializers.DateTimeField()
    epoch = serializers.IntegerField(help_text="counts the registrations of this id")
    index = serializers.IntegerField(help_text="the change that made it what it is")


class LeaseRequestSerializer(serializers.Serializer[Any]):
    """A promise to renew within `ttl`."""

    ttl = serializers.CharField()


class CheckRequestSerializer(serializers.Serializer[Any]):
    """A check as it is asked for."""

    type = serializers.ChoiceField(choices=TYPES)
    name = serializers.CharField(required=False, help_text="its type if not said")
    url = serializers.CharField(required=False, help_text="http")
    method = serializers.CharField(required=False, help_text="http: GET if not said")
    headers = serializers.DictField(child=serializers.CharField(), required=False, help_text="http")
    expect_status = serializers.ListField(child=serializers.IntegerField(), required=False, help_text="http")
    expect_body = serializers.CharField(required=False, help_text="http: a part of the body")
    address = serializers.CharField(required=False, help_text="tcp, grpc, dns: host:port")
    service = serializers.CharField(required=False, help_text="grpc")
    tls = serializers.BooleanField(required=False, help_text="grpc")
    query = serializers.CharField(required=False, help_text="dns: the name asked for")
    record = serializers.CharField(required=False, help_text="dns: A if not said")
    expect_answer = serializers.CharField(required=False, help_text="dns")
    ttl = serializers.CharField(required=False, help_text="ttl: how long a report counts")
    interval = serializers.CharField(required=False, help_text="10s if not said")
    timeout = serializers.CharField(required=False, help_text="2s if not said")
    success_before_passing = serializers.IntegerField(required=False, help_text="1 if not said")
    failures_before_critical = serializers.IntegerField(required=False, help_text="3 if not said")
    status = serializers.ChoiceField(choices=STATUSES, required=False, help_text="before the first outcome")


@extend_schema_serializer(examples=[examples.REPLACEMENT])
class RegistrationSerializer(serializers.Serializer[Any]):
    """What to say about an instance: `host` and a port; the rest as it is needed."""

    host = serializers.CharField()
    port = serializers.IntegerField(required=False)
    ports = serializers.DictField(child=serializers.IntegerField(), required=False)
    zone = serializers.CharField(required=False)
    version = serializers.CharField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    metadata = serializers.DictField(child=serializers.CharField(), required=False)
    weight = serializers.IntegerField(required=False)
    owner = serializers.CharField(required=False)
    lease = LeaseRequestSerializer(required=False, allow_null=True)
    checks = CheckRequestSerializer(many=True, required=False)
    deregister_critical_after = serializers.CharField(required=False, allow_null=True)


@extend_schema_serializer(examples=[examples.REGISTRATION])
class NamedRegistrationSerializer(RegistrationSerializer):
    """A registration that also says of what."""

    service = serializers.CharField()
    id = serializers.CharField()
    namespace = serializers.CharField(required=False)


class CountsSerializer(serializers.Serializer[Any]):
    """Instances by reported status."""

    passing = serializers.IntegerField()
    unknown = serializers.IntegerField()
    warning = serializers.IntegerField()
    critical = serializers.IntegerField()


@extend_schema_serializer(examples=[examples.SERVICE])
class ServiceSerializer(serializers.Serializer[Any]):
    """A service: what its instances add up to."""

    name = serializers.CharField()
    namespace = serializers.CharField()
    region = serializers.CharField()
    instances = serializers.IntegerField()
    statuses = CountsSerializer()
    zones = serializers.DictField(child=serializers.IntegerField(), help_text="instances by zone")
    versions = serializers.DictField(child=serializers.IntegerField(), help_text="instances by version")
    index = serializers.IntegerField(help_text="the latest change of an instance that is there")


class SampleSerializer(serializers.Serializer[Any]):
    """One outcome of a probe."""

    at = serializers.DateTimeField()
    latency = serializers.FloatField(help_text="in seconds")
    status = serializers.ChoiceField(choices=STATUSES)

    def to_representation(self, instance: Any) -> Any:
        """As it is: a page has thousands of them, and they are plain values already."""
        return instance


class ResultSerializer(serializers.Serializer[Any]):
    """A check, its verdict, and what came of the last probe."""

    name = serializers.CharField()
    type = serializers.ChoiceField(choices=TYPES)
    status = serializers.ChoiceField(
        choices=STATUSES, help_text="what can be believed now: `unknown` when the last probe is too old"
    )
    verdict = serializers.ChoiceField(choices=STATUSES, help_text="as recorded: what lookups go by")
    since = serializers.DateTimeField(help_text="when the verdict became what it is")
    output = serializers.CharField(help_text="of the last probe or report")
    outcome = serializers.ChoiceField(choices=STATUSES, allow_null=True, help_text="what the last probe found")
    checked_at = serializers.DateTimeField(allow_null=True)
    latency = serializers.FloatField(allow_null=True, help_text="of the last probe, in seconds")
    next_due = serializers.DateTimeField(allow_null=True)
    flap_score = serializers.FloatField(help_text="0 is calm")
    held_until = serializers.DateTimeField(allow_null=True, help_text="critical for its restlessness until then")
    recent = SampleSerializer(many=True, help_text="the outcomes of the last probes, the oldest first")
    terms = serializers.DictField(help_text="as registered: target, interval, timeout, thresholds")


class CheckedInstanceSerializer(serializers.Serializer[Any]):
    """The checks of one instance."""

    region = serializers.CharField()
    namespace = serializers.CharField()
    service = serializers.CharField()
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES, help_text="the instance's")
    checks = ResultSerializer(many=True)


@extend_schema_serializer(examples=[examples.OVERRIDE])
class OverrideSerializer(serializers.Serializer[Any]):
    """An operator's word over the reported status or weight."""

    id = serializers.CharField()
    region = serializers.CharField()
    scope = serializers.ChoiceField(choices=SCOPES)
    namespace = serializers.CharField()
    service = serializers.CharField()
    instance = serializers.CharField()
    zone = serializers.CharField()
    tag = serializers.CharField()
    target = serializers.CharField(help_text="the region that it speaks about, when not its own; empty else")
    status = serializers.ChoiceField(choices=OVERRIDING, allow_null=True)
    weight = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    live = serializers.BooleanField(help_text="whether it counts now")
    index = serializers.IntegerField()


@extend_schema_serializer(examples=[examples.OVERRIDE_REQUEST, examples.DRAIN_REQUEST, examples.EVACUATION_REQUEST])
class OverrideRequestSerializer(serializers.Serializer[Any]):
    """An override as it is asked for: a scope, what names it, a status or a weight, and why."""

    scope = serializers.ChoiceField(choices=SCOPES)
    namespace = serializers.CharField(required=False)
    service = serializers.CharField(required=False)
    instance = serializers.CharField(required=False)
    zone = serializers.CharField(required=False)
    tag = serializers.CharField(required=False)
    target = serializers.CharField(
        required=False, help_text="another region: it then counts for this region's consumers alone"
    )
    status = serializers.ChoiceField(choices=OVERRIDING, required=False, allow_null=True)
    weight = serializers.IntegerField(required=False, allow_null=True, help_text="0 drains")
    reason = serializers.CharField()
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    expires_in = serializers.CharField(required=False, allow_null=True, help_text="30m, in place of expires_at")


@extend_schema_serializer(examples=[examples.POLICY])
class PolicySerializer(serializers.Serializer[Any]):
    """Where a service's lookups go when its own region has too few instances that serve."""

    region = serializers.CharField(help_text="in which it counts")
    namespace = serializers.CharField()
    service = serializers.CharField()
    min_healthy = serializers.IntegerField()
    min_share = serializers.FloatField()
    order = serializers.ListField(child=serializers.CharField())
    nearest = serializers.IntegerField()
    stale = serializers.ChoiceField(choices=STALE)
    stale_after = serializers.CharField()
    hold_down = serializers.CharField()
    index = serializers.IntegerField()


@extend_schema_serializer(examples=[examples.POLICY_REQUEST])
class PolicyRequestSerializer(serializers.Serializer[Any]):
    """A failover policy as it is asked for: when home has too few, and where to look then."""

    min_healthy = serializers.IntegerField(required=False, help_text="fewer that serve are too few; 1 if not said")
    min_share = serializers.FloatField(required=False, help_text="so are fewer than this share, from 0 to 1")
    order = serializers.ListField(child=serializers.CharField(), required=False, help_text="regions, the first first")
    nearest = serializers.IntegerField(required=False, help_text="in place of `order`: that many, by measured delay")
    stale = serializers.ChoiceField(
        choices=STALE, required=False, help_text="a region that is stale for too long is kept, taken last, left out"
    )
    stale_after = serializers.CharField(required=False, help_text="how long is too long: 30s")
    hold_down = serializers.CharField(
        required=False, help_text="how long home must have had enough before lookups come back: 30s"
    )


class EffectSerializer(serializers.Serializer[Any]):
    """What would become of one instance."""

    instance = serializers.CharField()
    zone = serializers.CharField()
    status_before = serializers.ChoiceField(choices=STATUSES)
    status_after = serializers.ChoiceField(choices=STATUSES)
    weight_before = serializers.IntegerField()
    weight_after = serializers.IntegerField()
    served_before = serializers.BooleanField()
    served_after = serializers.BooleanField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What an override would do. Lists name at most 200 instances; the counts are of all."""

    concerned = serializers.IntegerField()
    taken_out = serializers.ListField(child=serializers.CharField())
    taken_out_count = serializers.IntegerField()
    put_back = serializers.ListField(child=serializers.CharField())
    put_back_count = serializers.IntegerField()
    emptied = serializers.ListField(child=serializers.CharField(), help_text="services that would have none left")
    effects = EffectSerializer(many=True)


class MemberSerializer(serializers.Serializer[Any]):
    """One registration that something would take away."""

    key = serializers.CharField()
    epoch = serializers.IntegerField()
    check = serializers.CharField(help_text="empty for a lease or a removal")
    output = serializers.CharField(help_text="what was found")


class HeldSerializer(serializers.Serializer[Any]):
    """What the breaker holds, and what became of it."""

    id = serializers.CharField()
    region = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    scope = serializers.ChoiceField(
        choices=[scope.value for scope in BreakerScope], help_text="what would lose too much"
    )
    name = serializers.CharField(help_text="of the scope")
    formula = serializers.CharField(help_text="why it is held, with the figures")
    state = serializers.ChoiceField(choices=State.values)
    population = serializers.IntegerField()
    earlier = serializers.IntegerField(help_text="losses of the same kind shortly before")
    members = MemberSerializer(many=True)
    at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="when it happens if nobody decides")
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


@extend_schema_serializer(examples=[examples.DECISION])
class DecisionSerializer(serializers.Serializer[Any]):
    """Why something held is approved or rejected."""

    reason = serializers.CharField()


@extend_schema_serializer(examples=[examples.CHANGE])
class ChangeSerializer(serializers.Serializer[Any]):
    """One entry of the log, without its record."""

    region = serializers.CharField()
    index = serializers.IntegerField()
    at = serializers.DateTimeField()
    key = serializers.CharField()
    verb = serializers.CharField()
    actor = serializers.CharField()
    cause = serializers.CharField()
    removed = serializers.BooleanField(help_text="whether the record is gone after it")


class ChangedFieldSerializer(serializers.Serializer[Any]):
    """A field before and after; null where it is not there."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangeDetailSerializer(ChangeSerializer):
    """One entry of the log with its record, the one before it, and the difference."""

    digest = serializers.CharField()
    record = serializers.JSONField(allow_null=True)
    before_index = serializers.IntegerField(allow_null=True, help_text="null when nothing came before, or history ends")
    before = serializers.JSONField(allow_null=True)
    difference = ChangedFieldSerializer(many=True)


class TokenSerializer(serializers.Serializer[Any]):
    """A token without its secret."""

    id = serializers.CharField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(examples=[examples.TOKEN_REQUEST])
class TokenRequestSerializer(serializers.Serializer[Any]):
    """A token as it is asked for."""

    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    expires_in = serializers.CharField(required=False, allow_null=True, help_text="90d, in place of expires_at")


class IssuedTokenSerializer(TokenSerializer):
    """A token with its secret, which is shown this once."""

    secret = serializers.CharField()


class RegionSerializer(serializers.Serializer[Any]):
    """A region whose catalog is kept here."""

    name = serializers.CharField()
    is_local = serializers.BooleanField()
    log_id = serializers.CharField()
    index = serializers.IntegerField(help_text="the head of its log")
    floor = serializers.IntegerField(help_text="the last change compacted away")
    digest = serializers.CharField()
    instances = serializers.IntegerField()
    services = serializers.IntegerField()
    statuses = CountsSerializer()
    overrides = serializers.IntegerField()
