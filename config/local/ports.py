"""Ports of this machine: whether one is taken, and which are free."""

import errno
import socket
from dataclasses import dataclass

from config.environment import Address


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that a process is about to listen on, what for, and the flag that moves it elsewhere."""

    address: Address
    purpose: str
    flag: str
    kinds: tuple[socket.SocketKind, ...] = (socket.SOCK_STREAM,)


def busy_claim(claims: tuple[Claim, ...]) -> str | None:
    """One sentence about the first claim that cannot be had, or None when all are free."""
    for claim in claims:
        for kind in claim.kinds:
            problem = _listen_problem(claim.address, kind)
            if problem is None:
                continue
            if problem.errno == errno.EADDRINUSE:
                where = f"port {claim.address.port} on {claim.address.host}, wanted for {claim.purpose}"
                return f"{where}, is already in use: stop what uses it, or choose another with {claim.flag}."
            return f"cannot listen on {claim.address} for {claim.purpose}: {problem.strerror}; see {claim.flag}."
    return None


def _listen_problem(address: Address, kind: socket.SocketKind) -> OSError | None:
    try:
        family, _, _, _, target = socket.getaddrinfo(address.host, address.port, type=kind)[0]
        with socket.socket(family, kind) as attempt:
            if kind == socket.SOCK_STREAM:
                # Connections of a server that has just ended do not make its port busy.
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(target)
            if kind == socket.SOCK_STREAM:
                attempt.listen(1)
    except OSError as problem:
        return problem
    return None


def free_port(host: str = "127.0.0.1") -> int:
    """A port of `host` on which neither TCP nor UDP is listening."""
    while True:
        with socket.socket(_family(host), socket.SOCK_STREAM) as stream:
            stream.bind((host, 0))
            port: int = stream.getsockname()[1]
            if _listen_problem(Address(host, port), socket.SOCK_DGRAM) is None:
                return port


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
