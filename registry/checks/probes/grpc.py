"""gRPC checks: the standard health protocol, `grpc.health.v1.Health/Check`."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from catalog.records.check import Check
from catalog.records.status import Status
from registry.checks.probes.addresses import Place, is_address, lookup, shown, target
from registry.checks.probes.guard import AddressInfo
from registry.checks.probes.outcome import Answer, printable
from registry.checks.probes.tools import USER_AGENT, Tools

LARGEST_ANSWER = 16 * 1024  # bytes; an answer of the health protocol has a few
SERVING = health_pb2.HealthCheckResponse.SERVING


def subject(check: Check, own: Place) -> str:
    """What is asked, for the beginning of an output."""
    service = f" service {check.service!r}" if check.service else ""
    return printable(f"gRPC {shown(target(check, own))}{service}")


async def ask(tools: Tools, check: Check, own: Place) -> Answer:
    """Ask for the health of the service, or of the whole server. Raises OSError when the host has no usable address."""
    place = target(check, own)
    info = (await lookup(place, tools.guard))[0]
    request = health_pb2.HealthCheckRequest(service=check.service)
    async with _channel(check, place, info) as channel:
        try:
            response = await health_pb2_grpc.HealthStub(channel).Check(request)
        except grpc.aio.AioRpcError as error:
            return Answer(Status.CRITICAL, f"{error.code().name}: {printable(error.details() or 'no details')}")
    name = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    return Answer(Status.PASSING if response.status == SERVING else Status.CRITICAL, name)


def _channel(check: Check, place: Place, info: AddressInfo) -> grpc.aio.Channel:
    """A channel to the judged address, under the name that the check gave."""
    address = shown((info.sockaddr[0], info.sockaddr[1]))
    scheme = "ipv6" if ":" in info.sockaddr[0] else "ipv4"
    options: list[tuple[str, str | int]] = [
        ("grpc.primary_user_agent", USER_AGENT),
        ("grpc.default_authority", shown(place)),
        # Connections of other channels to the same address would be shared, and so would their pause after a failure:
        # a target that has recovered would look dead for up to two minutes.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", LARGEST_ANSWER),
    ]
    if not check.tls:
        return grpc.aio.insecure_channel(f"{scheme}:{address}", options=options)
    if not is_address(place[0]):
        options.append(("grpc.ssl_target_name_override", place[0]))
    return grpc.aio.secure_channel(f"{scheme}:{address}", grpc.ssl_channel_credentials(), options=options)
