"""Needs: what a person should look at, found in memory and in what was gathered; each with where it is dealt with."""

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
from dashboard.memory.summary import ServiceSummary
from dashboard.words.sentences import Part, display_name, override_effect, override_scope, who
from federation.status import Matrix
from federation.tables.peer import State as PeerState

HOUR = 3600.0
FLAPPING, WITHIN = 4, 600.0  # so many changes of status in so many seconds
MOST = 6  # needs of one kind; what is more is counted
DAMPED = "held critical by flap damping"  # how a verdict begins that damping made
ORDER = {"critical": 0, "warning": 1, "quiet": 2}

Services = Mapping[ServiceName, Sequence[ServiceSummary]]  # each service with what it adds up to in each region


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What the breaker holds of this region's own instances."""

    id: str
    kind: str
    scope: str
    name: str
    formula: str
    number: int
    at: float
    expires_at: float


class AttentionItem(msgspec.Struct, frozen=True, kw_only=True):
    """`at` is a moment that matters, and `when` says which: since, or until."""

    key: str
    kind: str
    severity: str
    parts: tuple[Part, ...]
    href: str
    action: str
    detail: str = ""
    when: str = ""
    at: float | None = None


def needs(
    board: Board, told: Matrix | None, holds: Sequence[Hold], services: Services, now: float
) -> list[AttentionItem]:
    """Everything that needs a person, the gravest first."""
    found: list[AttentionItem] = []
    for kind in (_holds(holds), _regions(board), _mirrors(board, told)):
        found += _capped(kind)
    found += _services(services)
    for kind in (_flapping(board, now), _overrides(board, now), _peers(told)):
        found += _capped(kind)
    return sorted(found, key=lambda need: ORDER[need.severity])


def _capped(found: Iterable[AttentionItem]) -> list[AttentionItem]:
    kept = sorted(found, key=lambda need: ORDER[need.severity])
    more = len(kept) - MOST
    return kept if more <= 0 else [*kept[:MOST], _more(kept[MOST - 1], more)]


def _more(last: AttentionItem, number: int) -> AttentionItem:
    return msgspec.structs.replace(
        last, key=f"{last.kind}:more", parts=(Part(f"and {number} more like these"),), detail="", when="", at=None,
        href=MORE[last.kind](), action="See all",
    )  # fmt: skip


def _holds(holds: Sequence[Hold]) -> Iterator[AttentionItem]:
    for hold in holds:
        many = f"{hold.number} instance{'' if hold.number == 1 else 's'}"
        yield AttentionItem(
            key=f"hold:{hold.id}", kind="held", severity="critical",
            parts=(Part(f"{WORDS.get(hold.kind, hold.kind)} of {many} held, in {hold.scope} {hold.name}".strip()),),
            detail=hold.formula, href=reverse("dashboard:held"), action="Decide",
            when="happens by itself", at=hold.expires_at,
        )  # fmt: skip


WORDS = {"expiry": "Expiry", "removal": "Removal", "probe": "Failing"}


def _regions(board: Board) -> Iterator[AttentionItem]:
    for region in board.regions:
        fresh = board.view.region(region).freshness
        if fresh.state is FreshnessState.LIVE:
            continue
        ours = region == board.home
        if fresh.state is FreshnessState.UNKNOWN:
            said = " has not been heard of yet"
        else:
            said = " is from memory: its database cannot be read" if ours else " is stale: shown as it last was"
        yield AttentionItem(
            key=f"region:{region}", kind="region",
            severity="warning" if fresh.state is FreshnessState.UNKNOWN else "critical",
            parts=(Part("region "), Part(region, _peer(region)), Part(said)), detail=board.reason(region),
            href=_peer(region), action="Look", when="since", at=fresh.since,
        )  # fmt: skip


def _mirrors(board: Board, told: Matrix | None) -> Iterator[AttentionItem]:
    peers = {peer.region: peer for peer in told.peers} if told else {}
    for region in board.regions[1:]:
        reached, peer = board.links.reached(region), peers.get(region)
        word = reached.word if reached else None
        held = (word.held if word else "") or (peer.held if peer else "")
        if held:
            yield AttentionItem(
                key=f"mirror-held:{region}", kind="mirror", severity="critical",
                parts=(Part("the mirror of "), Part(region, _peer(region)), Part(" is held")), detail=held,
                href=reverse("dashboard:held"), action="Decide",
                when="happens by itself", at=peer.held_until if peer else None,
            )  # fmt: skip
        if word is not None and word.equal is False:
            yield _diverged(board.home, region, word.diverged)
    for cell in told.cells if told else ():
        if cell.by != board.home and cell.equal is False:
            yield _diverged(cell.by, cell.of, cell.diverged)


def _diverged(by: str, of: str, services: Sequence[str]) -> AttentionItem:
    return AttentionItem(
        key=f"diverged:{by}:{of}", kind="mirror", severity="critical",
        parts=(Part(f"the copy of {of} in "), Part(by, _peer(by)), Part(" differs from its origin")),
        detail=f"in {', '.join(services)}" if services else "", href=_peer(of), action="Look",
    )  # fmt: skip


def _services(found: Services) -> list[AttentionItem]:
    """Those that nobody serves first. When a region is lost they are thousands: only what is shown is put in words."""
    dead = [
        (sum(part.serving for part in parts), name)
        for name, parts in found.items()
        if any(not part.serving for part in parts)
    ]
    dead.sort(key=lambda pair: (pair[0] > 0, pair[1]))
    shown = [_without(name, [part for part in found[name] if not part.serving], serves) for serves, name in dead[:MOST]]
    return [*shown, _more(shown[-1], len(dead) - MOST)] if len(dead) > MOST else shown


def _without(name: ServiceName, dead: Sequence[ServiceSummary], serving: int) -> AttentionItem:
    page = reverse("dashboard:service", args=name)
    where = "" if not serving else f" in {', '.join(part.region for part in dead)}"
    out = sum(part.out for part in dead)
    ill = sum(part.instances for part in dead) - out
    said = [
        f"{serving} serve elsewhere" if serving else "",
        f"{ill} critical" if ill else "",
        f"{out} taken out by hand" if out else "",
    ]
    return AttentionItem(
        key=f"service:{'/'.join(name)}", kind="service", severity="warning" if serving else "critical",
        parts=(Part("no instance of "), Part(display_name(*name), page), Part(f" serves{where}")),
        detail=", ".join(filter(None, said)), href=page, action="Look",
    )  # fmt: skip


def _flapping(board: Board, now: float) -> Iterator[AttentionItem]:
    """Instances that turned critical and came back again and again lately, as the recent entries tell.

    A registration makes a check begin anew, from `unknown`: that is no restlessness.
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
            yield _restless(newest[name], count)


def _turned(before: Status, after: Status) -> bool:
    return Status.UNKNOWN not in (before, after) and (before is Status.CRITICAL) != (after is Status.CRITICAL)


def _restless(instance: Instance, count: int) -> AttentionItem:
    page = reverse("dashboard:instance", args=[instance.region, instance.namespace, instance.service, instance.id])
    damped = next((verdict.output for verdict in instance.verdicts if verdict.output.startswith(DAMPED)), "")
    return AttentionItem(
        key=f"flapping:{instance.region}:{instance.key}", kind="flapping", severity="warning",
        parts=(
            Part(display_name(instance.namespace, instance.service, instance.id), page),
            Part(f" in {instance.region} flaps"),
        ),
        detail=damped or f"{count} changes of status in {WITHIN / 60:.0f} min", href=page, action="Look",
    )  # fmt: skip


def _overrides(board: Board, now: float) -> Iterator[AttentionItem]:
    for region in board.regions:
        for override in board.view.region(region).overrides:
            if override.is_live(now) and _is_notable(override, now):
                yield _override(override)


def _is_notable(override: Override, now: float) -> bool:
    """Whether it ends soon, or never, or a whole region is out because of it."""
    return override.scope is Scope.REGION or override.expires_at is None or override.expires_at - now < HOUR


def _override(override: Override) -> AttentionItem:
    ends = override.expires_at is not None
    scope = override_scope(override)
    return AttentionItem(
        key=f"override:{override.region}:{override.id}", kind="override", severity="quiet",
        parts=(*scope, Part(f" is put {override_effect(override)}{'' if ends else ', without an end'}")),
        detail=f"{override.reason} ({who(override.author)})",
        href=next((part.href for part in scope if part.href), reverse("dashboard:overrides")),
        action="Look", when="ends" if ends else "since", at=override.expires_at if ends else override.created_at,
    )  # fmt: skip


def _peers(told: Matrix | None) -> Iterator[AttentionItem]:
    for peer in told.peers if told else ():
        if peer.state == PeerState.REVOKED:
            yield AttentionItem(
                key=f"revoked:{peer.region}", kind="peer", severity="quiet",
                parts=(Part("peer "), Part(peer.region, _peer(peer.region)), Part(" is revoked")),
                detail=f"its mirror stays as it was ({who(peer.by)})",
                href=reverse("admin:federation_peer_change", args=[peer.region]), action="Look", when="since",
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
