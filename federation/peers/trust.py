"""Trust: two regions become peers by one token, made in one and accepted in the other, until one revokes it.

    us-east                                        eu-west
    invite("eu-west")  ── token, by hand ──►       accept(token)
                                                     makes a secret for us-east to show
    admit(invitation)  ◄── that secret ──            and shows the invitation
      makes a secret for eu-west to show
                       ── that secret ──►          both are peers

The token holds where us-east is and an invitation that works once, for that region and for a day. What a peer shows
afterwards is an ordinary token of the region, with the scope `peer` and, unless it was invited to read only,
`write:*`: it passes on what its own users were allowed to write here. Hashes alone are kept of what is shown here; what
is shown there is kept sealed (`federation.sealing`), so a copy of the database alone opens no other region.
"""

import base64
import secrets
import time
from functools import partial
from urllib.parse import urlsplit

import msgspec
import structlog
from django.conf import settings
from django.db import transaction

from catalog.errors import CatalogError, Invalid, NotFound, Refused, Unauthenticated
from catalog.records import names
from federation.client import Client
from federation.models import Peer
from federation.peers.sealing import seal, unseal
from federation.tables.peer import State
from federation.wire import Acceptance, Welcome
from registry.access import Grant
from registry.access.grant import Kind
from registry.access.issuing import create_token, revoke_token
from registry.access.secret import hashed, matches
from registry.database import in_thread

GOOD_FOR = 86_400.0  # seconds
BEGINS = "mrdpeer_"
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - addresses to listen on, not to connect to
ACCEPT_WITHIN = 20.0  # seconds
Known = tuple[str, str, str]  # region, URL and secret of a peer
log = structlog.get_logger(__name__)


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: who invites whom, where to answer, and what to show there."""

    region: str
    url: str
    guest: str
    secret: str


def this_region() -> str:
    """The name of this region."""
    return str(settings.MERIDIAN.region)


def own_url(given: str | None = None) -> str:
    """Where other regions reach this one: as given, or MERIDIAN_URL, or the address that it listens on."""
    environment = settings.MERIDIAN
    url = given or environment.url
    if not url and environment.http.host in WILDCARDS:
        raise Invalid(
            "say where other regions reach this one: MERIDIAN_URL is not set, and it listens on all addresses",
            field="url",
        )
    if not url:
        scheme = "https" if environment.tls_certificate else "http"
        url = f"{scheme}://{environment.http}"
    return checked_url(url, field="url")


def checked_url(url: str, *, field: str) -> str:
    """A base URL without its last slash. Raises Invalid."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or len(url) > 300:
        raise Invalid(f"{url[:80]!r} is not the base URL of a region", field=field)
    return url.rstrip("/")


def invite(region: str, *, actor: str, now: float, url: str | None = None, writes: bool = True) -> str:
    """Invite another region; returns the token to be accepted there, which is kept nowhere and works once.

    `url` is where that region reaches this one; without `writes` it may follow this region and write nothing. Inviting
    a region that is a peer already renews the trust once it accepts. Raises Invalid.
    """
    region = _other(region)
    secret = secrets.token_urlsafe(32)
    invitation = Invitation(region=this_region(), url=own_url(url), guest=region, secret=secret)
    peer = Peer.objects.filter(region=region).first() or Peer(region=region, state=State.INVITED, since=now, by=actor)
    if peer.state == State.REVOKED:
        peer.state, peer.since, peer.by = State.INVITED, now, actor
    peer.invitation, peer.invited_until, peer.writes = hashed(secret), now + GOOD_FOR, writes
    peer.save()
    log.info("peer invited", peer=region, actor=actor)
    return BEGINS + base64.urlsafe_b64encode(msgspec.json.encode(invitation)).decode().rstrip("=")


def read_token(token: str) -> Invitation:
    """What a token says. Raises Invalid."""
    text = token.strip()
    try:
        data = base64.b64decode(text.removeprefix(BEGINS) + "=" * (-len(text) % 4), altchars=b"-_")
        invitation = msgspec.json.decode(data, type=Invitation)
    except (ValueError, msgspec.DecodeError):
        raise Invalid("this is no token of `peer invite`: copy the whole of it", field="token") from None
    if not text.startswith(BEGINS):
        raise Invalid(f"a token begins with {BEGINS}", field="token")
    return invitation


async def accept(token: str, *, actor: str, url: str | None = None, writes: bool = True) -> str:
    """Accept an invitation; returns the region that invited. Both regions are peers then, or nothing has changed.

    `url` is where that region reaches this one. Raises Invalid, Refused, and Unavailable when it cannot be reached.
    """
    invitation = read_token(token)
    now = time.time()
    if invitation.guest != this_region():
        raise Invalid(f"the token invites {invitation.guest}, and this is {this_region()}", field="token")
    region = _other(invitation.region)
    where = checked_url(invitation.url, field="token")
    token_id, secret = await in_thread(partial(_issue, region, writes=writes, actor=actor, now=now))
    try:
        acceptance = Acceptance(region=this_region(), url=own_url(url), secret=secret)
        welcome = await _present(region, where, invitation.secret, acceptance)
    except CatalogError:
        await in_thread(partial(revoke_token, token_id, actor=actor, now=now))
        raise
    peer = partial(_become, region, url=where, secret=welcome.secret, token=token_id)
    await in_thread(partial(peer, writes=writes, actor=actor, now=now))
    return region


def admit(secret: str, acceptance: Acceptance, *, now: float) -> Welcome:
    """Let the bearer of an invitation in. Raises Unauthenticated unless the invitation is good, and Invalid."""
    region = _other(acceptance.region)
    url = checked_url(acceptance.url, field="url")
    actor = f"peer:{region}"
    with transaction.atomic():
        peer = Peer.objects.filter(region=region).first()
        if peer is None or not peer.invitation or not matches(secret, peer.invitation):
            raise Unauthenticated(f"{region} has no such invitation here: it was used, or another has replaced it")
        if peer.invited_until is None or peer.invited_until <= now:
            raise Unauthenticated(f"the invitation of {region} has expired: ask for another")
        used = Peer.objects.filter(region=region, invitation=peer.invitation).update(invitation="", invited_until=None)
    if used != 1:
        raise Unauthenticated(f"the invitation of {region} was used a moment ago")
    token_id, ours = _issue(region, writes=peer.writes, actor=actor, now=now)
    _become(region, url=url, secret=acceptance.secret, token=token_id, writes=peer.writes, actor=actor, now=now)
    return Welcome(region=this_region(), secret=ours)


def revoke(region: str, *, actor: str, now: float) -> Peer:
    """End the trust in a peer at once: it gets nothing more, and is not followed any more; its mirror stays, marked.

    Raises NotFound.
    """
    peer = find(region)
    if peer.token:
        revoke_token(peer.token, actor=actor, now=now)
    if peer.state != State.REVOKED:
        peer.state, peer.since, peer.by = State.REVOKED, now, actor
    peer.secret = peer.token = peer.invitation = ""
    peer.invited_until = None
    peer.save()
    log.warning("peer revoked", peer=region, actor=actor)
    return peer


def find(region: str) -> Peer:
    """A peer by its region. Raises NotFound."""
    peer = Peer.objects.filter(region=region.lower()).first()
    if peer is None:
        raise NotFound(f"{region[:80]!r} is no peer of this region")
    return peer


def region_of(grant: Grant) -> str:
    """The region behind the token of a peer: it is the middle of the token's name."""
    return grant.name.removeprefix("peer-").rpartition("-")[0] if grant.kind is Kind.TOKEN else grant.name


def active_peers() -> list[Peer]:
    """The peers that are trusted now."""
    return list(Peer.objects.filter(state=State.ACTIVE))


def way_to(peer: Peer) -> Known:
    """How a peer is asked. Raises Unopened."""
    return peer.region, peer.url, unseal(peer.secret)


def _other(region: str) -> str:
    name = names.label(region, field="region")
    if name == this_region():
        raise Invalid(f"{name} is this region itself", field="region")
    return name


def _issue(region: str, *, writes: bool, actor: str, now: float) -> tuple[str, str]:
    """A token for a peer to show here: its id, and the secret. The one it had before is good until `_become`."""
    scopes = ("peer", "write:*") if writes else ("peer",)
    name = f"peer-{region[:51]}-{secrets.token_hex(3)}"  # unique, because two may be good for a moment
    token, secret = create_token(name, scopes, expires_in=None, actor=actor, now=now)
    return token.id, secret


def _become(region: str, *, url: str, secret: str, token: str, writes: bool, actor: str, now: float) -> None:
    before = Peer.objects.filter(region=region).first()
    if before is not None and before.token:
        revoke_token(before.token, actor=actor, now=now)
    Peer.objects.update_or_create(
        region=region,
        defaults={
            "url": url, "state": State.ACTIVE, "secret": seal(secret), "token": token, "writes": writes,
            "invitation": "", "invited_until": None, "since": now, "by": actor,
        },
    )  # fmt: skip
    log.info("peer trusted", peer=region, url=url, actor=actor)


async def _present(region: str, url: str, secret: str, acceptance: Acceptance) -> Welcome:
    async with Client(region, url, secret) as client:
        body = msgspec.json.encode(acceptance)
        path, headers = "/federation/v1/accept", {"Content-Type": "application/json"}
        status, _, answer = await client.send("POST", path, body, headers, within=ACCEPT_WITHIN)
    try:
        if status == 200:
            welcome = msgspec.json.decode(answer, type=Welcome)
            if welcome.region != region:
                raise Refused(f"at {url} is {welcome.region}, not {region}")
            return welcome
        detail = msgspec.json.decode(answer, type=dict[str, object]).get("detail", "")
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(f"what is at {url} is no region") from None
    raise Refused(f"{region} does not let this region in: {detail}")
