"""The man page is true."""

import re
from pathlib import Path

import discovery.dns
from config.management.commands import dns as command
from discovery.dns.counters import Counters
from discovery.dns.metrics import Figures
from discovery.dns.names import Fixed, route
from discovery.dns.table import AnswerTable

README = (Path(discovery.dns.__file__).parent / "README.md").read_text()


def test_every_name_in_the_table_is_understood() -> None:
    table = README.split("## Names")[1].split("## Types")[0]
    names = [
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    ]
    assert len(names) >= 11
    for name in names:
        *labels, domain = name.split(".")
        assert domain == "consul"
        assert route(tuple(labels)) is not Fixed.NOTHING, name


def test_every_flag_is_in_the_synopsis() -> None:
    parser = command.Command().create_parser("manage.py", "dns")
    flags = {flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")}
    inherited = {"--help", "--version", "--skip-checks"} | command.Command.suppressed_base_arguments
    synopsis = README.split("## Synopsis")[1].split("## Names")[0]
    assert set(re.findall(r"--[a-z]+", synopsis)) == flags - inherited


def test_every_figure_is_named() -> None:
    families = list(Figures(Counters(), AnswerTable()).collect())
    collected = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert set(re.findall(r"`(meridian_dns_\w+)", README)) == collected


def test_every_module_is_in_the_list() -> None:
    folder = Path(discovery.dns.__file__).parent
    listed = set(re.findall(r"^([a-z, ]+?)  ", discovery.dns.__doc__ or "", re.MULTILINE))
    names = {name.strip() for entry in listed for name in entry.split(",")}
    assert names == {path.stem for path in folder.glob("*.py")} - {"__init__"}
