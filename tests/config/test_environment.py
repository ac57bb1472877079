"""Settings are read once, have defaults for one machine, and say in one sentence what is wrong."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from django.db.backends.postgresql.base import DatabaseWrapper

from config.environment import Database, EnvironmentProblem, read_environment
from config.settings import database_settings


def test_the_defaults_are_a_region_on_one_machine() -> None:
    environment = read_environment({})
    assert environment.region == "us-east"
    assert str(environment.http) == "127.0.0.1:8500"
    assert str(environment.dns) == "127.0.0.1:8600"
    assert environment.dns_domains == ("consul", "internal")
    assert environment.database == Database("sqlite", str(Path(".meridian/meridian.sqlite3").absolute()))
    assert environment.history == 7 * 86400
    assert environment.auth is False


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read_environment({"MERIDIAN_REGION": ""}).region == "us-east"


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("MERIDIAN_REGION", "US East", "not a DNS label"),
        ("MERIDIAN_HTTP_PORT", "80a", "not a port between 1 and 65535"),
        ("MERIDIAN_HTTP_PORT", "65536", "not a port between 1 and 65535"),
        ("MERIDIAN_DNS_PORT", "0", "not a port between 1 and 65535"),
        ("MERIDIAN_HTTP_HOST", "a b", "neither an IP address nor a host name"),
        ("MERIDIAN_DATABASE_URL", "mysql://x/y", 'neither "sqlite:///PATH" nor'),
        ("MERIDIAN_DATABASE_URL", "postgres://host", 'neither "sqlite:///PATH" nor'),
        ("MERIDIAN_VALKEY_URL", "http://127.0.0.1", 'not a URL such as "redis://'),
        ("MERIDIAN_DNS_TTL", "5", "not a duration"),
        ("MERIDIAN_HISTORY", "0s", "not a duration above zero"),
        ("MERIDIAN_DNS_DOMAINS", "con_sul", "not a DNS domain"),
        ("MERIDIAN_PROBE_NETWORKS", "10.0.0.1/8", "not a network"),
        ("MERIDIAN_WATCHERS", "-1", "not a whole number above zero"),
        ("MERIDIAN_AUTH", "maybe", 'neither "on" nor "off"'),
        ("MERIDIAN_DASHBOARD", "on", "none of open, closed"),
        ("MERIDIAN_COORDINATES", "39.0", "not a latitude and a longitude"),
        ("MERIDIAN_COORDINATES", "39.0,-77.5,1", "not a latitude and a longitude"),
        ("MERIDIAN_COORDINATES", "90.1,0", "not a latitude and a longitude"),
        ("MERIDIAN_COORDINATES", "0,-180.1", "not a latitude and a longitude"),
        ("MERIDIAN_COORDINATES", "nan,0", "not a latitude and a longitude"),
        ("MERIDIAN_COORDINATES", "Virginia,USA", "not a latitude and a longitude"),
        ("MERIDIAN_LOG_FORMAT", "xml", "none of console, json"),
        ("MERIDIAN_SECRET_KEY_FILE", "/nowhere/at/all", "not a file that can be read"),
    ],
)
def test_a_wrong_value_is_named_in_one_sentence(name: str, text: str, hint: str) -> None:
    with pytest.raises(EnvironmentProblem) as raised:
        read_environment({name: text})
    sentence = str(raised.value)
    assert sentence.startswith(f'{name} is "{text}", which ')
    assert hint in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("sqlite:////var/lib/m.sqlite3", Database("sqlite", "/var/lib/m.sqlite3")),
        ("postgres://me:p%40ss@db:5433/catalog", Database("postgres", "catalog", "me", "p@ss", "db", "5433")),
        ("postgresql://me@/catalog?host=/run/pg", Database("postgres", "catalog", "me", "", "/run/pg", "")),
        (
            "postgres://postgres:@/postgres?host=/run/pg",
            Database("postgres", "postgres", "postgres", "", "/run/pg", ""),
        ),
        (
            "postgres://me@one:5432,two:5433/catalog?target_session_attrs=read-write&sslmode=verify-full",
            Database(
                "postgres",
                "catalog",
                "me",
                "",
                "one,two",
                "5432,5433",
                options=(("sslmode", "verify-full"), ("target_session_attrs", "read-write")),
            ),
        ),
    ],
)
def test_a_database_url_says_where_the_tables_are(url: str, database: Database) -> None:
    assert read_environment({"MERIDIAN_DATABASE_URL": url}).database == database


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgres://me@db/catalog?sslmod=require", "sslmod"),
        ("postgres://me@db/catalog?sslmode=require&pool=true", "pool"),
        ("sqlite:////var/lib/m.sqlite3?mode=ro", "mode=ro"),
        ("postgres://me@db", "names no database"),
        ("postgres://me@db:port/catalog", "port"),
    ],
)
def test_an_option_of_a_database_url_that_would_be_dropped_is_refused_by_name(url: str, named: str) -> None:
    with pytest.raises(EnvironmentProblem, match="MERIDIAN_DATABASE_URL") as problem:
        read_environment({"MERIDIAN_DATABASE_URL": url})
    assert named in str(problem.value).partition(", which ")[2]


def test_every_option_of_a_database_url_reaches_the_driver() -> None:
    url = "postgres://me@one,two/catalog?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=2"
    settings = database_settings(read_environment({"MERIDIAN_DATABASE_URL": url}).database)
    given = DatabaseWrapper({**settings, "TIME_ZONE": None}).get_connection_params()
    assert given.items() >= {
        "host": "one,two", "dbname": "catalog", "user": "me", "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem", "connect_timeout": "2",
    }.items()  # fmt: skip


def test_valkey_urls_may_use_either_name() -> None:
    assert read_environment({"MERIDIAN_VALKEY_URL": "valkey://h:1/2"}).valkey_url == "redis://h:1/2"


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("p@ss/word\n")
    return str(path)


def test_the_database_s_password_may_come_from_a_file(password_file: str) -> None:
    environment = read_environment(
        {
            "MERIDIAN_DATABASE_URL": "postgres://me:old@db:5433/catalog",
            "MERIDIAN_DATABASE_PASSWORD_FILE": password_file,
        }
    )
    assert environment.database == Database("postgres", "catalog", "me", "p@ss/word", "db", "5433")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:1/2", "redis://:p%40ss%2Fword@h:1/2"),
        ("redis://me@h:1/2", "redis://me:p%40ss%2Fword@h:1/2"),
        ("redis://:p%40ss%2Fword@h:1/2", "redis://:p%40ss%2Fword@h:1/2"),
        ("rediss://me:old@[::1]:1/2", "rediss://me:p%40ss%2Fword@[::1]:1/2"),
    ],
)
def test_valkey_s_password_may_come_from_a_file(password_file: str, url: str, expected: str) -> None:
    variables = {"MERIDIAN_VALKEY_URL": url, "MERIDIAN_VALKEY_PASSWORD_FILE": password_file}
    assert read_environment(variables).valkey_url == expected


@pytest.mark.parametrize("name", ["MERIDIAN_DATABASE_PASSWORD_FILE", "MERIDIAN_VALKEY_PASSWORD_FILE"])
def test_an_empty_password_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "empty"
    path.write_text("\n")
    with pytest.raises(EnvironmentProblem, match=f"{name} names .*, which is empty"):
        read_environment({name: str(path)})


def test_probe_networks_are_read_in_both_families() -> None:
    environment = read_environment({"MERIDIAN_PROBE_NETWORKS": "10.0.0.0/8, fd00::/8"})
    assert environment.probe_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def test_tokens_are_asked_for_off_loopback() -> None:
    assert read_environment({"MERIDIAN_HTTP_HOST": "0.0.0.0"}).auth is True


def test_tokens_can_be_asked_for_on_loopback() -> None:
    assert read_environment({"MERIDIAN_AUTH": "on"}).auth is True


def test_going_without_tokens_off_loopback_is_refused() -> None:
    with pytest.raises(EnvironmentProblem, match="anyone on the network could write"):
        read_environment({"MERIDIAN_HTTP_HOST": "0.0.0.0", "MERIDIAN_AUTH": "off"})


@pytest.mark.parametrize(
    ("variables", "is_open"),
    [
        ({}, True),
        ({"MERIDIAN_AUTH": "on"}, False),
        ({"MERIDIAN_HTTP_HOST": "0.0.0.0"}, False),
        ({"MERIDIAN_DASHBOARD": "closed"}, False),
        ({"MERIDIAN_DASHBOARD": "open", "MERIDIAN_AUTH": "on"}, True),
        ({"MERIDIAN_DASHBOARD": "open", "MERIDIAN_HTTP_HOST": "10.0.0.1"}, True),
    ],
)
def test_the_dashboard_is_open_where_no_token_is_needed_unless_said(variables: dict[str, str], is_open: bool) -> None:
    assert read_environment(variables).dashboard_open is is_open


@pytest.mark.parametrize(
    ("text", "place"),
    [("", None), ("39.0,-77.5", (39.0, -77.5)), (" -33.9 , 18.4 ", (-33.9, 18.4)), ("0,0", (0.0, 0.0))],
)
def test_coordinates_are_latitude_and_longitude(text: str, place: tuple[float, float] | None) -> None:
    assert read_environment({"MERIDIAN_COORDINATES": text}).place == place
