"""A DNS server without sockets: records in, questions asked as packets, answers read by dnspython."""

import asyncio
import itertools
from collections.abc import Iterable

import dns.flags
import dns.message
import dns.rdatatype

from catalog.change import Record
from catalog.follow import follow
from catalog.log import MemoryLog
from catalog.records.instance import Instance
from catalog.records.override import Override, Scope
from catalog.records.status import Status
from catalog.view import View
from discovery.dns.counters import Counters
from discovery.dns.responder import Responder
from discovery.dns.table import AnswerTable
from discovery.dns.zone import Zone

REGION = "us-east"
NOW = 1_000_000.0
_numbers = itertools.count(1)


def instance(id: str, **fields: object) -> Instance:
    """An instance of `web` unless told otherwise, on an address of its own."""
    number = next(_numbers)
    host = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    given = {"region": REGION, "service": "web", "host": host, "port": 8080, **fields}
    return Instance(id=id, **given)  # type: ignore[arg-type]


def override(id: str = "o1", **fields: object) -> Override:
    """An override of the service `web` to critical unless told otherwise."""
    scope = Scope(str(fields.pop("scope", "service")))
    given = {"service": "web", "status": Status.CRITICAL, "reason": "drill", "author": "alice", "created_at": NOW}
    return Override(id=id, region=REGION, scope=scope, **{**given, **fields})  # type: ignore[arg-type]


class NameServer:
    """`ask` goes the whole way from packet to packet, the table included."""

    def __init__(self, *records: Record, regions: Iterable[str] = (), loaded: bool = True, **zone: object) -> None:
        self.now = NOW
        self.counters = Counters()
        self.table = AnswerTable(retire=self.counters.retire)
        self.view = View(clock=lambda: self.now)
        self.view.listeners.append(self.table.touched)
        given = {"region": REGION, "addresses": ("192.0.2.53",), **zone}
        self.zone = Zone(**given)  # type: ignore[arg-type]
        self.responder = Responder(self.view, self.zone, self.table, self.counters, clock=lambda: self.now)
        self.logs = {name: MemoryLog(name) for name in (REGION, *regions)}
        if loaded:
            self.put(*records)

    def put(self, *records: Record) -> None:
        """Append to the logs and let the view follow to their ends."""
        for record in records:
            self.logs[record.region].append(record.key, record)
        self.catch_up()

    def remove(self, record: Record) -> None:
        """Append a removal and let the view follow."""
        self.logs[record.region].append(record.key, None)
        self.catch_up()

    def catch_up(self) -> None:
        """Run the view to the end of every log."""
        asyncio.run(self._catch_up())

    async def _catch_up(self) -> None:
        followers = [asyncio.create_task(follow(log, self.view, poll=10)) for log in self.logs.values()]
        async with asyncio.timeout(10):
            while any(self.view.position(log.region) != log.head.position for log in self.logs.values()):
                await asyncio.sleep(0)
        await asyncio.sleep(0.001)  # the follower notes that it is up to date
        for follower in followers:
            follower.cancel()
        await asyncio.gather(*followers, return_exceptions=True)

    def ask(
        self, name: str, rdtype: str = "A", *, payload: int | None = 1232, tcp: bool = False, times: int = 1
    ) -> dns.message.Message:
        """The last answer to the same question asked `times` times."""
        query = dns.message.make_query(name, rdtype)
        query.flags |= dns.flags.RD
        if payload is None:
            query.use_edns(False)
        else:
            query.use_edns(0, payload=payload)
        for _ in range(times):
            answer = self.exchange(query.to_wire(), tcp=tcp)
        assert answer is not None, "no answer"
        message = dns.message.from_wire(answer)
        assert query.is_response(message)
        return message

    def exchange(self, packet: bytes, *, tcp: bool = False) -> bytes | None:
        """One packet, answered by the table when it can be, as the UDP loop does it."""
        kept = self.table.bodies.get(packet[2:])
        if kept is not None and not tcp:
            kept.served += 1
            return packet[:2] + kept.orders[kept.served % kept.count]
        return (self.responder.over_tcp if tcp else self.responder.over_udp)(packet)


def data(message: dns.message.Message, rdtype: str | None = None) -> list[str]:
    """The answers' data as text, sorted; of one type when it is given."""
    wanted = dns.rdatatype.from_text(rdtype) if rdtype else None
    return sorted(
        item.to_text() for rrset in message.answer for item in rrset if wanted is None or rrset.rdtype == wanted
    )


def added(message: dns.message.Message) -> dict[str, set[str]]:
    """The additional section: name to data."""
    return {rrset.name.to_text(): {item.to_text() for item in rrset} for rrset in message.additional}
