"""Filters that look into the record: exact for every text that a tag, an owner or metadata may hold."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

ODD = [
    "gold",
    "Gold",
    "a]b",
    "a[b",
    "{a}",
    'say"so"',
    "back\\slash",
    "\\",
    "\\n",
    "\\u0000",
    "\\ufffd",
    "100%",
    "1_0",
    "1x0",
    "10",
    "null",
    "true",
    "a,b",
    '","',
    '"],"',
    '"gold"',
    "$.tags",
    "'quoted'",
    "über",
    "北京",
    "🚀",
    "a.*b",
    "(?i)",
    "ports",
    "owner",
]


@pytest.fixture
def fleet(register: Callable[..., Any]) -> Callable[..., None]:
    """Registers one instance for each odd text; `given` says where the text stands."""

    def make(given: Callable[[str], dict[str, Any]]) -> None:
        for number, text in enumerate(ODD):
            register(id=f"i{number}", host="h", **given(text))

    return make


def found(api: Client, parameter: str, text: str) -> list[str]:
    answer = api.get(f"/api/v1/instances?{parameter}={quote(text)}&page_size=1000")
    assert answer.status_code == 200, answer.content
    return sorted((instance["id"] for instance in answer.json()["results"]), key=lambda id: int(id[1:]))


def test_a_tag_finds_those_that_have_exactly_it(api: Client, fleet: Any) -> None:
    fleet(lambda text: {"tags": ["first", text, "last]"], "metadata": {"tags": text}})
    assert {text: found(api, "tag", text) for text in ODD} == {text: [f"i{n}"] for n, text in enumerate(ODD)}


def test_metadata_is_taken_for_no_tag_and_no_owner(api: Client, fleet: Any) -> None:
    fleet(lambda text: {"metadata": {"tags": f'["{text}"]', "owner": text, text: "x"}})
    assert [found(api, parameter, text) for parameter in ("tag", "owner") for text in ODD] == [[]] * 2 * len(ODD)


def test_an_owner_finds_those_of_exactly_it(api: Client, register: Any) -> None:
    owners = ["accounts", "Accounts", "accounts-2", "a.b", "a_b", "axb"]
    for number, owner in enumerate(owners):
        register(id=f"i{number}", owner=owner, tags=owners, metadata=dict.fromkeys(owners, "owner"))
    assert [found(api, "owner", owner) for owner in owners] == [[f"i{number}"] for number in range(len(owners))]


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "a tag": lambda text: {"tags": ["a]b", f"x{text}y", '{"']},
    "a metadata value": lambda text: {"metadata": {"a": "}", "b": f"x{text}y"}},
    "a metadata key": lambda text: {"metadata": {"0": '"', f"x{text}y": ""}},
    "a metadata value after a NUL": lambda text: {"metadata": {"a": f"\0{text}"}},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_search_finds_a_word_anywhere_in(place: str, api: Client, register: Any) -> None:
    # Each alone, so that what surrounds a text is the same for all of them.
    missed = []
    for number, text in enumerate(ODD):
        register("user-service", f"i{number}", host="h", namespace="n", **PLACES[place](text))
        if f"i{number}" not in found(api, "search", text):
            missed.append(text)
    assert missed == []


def test_a_search_finds_nothing_but_its_word(api: Client, fleet: Any) -> None:
    fleet(lambda text: {"tags": [text]})
    expected = {
        text: [f"i{n}" for n, other in enumerate(ODD) if text.lower() in other.lower()]
        for text in ODD
        if text != "10"  # it is in an id
    }
    assert {text: found(api, "search", text) for text in expected} == expected


def test_a_search_does_not_read_across_the_texts_of_a_record(api: Client, register: Any) -> None:
    register(id="i0", tags=["one", "two"], metadata={"team": "gold"}, owner="ann")
    crossing = ['one","two', 'e","t', "team:gold", 'team":"gold', "onetwo", "teamgold", 'gold"},"', '"one', 'ann"']
    assert {text: found(api, "search", text) for text in crossing} == {text: [] for text in crossing}


@pytest.mark.parametrize("word", ["ports", "checks", "http", "10s", "record", "lease", "ttl", "15s", "secret"])
def test_a_search_does_not_look_elsewhere_in_a_record(word: str, api: Client, register: Any) -> None:
    check = {"type": "http", "url": "http://10.0.1.5/secret", "interval": "10s"}
    register(lease={"ttl": "15s"}, checks=[check], ports={"grpc": 1}, host="10.0.1.5", version="1")
    assert found(api, "search", word) == []


def test_a_nul_in_the_output_of_a_check_spoils_no_filter(api: Client, register: Any) -> None:
    register(id="i1", tags=["primary"], owner="ann", metadata={"note": "\0"})
    assert [found(api, "tag", "primary"), found(api, "owner", "ann"), found(api, "search", "note")] == [["i1"]] * 3


def test_instances_with_checks_are_told_from_those_that_speak_of_checks(api: Client, register: Any) -> None:
    register(id="i1", tags=['"checks":['], metadata={"checks": "[", '"checks":[': '"checks":['})
    register(id="i2", checks=[{"type": "ttl", "ttl": "5s"}])
    listed = api.get("/api/v1/checks").json()["results"]
    assert [instance["id"] for instance in listed] == ["i2"]
