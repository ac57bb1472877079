"""The responder: a packet in, an answer out, for what the table does not have."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from dns.edns import EDECode
from dns.rcode import Rcode
from dns.rdataclass import RdataClass

from catalog.view import State, View
from discovery.dns import message, shapes
from discovery.dns.counters import Counters
from discovery.dns.message import Prepared
from discovery.dns.names import route
from discovery.dns.question import Ignored, Question, Rejected, read
from discovery.dns.reads import Finding, find
from discovery.dns.shapes import Naming
from discovery.dns.table import AnswerTable, Bodies
from discovery.dns.zone import LARGEST, LEAST_PAYLOAD, Zone

RESHUFFLED = 1.0  # seconds after which an answer that does not show everything shows another part
REFUSED = Prepared(rcode=Rcode.REFUSED, authoritative=False, kept=False)
FAILED = Prepared(rcode=Rcode.SERVFAIL, authoritative=False, kept=False)
BAD_VERSION = Prepared(rcode=Rcode.BADVERS, authoritative=False, kept=False)
NOT_READY = Prepared(
    rcode=Rcode.SERVFAIL,
    authoritative=False,
    kept=False,
    note=(EDECode.NOT_READY, "the catalog is not loaded yet"),
)

logger = structlog.get_logger(__name__)


class Responder:
    """Answers from the view and keeps what it encoded in the table. `clock` gives wall time."""

    def __init__(
        self, view: View, zone: Zone, table: AnswerTable, counters: Counters, *, clock: Callable[[], float]
    ) -> None:
        self._view = view
        self._zone = zone
        self._table = table
        self._counters = counters
        self._clock = clock

    def over_udp(self, packet: bytes) -> bytes | None:
        """The answer to a datagram, or None when it gets none. From its second time on it is answered by the table."""
        return self._respond(packet, "udp")

    def over_tcp(self, packet: bytes) -> bytes | None:
        """The answer to a message on a connection, which may be as long as a message can be."""
        return self._respond(packet, "tcp")

    def _respond(self, packet: bytes, transport: str) -> bytes | None:
        try:
            question = read(packet)
        except Ignored:
            self._counters.ignored += 1
            return None
        except Rejected as rejected:
            self._counters.count(transport, 0, rejected.rcode)
            return message.bare(packet, rejected.rcode)
        # Noted before anything is read of the table or the view; see `table` for why.
        generation = self._table.generation
        try:
            prepared = self._prepared(question, generation)
        except Exception:
            # A question that breaks the making of its answer must not end the server for all other clients.
            logger.exception("a question could not be answered", name=repr(question.name), type=question.rdtype)
            prepared = FAILED
        self._counters.count(transport, question.rdtype, prepared.rcode)
        room = LARGEST if transport == "tcp" else self._room(question)
        body, truncated = message.body(question, prepared, self._zone.payload, room)
        self._counters.truncated += truncated
        if transport == "udp" and prepared.kept and not self._table.is_new(packet[2:]):
            self._keep(packet[2:], question, prepared, generation, truncated=truncated)
        return packet[:2] + body

    def _room(self, question: Question) -> int:
        if question.edns is None:
            return LEAST_PAYLOAD
        return max(LEAST_PAYLOAD, min(question.edns.payload, self._zone.payload))

    def _keep(self, key: bytes, question: Question, prepared: Prepared, generation: int, *, truncated: bool) -> None:
        orders = message.bodies(question, prepared, self._zone.payload, self._room(question))
        valid_until = prepared.valid_until
        if truncated or len(prepared.answers) > message.MOST_ORDERS:
            valid_until = min(valid_until or float("inf"), self._clock() + RESHUFFLED)
        self._table.put_body(
            key,
            Bodies(orders, (question.rdtype, prepared.rcode), truncated=truncated),
            depends=prepared.depends,
            generation=generation,
            valid_until=valid_until,
        )

    def _prepared(self, question: Question, generation: int) -> Prepared:
        if question.edns is not None and question.edns.version > 0:
            return BAD_VERSION
        split = self._zone.split(question.labels)
        if split is None or question.rdclass != RdataClass.IN:
            return REFUSED
        key = (question.name.lower(), question.rdtype)
        kept = self._table.prepared.get(key)
        if kept is not None:
            return kept
        labels, domain = split
        found = find(self._view, route(labels), local=self._zone.region, now=self._clock())
        prepared = prepare(found, question, self._zone, Naming.of(question.name, domain))
        # Names that nothing is registered under are cheap to find out and endless in number: they are not kept.
        if found.exists and prepared.kept:
            self._table.put_prepared(key, prepared, generation=generation)
        return prepared


def prepare(found: Finding, question: Question, zone: Zone, naming: Naming) -> Prepared:
    """What was found, encoded as the records that answer the question."""
    if not found.loaded:
        return NOT_READY
    answers = shapes.records(found, question.rdtype, zone, naming)
    authority = b"" if answers else naming.pointer + shapes.soa(found, zone, naming, zone.negative_ttl)
    return Prepared(
        rcode=Rcode.NOERROR if found.exists else Rcode.NXDOMAIN,
        answers=answers,
        authority=authority,
        one_of=bool(answers) and shapes.one_of(answers, question.rdtype),
        note=_note(found),
        depends=found.depends,
        valid_until=found.valid_until,
    )


def _note(found: Finding) -> tuple[int, str] | None:
    """What is said of an answer that may have grown old; RFC 8914 §4.4 and §4.20 have codes for it."""
    if found.freshness.state is not State.STALE:
        return None
    code = EDECode.STALE_ANSWER if found.exists else EDECode.STALE_NXDOMAIN_ANSWER
    since = datetime.fromtimestamp(found.freshness.since or 0.0, UTC)
    stale = [part.region for part in found.parts if part.used and part.freshness.state is State.STALE]
    return code, f"{', '.join(stale) or found.region} as of {since:%Y-%m-%dT%H:%M:%SZ}"
