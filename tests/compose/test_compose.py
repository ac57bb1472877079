"""The Compose file says nothing that the code does not know, and leaves out nothing that a region needs."""

import json
import re
import shlex
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import get_commands

from config.celery import app
from config.environment import Address, read_environment
from config.local.plan import BASE_DIR, plan_region, region_processes
from tests.harness.compose.description import (
    DATA,
    DIRECTORY,
    OURS,
    REGIONS,
    SECRETS,
    Service,
    compose,
    ignored,
    instructions,
    services,
)

KNOWN_VARIABLES = set(re.findall(r'"(MERIDIAN_[A-Z_]+)"', (BASE_DIR / "config" / "environment.py").read_text()))
THEIR_VARIABLES = {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD_FILE"}
every = pytest.mark.parametrize("service", services(), ids=lambda service: service.name)
ours = pytest.mark.parametrize("service", services(*OURS), ids=lambda service: service.name)


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


@every
def test_every_variable_is_known_to_the_code(service: Service) -> None:
    known = THEIR_VARIABLES if service.part == "database" else KNOWN_VARIABLES
    assert set(service.environment) <= known
    assert all(isinstance(value, str) for value in service.environment.values())


@ours
def test_the_variables_make_an_environment_of_the_region(service: Service, tmp_path: Path) -> None:
    environment = read_environment(running(service, tmp_path))
    assert environment.region == service.region
    assert environment.auth is True
    assert environment.database.engine == "postgres"
    assert environment.database.host == f"{service.region}-database"
    assert environment.database.password == "secret"
    assert urlsplit(environment.valkey_url).hostname == f"{service.region}-valkey"
    assert urlsplit(environment.valkey_url).password == "secret"
    assert service.region in environment.allowed_hosts
    assert environment.url == f"http://{service.region}:{environment.http.port}"  # its server's name on the WAN


def test_the_database_is_the_one_that_its_clients_ask_for() -> None:
    for region in REGIONS:
        database, server = Service(region, "database"), Service(region, "server")
        url = urlsplit(server.environment["MERIDIAN_DATABASE_URL"])
        assert url.username == database.environment["POSTGRES_USER"]
        assert url.path == f"/{database.environment['POSTGRES_DB']}"
        assert {"--username", "meridian", "--dbname"} <= set(database.health)
        assert database.secrets[database.environment["POSTGRES_PASSWORD_FILE"]] == f"{region}-database-password"


@ours
def test_every_command_is_one_that_the_code_has(service: Service) -> None:
    match service.command:
        case ["python", "manage.py", command]:
            assert command in get_commands()
        case ["python", "-m", "celery", "--quiet", "-A", "config", "worker" | "beat", *_]:
            assert app.main == "meridian"
        case ["sh", script]:
            assert (BASE_DIR / script).is_file()
        case other:
            pytest.fail(f"{other} is none of the project's commands")


@pytest.mark.parametrize("region", REGIONS)
def test_the_commands_are_those_of_a_region_on_one_machine(region: str) -> None:
    plan = plan_region(
        region=region,
        data=Path(DATA),
        http=Address("0.0.0.0", 8500),
        dns=Address("0.0.0.0", 8600),
        demo=False,
        valkey="redis://elsewhere",
        free_port=1,
    )
    planned = {process.name: [Path(word).name for word in process.command[1:]] for process in region_processes(plan)}
    described = {part: [Path(word).name for word in Service(region, part).command[1:]] for part in planned}
    assert described == planned


@ours
def test_every_health_check_is_one_that_the_code_has(service: Service) -> None:
    if service.part == "prepare":
        assert service.health == []
    else:
        assert service.health == ["CMD", "python", "-m", "compose.health", service.part]


@pytest.mark.parametrize("region", REGIONS)
def test_the_published_ports_lead_to_what_listens(region: str) -> None:
    server, dns = Service(region, "server"), Service(region, "dns")
    http, name = int(server.environment["MERIDIAN_HTTP_PORT"]), int(dns.environment["MERIDIAN_DNS_PORT"])
    assert server.ports == [("127.0.0.1", 8500 + REGIONS[region], http, "tcp")]
    outer = 8600 + REGIONS[region]
    assert dns.ports == [("127.0.0.1", outer, name, "tcp"), ("127.0.0.1", outer, name, "udp")]


@pytest.mark.parametrize("service", services("database", "valkey", "prepare", "worker", "beat"), ids=lambda s: s.name)
def test_nothing_else_is_published(service: Service) -> None:
    assert service.ports == []


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


@every
def test_secrets_stay_in_their_region(service: Service) -> None:
    assert all(source.startswith(f"{service.region}-") for source in service.secrets.values())


def test_every_described_secret_is_used() -> None:
    used = {source for service in services() for source in service.secrets.values()}
    assert used == set(compose()["secrets"])
    assert compose()["secrets"] == {name: {"file": f"secrets/{name}"} for name in used}


@every
def test_networks_and_volumes_are_described(service: Service) -> None:
    assert service.networks <= set(compose()["networks"])
    assert set(service.volumes.values()) <= set(compose()["volumes"])


@every
def test_each_service_is_on_its_region_s_network_and_few_on_the_wan(service: Service) -> None:
    wan = {"wan"} if service.part in {"server", "worker"} else set()
    assert service.networks == {service.region} | wan


def test_a_server_is_known_on_the_wan_by_its_region_s_name() -> None:
    for region in REGIONS:
        assert Service(region, "server").described["networks"]["wan"] == {"aliases": [region]}


@ours
def test_a_region_s_processes_share_its_data(service: Service) -> None:
    assert service.volumes == {DATA: f"{service.region}-data"}
    assert service.environment["MERIDIAN_DATA"] == DATA


def test_databases_share_nothing() -> None:
    names = Counter(name for service in services("database") for name in service.volumes.values())
    assert names == Counter({f"{region}-database": 1 for region in REGIONS})


@every
def test_what_is_waited_for_can_come(service: Service) -> None:
    for name, wanted in service.described.get("depends_on", {}).items():
        region, _, part = name.rpartition("-")
        assert region == service.region
        if wanted["condition"] == "service_healthy":
            assert Service(region, part).health
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert Service(region, part).described["restart"] == "no"


@every
def test_everything_but_the_preparation_comes_back_after_a_crash(service: Service) -> None:
    assert service.described["restart"] == ("no" if service.part == "prepare" else "unless-stopped")


@ours
def test_our_containers_can_do_little(service: Service) -> None:
    described = service.described
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]


@ours
def test_our_containers_are_built_from_the_containerfile(service: Service) -> None:
    build = service.described["build"]
    assert (DIRECTORY / build["context"]).resolve() == BASE_DIR
    assert (BASE_DIR / build["dockerfile"]) == DIRECTORY / "Containerfile"


@pytest.mark.parametrize("service", services("database", "valkey"), ids=lambda service: service.name)
def test_the_engines_are_pinned_to_a_version(service: Service) -> None:
    assert re.fullmatch(r"(postgres:16|valkey/valkey:8)-bookworm", service.described["image"])


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


def test_the_image_runs_as_nobody_special() -> None:
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
    server = Service("us-east", "server")
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
