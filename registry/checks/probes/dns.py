"""DNS checks: a question to one server, and the record that is expected among the answers."""

import socket

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from catalog.records.check import Check
from catalog.records.status import Status
from registry.checks.probes.addresses import Place, lookup, shown, target
from registry.checks.probes.outcome import Answer, printable
from registry.checks.probes.tools import Tools

MOST_SHOWN = 4  # answers in an output


def subject(check: Check, own: Place) -> str:
    """What is asked, for the beginning of an output."""
    return printable(f"DNS {check.record} {check.query} at {shown(target(check, own))}")


async def ask(tools: Tools, check: Check, own: Place) -> Answer:
    """Ask the server over UDP, over TCP if the answer is cut. Raises OSError or dns.exception.DNSException."""
    place = target(check, own)
    info = (await lookup(place, tools.guard, kind=socket.SOCK_DGRAM))[0]
    question = dns.message.make_query(check.query, check.record, use_edns=True, payload=1232)
    response, _ = await dns.asyncquery.udp_with_fallback(
        question, info.sockaddr[0], timeout=check.timeout, port=place[1]
    )
    return judge(check, response)


def judge(check: Check, response: dns.message.Message) -> Answer:
    """What an answer says about the server."""
    if response.rcode() != dns.rcode.NOERROR:
        return Answer(Status.CRITICAL, dns.rcode.to_text(response.rcode()))
    wanted = dns.rdatatype.from_text(check.record)
    texts = [record.to_text() for rrset in response.answer if rrset.rdtype == wanted for record in rrset]
    if not texts:
        return Answer(Status.CRITICAL, f"no {check.record} record in the answer")
    listed = printable(", ".join(texts[:MOST_SHOWN]) + (", …" if len(texts) > MOST_SHOWN else ""), longest=300)
    if check.expect_answer and _plain(check.expect_answer) not in map(_plain, texts):
        expected = printable(check.expect_answer, longest=200)
        return Answer(Status.CRITICAL, f"{expected} is not among the answers: {listed}")
    return Answer(Status.PASSING, listed)


def _plain(text: str) -> str:
    """A record's text as people write it: without quotes, letter case, or the dot at the end of a name."""
    return text.strip('"').lower().rstrip(".")
