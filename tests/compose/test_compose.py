"""The Compose file says nothing that the code does not know, and leaves out nothing that a region needs.

All regions are shown to be alike; what is then looked at is us-east.
"""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import get_commands

from config.environment import Address, read_environment
from config.local.plan import BASE_DIR, plan_region, region_processes
from tests.harness.compose.description import (
    DATA,
    DIRECTORY,
    OURS,
    PARTS,
    REGIONS,
    SECRETS,
    Service,
    compose,
    ignored,
    instructions,
    services,
)

HOME = "us-east"
KNOWN_VARIABLES = set(re.findall(r'"(MERIDIAN_[A-Z_]+)"', (BASE_DIR / "config" / "environment.py").read_text()))
THEIR_VARIABLES = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD_FILE"}
every = pytest.mark.parametrize("service", [Service(HOME, part) for part in PARTS], ids=lambda service: service.part)
ours = pytest.mark.parametrize("service", [Service(HOME, part) for part in OURS], ids=lambda service: service.part)


def running(service: Service, tmp_path: Path) -> dict[str, str]:
    """The service's variables, with secrets that exist."""
    variables = service.environment
    for name, value in variables.items():
        if name.endswith("_FILE"):
            path = tmp_path / value.removeprefix(SECRETS)
            path.write_text("secret\n")
            variables[name] = str(path)
    return variables


def test_there_are_three_whole_regions_and_nothing_else() -> None:
    assert set(compose()["services"]) == {service.name for service in services()}
    assert set(compose()["networks"]) == {*REGIONS, "wan"}
    assert set(compose()["volumes"]) == {f"{region}-{kind}" for region in REGIONS for kind in ("database", "data")}


def nameless(service: Service) -> Any:
    """What the file says of a service, with REGION for the name of its region and without what a region has alone."""
    described = {name: value for name, value in service.described.items() if name != "ports"}
    described["environment"] = {name: of for name, of in service.environment.items() if name != "MERIDIAN_COORDINATES"}
    return json.loads(json.dumps(described).replace(service.region, "REGION"))


@pytest.mark.parametrize("part", PARTS)
def test_the_regions_are_alike_and_share_nothing(part: str) -> None:
    home, *others = [nameless(Service(region, part)) for region in REGIONS]
    assert all(other == home for other in others)


@every
def test_every_variable_is_known_to_the_code(service: Service) -> None:
    known = THEIR_VARIABLES if service.part == "database" else KNOWN_VARIABLES
    assert set(service.environment) <= known
    assert all(isinstance(value, str) for value in service.environment.values())


@ours
def test_the_variables_make_an_environment_of_the_region(service: Service, tmp_path: Path) -> None:
    environment = read_environment(running(service, tmp_path))
    assert environment.region == HOME
    assert environment.auth is True
    assert environment.database.engine == "postgres"
    assert environment.database.host == f"{HOME}-database"
    assert environment.database.password == "secret"
    assert urlsplit(environment.valkey_url).hostname == f"{HOME}-valkey"
    assert urlsplit(environment.valkey_url).password == "secret"
    assert HOME in environment.allowed_hosts
    assert environment.url == f"http://{HOME}:{environment.http.port}"  # its server's name on the WAN


def test_the_database_is_the_one_that_its_clients_ask_for() -> None:
    database, server = Service(HOME, "database"), Service(HOME, "server")
    url = urlsplit(server.environment["MERIDIAN_DATABASE_URL"])
    assert url.username == database.environment["POSTGRES_USER"]
    assert url.path == f"/{database.environment['POSTGRES_DB']}"
    assert {"--username", "meridian", "--dbname"} <= set(database.health)
    assert database.secrets[database.environment["POSTGRES_PASSWORD_FILE"]] == f"{HOME}-database-password"


@pytest.mark.parametrize("part", ["server", "dns"])
def test_server_and_dns_run_as_in_a_region_on_one_machine(part: str) -> None:
    plan = plan_region(
        region=HOME,
        data=Path(DATA),
        http=Address("0.0.0.0", 8500),
        dns=Address("0.0.0.0", 8600),
        demo=False,
        valkey="redis://elsewhere",
        free_port=1,
    )
    planned = {process.name: [Path(word).name for word in process.command[1:]] for process in region_processes(plan)}
    described = Service(HOME, part).command
    assert described[0] == "python"
    assert [Path(word).name for word in described[1:]] == planned[part]


@pytest.mark.parametrize("part", ["worker", "beat"])
def test_periodic_work_is_celery_s(part: str) -> None:
    assert Service(HOME, part).command[:7] == ["python", "-m", "celery", "--quiet", "-A", "config", part]


def test_every_process_of_ours_has_its_health_check() -> None:
    health = {part: Service(HOME, part).health for part in OURS}
    checks = {part: ["CMD", "python", "-m", "compose.health", part] for part in OURS}
    assert health == {**checks, "prepare": []}


def test_the_published_ports_lead_to_what_listens_and_nothing_else_is_published() -> None:
    variables = Service(HOME, "server").environment
    http, name = int(variables["MERIDIAN_HTTP_PORT"]), int(variables["MERIDIAN_DNS_PORT"])
    expected: dict[str, Any] = {}
    for region, apart in REGIONS.items():
        expected[f"{region}-server"] = [("127.0.0.1", 8500 + apart, http, "tcp")]
        expected[f"{region}-dns"] = [("127.0.0.1", 8600 + apart, name, protocol) for protocol in ("tcp", "udp")]
    assert {service.name: service.ports for service in services() if service.ports} == expected


@every
def test_secrets_come_from_files_that_are_described(service: Service) -> None:
    assert set(service.secrets.values()) <= set(compose()["secrets"])
    named = {value for name, value in service.environment.items() if name.endswith("_FILE")}
    named |= {word for word in service.command if word.startswith(SECRETS)}
    assert set(service.secrets) == named


@every
def test_no_secret_is_written_into_the_file(service: Service) -> None:
    for name, value in service.environment.items():
        assert name.endswith("_FILE") or not re.search(r"PASSWORD|SECRET|TOKEN", name), name
        assert urlsplit(value).password is None


def test_every_described_secret_is_used() -> None:
    used = {source for service in services() for source in service.secrets.values()}
    assert used == set(compose()["secrets"])
    assert compose()["secrets"] == {name: {"file": f"secrets/{name}"} for name in used}


def test_few_services_are_on_the_wan_and_the_server_is_known_there_by_its_region_s_name() -> None:
    wan = {part for part in PARTS if Service(HOME, part).networks == {HOME, "wan"}}
    assert wan == {"server", "worker"}
    assert all(Service(HOME, part).networks == {HOME} for part in set(PARTS) - wan)
    assert Service(HOME, "server").described["networks"]["wan"] == {"aliases": [HOME]}


@ours
def test_a_region_s_processes_share_its_data(service: Service) -> None:
    assert service.volumes == {DATA: f"{HOME}-data"}
    assert service.environment["MERIDIAN_DATA"] == DATA


def test_a_database_keeps_its_own_data() -> None:
    assert set(Service(HOME, "database").volumes.values()) == {f"{HOME}-database"}


@every
def test_what_is_waited_for_can_come(service: Service) -> None:
    for name, wanted in service.described.get("depends_on", {}).items():
        awaited = Service(HOME, name.removeprefix(f"{HOME}-"))
        if wanted["condition"] == "service_healthy":
            assert awaited.health
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert awaited.described["restart"] == "no"


def test_everything_but_the_preparation_comes_back_after_a_crash() -> None:
    restarts = {part: Service(HOME, part).described["restart"] for part in PARTS}
    assert restarts == {**dict.fromkeys(PARTS, "unless-stopped"), "prepare": "no"}


@ours
def test_our_containers_can_do_little_and_are_built_from_the_containerfile(service: Service) -> None:
    described = service.described
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert (DIRECTORY / described["build"]["context"]).resolve() == BASE_DIR
    assert (BASE_DIR / described["build"]["dockerfile"]) == DIRECTORY / "Containerfile"


def test_the_engines_are_pinned_to_a_version() -> None:
    images = {part: Service(HOME, part).described["image"] for part in ("database", "valkey")}
    assert images == {"database": "postgres:16-bookworm", "valkey": "valkey/valkey:8-bookworm"}


def test_the_image_is_python_by_name_alone() -> None:
    assert [argument.split()[0] for name, argument in instructions() if name == "FROM"] == [
        "python:3.11-slim-bookworm",
        "python:3.11-slim-bookworm",
    ]


def test_the_image_holds_what_the_project_states_pinned() -> None:
    [install] = [argument for name, argument in instructions() if name == "RUN" and "pip install" in argument]
    assert "python scripts/requirements.py >requirements.txt" in install
    assert "--constraint constraints.txt" in install
    assert "--index-url" not in install


def test_the_image_runs_without_privileges() -> None:
    names = [name for name, _ in instructions()]
    users = [argument for name, argument in instructions() if name == "USER"]
    assert users == ["meridian"]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")


def test_no_secret_goes_into_the_image() -> None:
    assert not {"ARG", "ADD"} & {name for name, _ in instructions()}
    assert not any("--mount" in argument for _, argument in instructions())
    assert {"compose/secrets", ".git", ".meridian", ".venv"} <= set(ignored())


def test_what_is_copied_exists_and_no_package_is_left_out() -> None:
    copies = [argument.split() for name, argument in instructions() if name == "COPY"]
    own = [source for words in copies if not words[0].startswith("--from") for source in words[:-1]]
    assert all((BASE_DIR / source).exists() for source in own)
    packages = {path.parent.name for path in BASE_DIR.glob("*/__init__.py")}
    assert packages & set(ignored()) <= {"tests", "benchmarks"}


def test_the_image_s_own_command_and_health_check_are_the_server_s() -> None:
    said = dict(instructions())
    server = Service(HOME, "server")
    assert json.loads(said["CMD"]) == server.command
    assert json.loads(said["HEALTHCHECK"].partition(" CMD ")[2]) == server.health[1:]
    exposed = {port.partition("/")[0] for port in said["EXPOSE"].split()}
    assert exposed == {server.environment["MERIDIAN_HTTP_PORT"], server.environment["MERIDIAN_DNS_PORT"]}


def test_the_readme_names_every_published_port() -> None:
    text = (DIRECTORY / "README.md").read_text()
    for service in services("server", "dns"):
        for address, outer, _, _ in service.ports:
            assert f"{address}:{outer}" in text


def test_the_readme_runs_what_exists() -> None:
    text = (DIRECTORY / "README.md").read_text()
    commands = [shlex.split(found, comments=True) for found in re.findall(r"python manage\.py ([a-z ]+)", text)]
    assert len(commands) >= 2
    assert all(command[0] in get_commands() for command in commands)
