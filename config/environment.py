"""The settings of one region, read once from environment variables and checked at start.

Each variable has a default that suits a region on one machine, and each error is one sentence that names the variable.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

from catalog.errors import Invalid
from catalog.records.duration import seconds

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
T = TypeVar("T")

DATABASE_FORMS = 'neither "sqlite:///PATH" nor "postgres://user:password@host:port/name"'
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class EnvironmentProblem(ValueError):
    """A variable that Meridian cannot start with; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens: a host, by name or IP address, and a port."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can reach the address."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the tables are: `engine` is "sqlite" or "postgres"; for SQLite `name` is the path of its file.

    `options` are libpq's further parameters of a connection, such as `sslmode`. Several hosts stand in `host` and
    `port`, separated by commas.
    """

    engine: str
    name: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: str = ""
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Everything that can be set from outside. Durations are in seconds; a place is a latitude and a longitude."""

    region: str
    data: Path
    database: Database
    valkey_url: str
    http: Address
    dns: Address
    dns_domains: tuple[str, ...]
    dns_ttl: float
    secret_key: str | None
    secret_key_file: Path | None
    allowed_hosts: tuple[str, ...]
    probe_networks: tuple[Network, ...]
    history: float
    hold_expiry: float
    watchers_per_client: int
    watchers: int
    auth: bool
    dashboard_open: bool
    place: tuple[float, float] | None
    url: str | None
    peer_ca: Path | None
    tls_certificate: Path | None
    tls_key: Path | None
    debug: bool
    log_format: str
    log_level: str


def is_loopback(host: str) -> bool:
    """True for `localhost` and the loopback addresses of both families."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read and check the settings among `variables`. Raises EnvironmentProblem."""
    data = _value(variables, "MERIDIAN_DATA", ".meridian", _path)
    http = Address(
        _value(variables, "MERIDIAN_HTTP_HOST", "127.0.0.1", _host),
        _value(variables, "MERIDIAN_HTTP_PORT", "8500", _port),
    )
    dns = Address(
        _value(variables, "MERIDIAN_DNS_HOST", "127.0.0.1", _host),
        _value(variables, "MERIDIAN_DNS_PORT", "8600", _port),
    )
    loopback = http.is_loopback
    auth = _auth(_value(variables, "MERIDIAN_AUTH", "off" if loopback else "on", _switch), loopback)
    database = _value(variables, "MERIDIAN_DATABASE_URL", f"sqlite:///{data / 'meridian.sqlite3'}", _database)
    valkey_url = _value(variables, "MERIDIAN_VALKEY_URL", "redis://127.0.0.1:6379/0", _valkey_url)
    return Environment(
        region=_value(variables, "MERIDIAN_REGION", "us-east", _label),
        data=data,
        database=_with_database_password(database, _password(variables, "MERIDIAN_DATABASE_PASSWORD_FILE")),
        valkey_url=_with_valkey_password(valkey_url, _password(variables, "MERIDIAN_VALKEY_PASSWORD_FILE")),
        http=http,
        dns=dns,
        dns_domains=_value(variables, "MERIDIAN_DNS_DOMAINS", "consul,internal", _domains),
        dns_ttl=_value(variables, "MERIDIAN_DNS_TTL", "5s", _seconds),
        secret_key=variables.get("MERIDIAN_SECRET_KEY") or None,
        secret_key_file=_value(variables, "MERIDIAN_SECRET_KEY_FILE", "", _optional_file),
        allowed_hosts=_value(variables, "MERIDIAN_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", _words),
        probe_networks=_value(variables, "MERIDIAN_PROBE_NETWORKS", "0.0.0.0/0,::/0", _networks),
        history=_value(variables, "MERIDIAN_HISTORY", "7d", _seconds),
        hold_expiry=_value(variables, "MERIDIAN_HOLD_EXPIRY", "1h", _seconds),
        watchers_per_client=_value(variables, "MERIDIAN_WATCHERS_PER_CLIENT", "6000", _count),
        watchers=_value(variables, "MERIDIAN_WATCHERS", "16000", _count),
        auth=auth,
        dashboard_open=_value(variables, "MERIDIAN_DASHBOARD", "closed" if auth else "open", _open),
        place=_value(variables, "MERIDIAN_COORDINATES", "", _optional_place),
        url=_value(variables, "MERIDIAN_URL", "", _optional_url),
        peer_ca=_value(variables, "MERIDIAN_PEER_CA", "", _optional_file),
        **_tls(variables),
        debug=_value(variables, "MERIDIAN_DEBUG", "off", _switch),
        log_format=_value(variables, "MERIDIAN_LOG_FORMAT", "console", _one_of("console", "json")),
        log_level=_value(variables, "MERIDIAN_LOG_LEVEL", "info", _one_of("debug", "info", "warning", "error")),
    )


def _value(variables: Mapping[str, str], name: str, default: str, parse: Callable[[str], T]) -> T:
    """The parsed variable; an empty one counts as not set. A parser's ValueError completes the sentence 'NAME … '."""
    text = variables.get(name) or default
    try:
        return parse(text)
    except ValueError as problem:
        raise EnvironmentProblem(f'{name} is "{text}", which {problem}.') from None


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _optional_file(text: str) -> Path | None:
    if not text:
        return None
    path = _path(text)
    if not path.is_file():
        raise ValueError("is not a file that can be read")
    return path


def _optional_url(text: str) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError('is not a base URL such as "https://us-east.registry.example"')
    return text.rstrip("/")


def _tls(variables: Mapping[str, str]) -> dict[str, Path | None]:
    """The certificate and key with which the server speaks TLS itself: both or neither."""
    certificate = _value(variables, "MERIDIAN_TLS_CERTIFICATE", "", _optional_file)
    key = _value(variables, "MERIDIAN_TLS_KEY", "", _optional_file)
    if (certificate is None) != (key is None):
        raise EnvironmentProblem("MERIDIAN_TLS_CERTIFICATE and MERIDIAN_TLS_KEY go together: set both, or neither.")
    return {"tls_certificate": certificate, "tls_key": key}


def _host(text: str) -> str:
    host = text.strip("[]")
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", host):
        raise ValueError("is neither an IP address nor a host name")
    return host


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError("is not a port between 1 and 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError("is not a whole number above zero")
    return int(text)


def _label(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise ValueError("is not a DNS label: use up to 63 of a-z, 0-9 and inner hyphens")
    return text


def _domains(text: str) -> tuple[str, ...]:
    domains = _words(text.lower())
    for domain in domains:
        if not all(LABEL.fullmatch(label) for label in domain.rstrip(".").split(".")):
            raise ValueError(f'holds "{domain}", which is not a DNS domain')
    return tuple(domain.rstrip(".") for domain in domains)


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if not words:
        raise ValueError("names nothing; separate several values by commas")
    return words


def _networks(text: str) -> tuple[Network, ...]:
    networks = []
    for word in _words(text):
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError:
            raise ValueError(f'holds "{word}", which is not a network such as "10.0.0.0/8"') from None
    return tuple(networks)


def _seconds(text: str) -> float:
    try:
        return seconds(text, field="", least=0.001)
    except Invalid:
        raise ValueError('is not a duration above zero such as "500ms", "5s", "10m", "1h" or "7d"') from None


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise ValueError('is neither "on" nor "off"')
    return text == "on"


def _open(text: str) -> bool:
    return _one_of("open", "closed")(text) == "open"


def _optional_place(text: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees."""
    if not text:
        return None
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        latitude = longitude = math.nan
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ValueError('is not a latitude and a longitude in degrees such as "39.0,-77.5"')
    return latitude, longitude


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"is none of {', '.join(choices)}")
        return text

    return parse


def _auth(wanted: bool, loopback: bool) -> bool:
    if not wanted and not loopback:
        raise EnvironmentProblem(
            "MERIDIAN_AUTH is off and MERIDIAN_HTTP_HOST is not a loopback address, "
            "so anyone on the network could write: set MERIDIAN_AUTH to on or listen on 127.0.0.1."
        )
    return wanted


def _valkey_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"redis", "rediss", "valkey", "valkeys"} or not parts.hostname:
        raise ValueError('is not a URL such as "redis://127.0.0.1:6379/0"')
    # redis-py and Celery know the server only under its older name.
    return parts._replace(scheme=parts.scheme.replace("valkey", "redis")).geturl()


def _password(variables: Mapping[str, str], name: str) -> str | None:
    """The password in the file that the variable names, without the line's end; None when it names none."""
    path = _value(variables, name, "", _optional_file)
    if path is None:
        return None
    try:
        password = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise EnvironmentProblem(f"{name} names {path}, which cannot be read: {problem}.") from None
    if not password:
        raise EnvironmentProblem(f"{name} names {path}, which is empty.")
    return password


def _with_database_password(database: Database, password: str | None) -> Database:
    """A password from a file counts more than one in the URL; SQLite knows none."""
    return database if password is None or database.engine == "sqlite" else replace(database, password=password)


def _with_valkey_password(url: str, password: str | None) -> str:
    if password is None:
        return url
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    where = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{where}").geturl()


def _database(text: str) -> Database:
    """`sqlite:///relative.sqlite3`, `sqlite:////absolute.sqlite3`, or any connection URI of PostgreSQL with a database.

    Every parameter of the URI reaches libpq, which parses it; one that libpq does not know is refused by name.
    """
    parts = urlsplit(text)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        if parts.query:
            raise ValueError(f'holds "?{parts.query}", but SQLite takes no options')
        return Database("sqlite", str(_path(unquote(parts.path[1:]))))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"is {DATABASE_FORMS}")
    from psycopg import ProgrammingError, conninfo  # a third of a second that a region over SQLite does not pay

    try:
        given = {name: str(value) for name, value in conninfo.conninfo_to_dict(text).items()}
    except ProgrammingError as problem:
        raise ValueError(f"is not a connection URI of PostgreSQL: {str(problem).strip()}") from None
    if "dbname" not in given:
        raise ValueError(f"names no database, and so is {DATABASE_FORMS}")
    name, user, password, host, port = (given.pop(key, "") for key in ("dbname", "user", "password", "host", "port"))
    if not re.fullmatch(r"[\d,]*", port):
        raise ValueError(f'holds the port "{port}", which is not a number')
    return Database("postgres", name, user, password, host, port, options=tuple(sorted(given.items())))
