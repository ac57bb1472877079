"""What needs attention, found in memory and in what was gathered; each item links to where it is dealt with."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from django.urls import reverse

from catalog.records.instance import Instance
from catalog.records.override import Override, Scope
from catalog.records.status import Status
from catalog.view import ServiceName
from catalog.view import State as FreshnessState
from dashboard.memory.board import Board
from dashboard.memory.matrix import peers_of
from dashboard.memory.summary import ServiceSummary
from dashboard.words.sentences import Part, actor_name, display_name, override_effect, override_scope
from federation.status import Matrix
from federation.tables.peer import State as PeerState

HOUR = 3600.0
FLAPPING, WITHIN = 4, 600.0  # so many changes of status in so many seconds
MOST = 6  # items of one kind that are listed; the rest is counted
DAMPED = "held critical by flap damping"  # how the output of a damped check begins
ORDER = {"critical": 0, "warning": 1, "quiet": 2}

Services = Mapping[ServiceName, Sequence[ServiceSummary]]  # the totals of each service by region


class OpenHold(msgspec.Struct, frozen=True, kw_only=True):
    """An open hold of the breaker on this region's instances."""

    id: str
    kind: str
    scope: str
    name: str
    formula: str
    number: int
    at: float
    expires_at: float


class AttentionItem(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is a time that matters, and `when` says which: since, or until."""

    key: str
    kind: str
    severity: str
    parts: tuple[Part, ...]
    href: str
    action: str
    detail: str = ""
    when: str = ""
    at: float | None = None


def attention_items(
    board: Board, matrix: Matrix | None, holds: Sequence[OpenHold], services: Services, now: float
) -> list[AttentionItem]:
    """Everything that needs attention, the most severe first."""
    found: list[AttentionItem] = []
    for kind in (_holds(holds), _regions(board), _mirrors(board, matrix)):
        found += _capped(kind)
    found += _services(services)
    for kind in (_flapping(board, now), _overrides(board, now), _peers(matrix)):
        found += _capped(kind)
    return sorted(found, key=lambda item: ORDER[item.severity])


def _capped(found: Iterable[AttentionItem]) -> list[AttentionItem]:
    kept = sorted(found, key=lambda item: ORDER[item.severity])
    more = len(kept) - MOST
    return kept if more <= 0 else [*kept[:MOST], _more(kept[MOST - 1], more)]


def _more(last: AttentionItem, number: int) -> AttentionItem:
    return msgspec.structs.replace(
        last, key=f"{last.kind}:more", parts=(Part(f"and {number} more"),), detail="", when="", at=None,
        href=MORE[last.kind](), action="View all",
    )  # fmt: skip


def _holds(holds: Sequence[OpenHold]) -> Iterator[AttentionItem]:
    for hold in holds:
        many = f"{hold.number} instance{'' if hold.number == 1 else 's'}"
        yield AttentionItem(
            key=f"hold:{hold.id}", kind="held", severity="critical",
            parts=(Part(f"{HELD.get(hold.kind, hold.kind)} of {many} held in {hold.scope} {hold.name}".strip()),),
            detail=hold.formula, href=reverse("dashboard:held"), action="Decide",
            when="applies automatically", at=hold.expires_at,
        )  # fmt: skip


HELD = {"expiry": "Expiry", "removal": "Removal", "probe": "Probe failure"}


def _regions(board: Board) -> Iterator[AttentionItem]:
    for region in board.regions:
        fresh = board.view.region(region).freshness
        if fresh.state is FreshnessState.LIVE:
            continue
        ours = region == board.home
        if fresh.state is FreshnessState.UNKNOWN:
            said = " has never been reached"
        else:
            said = " is shown from memory: its database cannot be read" if ours else " is stale: last known state"
        yield AttentionItem(
            key=f"region:{region}", kind="region",
            severity="warning" if fresh.state is FreshnessState.UNKNOWN else "critical",
            parts=(Part("region "), Part(region, _peer(region)), Part(said)), detail=board.reason(region),
            href=_peer(region), action="View", when="since", at=fresh.since,
        )  # fmt: skip


def _mirrors(board: Board, matrix: Matrix | None) -> Iterator[AttentionItem]:
    peers = peers_of(matrix)
    for region in board.regions[1:]:
        link, peer = board.links.current(region), peers.get(region)
        mirror = link.mirror if link else None
        held = (mirror.held if mirror else "") or (peer.held if peer else "")
        if held:
            yield AttentionItem(
                key=f"mirror-held:{region}", kind="mirror", severity="critical",
                parts=(Part("mirror of "), Part(region, _peer(region)), Part(" is held")), detail=held,
                href=reverse("dashboard:held"), action="Decide",
                when="applies automatically", at=peer.held_until if peer else None,
            )  # fmt: skip
        if mirror is not None and mirror.equal is False:
            yield _diverged(board.home, region, mirror.diverged)
    for cell in matrix.cells if matrix else ():
        if cell.by != board.home and cell.equal is False:
            yield _diverged(cell.by, cell.of, cell.diverged)


def _diverged(by: str, of: str, services: Sequence[str]) -> AttentionItem:
    return AttentionItem(
        key=f"diverged:{by}:{of}", kind="mirror", severity="critical",
        parts=(Part(f"copy of {of} in "), Part(by, _peer(by)), Part(" differs from the origin")),
        detail=f"in {', '.join(services)}" if services else "", href=_peer(of), action="View",
    )  # fmt: skip


def _services(found: Services) -> list[AttentionItem]:
    """Those without any serving instance first. After the loss of a region they are thousands: few are built."""
    dead = [
        (sum(part.serving for part in parts), name)
        for name, parts in found.items()
        if any(not part.serving for part in parts)
    ]
    dead.sort(key=lambda pair: (pair[0] > 0, pair[1]))
    shown = [_service(name, [part for part in found[name] if not part.serving], serves) for serves, name in dead[:MOST]]
    return [*shown, _more(shown[-1], len(dead) - MOST)] if len(dead) > MOST else shown


def _service(name: ServiceName, dead: Sequence[ServiceSummary], serving: int) -> AttentionItem:
    page = reverse("dashboard:service", args=name)
    where = "" if not serving else f" in {', '.join(part.region for part in dead)}"
    out = sum(part.out for part in dead)
    ill = sum(part.instances for part in dead) - out
    said = [
        f"{serving} serving elsewhere" if serving else "",
        f"{ill} critical" if ill else "",
        f"{out} taken out by override" if out else "",
    ]
    return AttentionItem(
        key=f"service:{'/'.join(name)}", kind="service", severity="warning" if serving else "critical",
        parts=(Part("no instance of "), Part(display_name(*name), page), Part(f" is serving{where}")),
        detail=", ".join(filter(None, said)), href=page, action="View",
    )  # fmt: skip


def _flapping(board: Board, now: float) -> Iterator[AttentionItem]:
    """Instances that turned critical and came back several times lately, by the recent entries.

    Changes from and to `unknown` do not count: a registration starts every check there.
    """
    counts: dict[tuple[str, str], int] = {}
    newest: dict[tuple[str, str], Instance] = {}
    for entry in board.recent.newest():
        change, before = entry.change, entry.before
        if now - change.at > WITHIN:
            continue
        record = change.record
        name = (change.region, change.key)
        if isinstance(record, Instance) and isinstance(before, Instance) and _turned(before.status, record.status):
            counts[name] = counts.get(name, 0) + 1
            newest.setdefault(name, record)
    for name, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        if count >= FLAPPING and name[1] in board.view.region(name[0]).changes:
            yield _flap(newest[name], count)


def _turned(before: Status, after: Status) -> bool:
    return Status.UNKNOWN not in (before, after) and (before is Status.CRITICAL) != (after is Status.CRITICAL)


def _flap(instance: Instance, count: int) -> AttentionItem:
    page = reverse("dashboard:instance", args=[instance.region, instance.namespace, instance.service, instance.id])
    damped = next((verdict.output for verdict in instance.verdicts if verdict.output.startswith(DAMPED)), "")
    return AttentionItem(
        key=f"flapping:{instance.region}:{instance.key}", kind="flapping", severity="warning",
        parts=(
            Part(display_name(instance.namespace, instance.service, instance.id), page),
            Part(f" in {instance.region} is flapping"),
        ),
        detail=damped or f"{count} status changes in {WITHIN / 60:.0f} min", href=page, action="View",
    )  # fmt: skip


def _overrides(board: Board, now: float) -> Iterator[AttentionItem]:
    for region in board.regions:
        for override in board.view.region(region).overrides:
            if override.is_live(now) and _is_notable(override, now):
                yield _override(override)


def _is_notable(override: Override, now: float) -> bool:
    """Whether it ends soon, or never, or takes out a whole region."""
    return override.scope is Scope.REGION or override.expires_at is None or override.expires_at - now < HOUR


def _override(override: Override) -> AttentionItem:
    ends = override.expires_at is not None
    scope = override_scope(override)
    return AttentionItem(
        key=f"override:{override.region}:{override.id}", kind="override", severity="quiet",
        parts=(*scope, Part(f" is {override_effect(override)}{'' if ends else ', no expiry'}")),
        detail=f"{override.reason} ({actor_name(override.author)})",
        href=next((part.href for part in scope if part.href), reverse("dashboard:overrides")),
        action="View", when="expires" if ends else "since", at=override.expires_at if ends else override.created_at,
    )  # fmt: skip


def _peers(matrix: Matrix | None) -> Iterator[AttentionItem]:
    for peer in matrix.peers if matrix else ():
        if peer.state == PeerState.REVOKED:
            yield AttentionItem(
                key=f"revoked:{peer.region}", kind="peer", severity="quiet",
                parts=(Part("peer "), Part(peer.region, _peer(peer.region)), Part(" is revoked")),
                detail=f"its mirror is frozen ({actor_name(peer.by)})",
                href=reverse("admin:federation_peer_change", args=[peer.region]), action="View", when="since",
                at=peer.since,
            )  # fmt: skip


def _peer(region: str) -> str:
    return reverse("dashboard:peer", args=[region])


MORE: dict[str, Callable[[], str]] = {
    "held": lambda: reverse("dashboard:held"),
    "region": lambda: reverse("dashboard:federation"),
    "mirror": lambda: reverse("dashboard:federation"),
    "service": lambda: reverse("dashboard:services"),
    "flapping": lambda: f"{reverse('dashboard:changes')}?{urlencode({'verb': 'report'})}",
    "override": lambda: reverse("dashboard:overrides"),
    "peer": lambda: reverse("dashboard:federation"),
}
