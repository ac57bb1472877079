"""What the scopes of a token allow, as a table."""

import pytest

from catalog.errors import Forbidden, Invalid
from registry.access.grant import ANONYMOUS, Grant, Kind, parse_scopes

# scopes · read · write user-api · write order-api · operator · peer
MATRIX = [
    ("read", True, False, False, False, False),
    ("write:user-", False, True, False, False, False),
    ("write:*", False, True, True, False, False),
    ("read write:user-", True, True, False, False, False),
    ("write:user- write:order-", False, True, True, False, False),
    ("operator", True, True, True, True, False),
    ("peer", True, False, False, False, True),
    ("", False, False, False, False, False),
]


def grant(scopes: str) -> Grant:
    return Grant(Kind.TOKEN, "ci", frozenset(scopes.split()))


@pytest.mark.parametrize(("scopes", "read", "user", "order", "operator", "peer"), MATRIX)
def test_a_grant_allows_what_its_scopes_say_and_no_more(
    scopes: str, read: bool, user: bool, order: bool, operator: bool, peer: bool
) -> None:
    given = grant(scopes)
    allowed = (
        given.may_read(),
        given.may_write("user-api"),
        given.may_write("order-api"),
        given.is_operator,
        given.is_peer,
    )
    assert allowed == (read, user, order, operator, peer)


def test_the_refusal_of_a_write_names_the_prefixes_that_are_allowed() -> None:
    with pytest.raises(Forbidden) as refusal:
        grant("write:user-").require_write("order-service")
    assert str(refusal.value) == "token ci may write services beginning with 'user-', not 'order-service'"


def test_the_refusal_without_any_write_scope_names_the_scopes() -> None:
    with pytest.raises(Forbidden) as refusal:
        grant("read").require_write("order-service")
    assert str(refusal.value) == "token ci may not write: its scopes are read"


@pytest.mark.parametrize("need", ["require_read", "require_operator", "require_peer"])
def test_each_requirement_refuses_a_grant_without_scopes(need: str) -> None:
    with pytest.raises(Forbidden, match="it has no scopes"):
        getattr(grant(""), need)()


@pytest.mark.parametrize("need", ["require_read", "require_operator", "require_peer"])
def test_each_requirement_lets_the_open_door_pass(need: str) -> None:
    getattr(ANONYMOUS, need)()


def test_case_does_not_open_or_close_a_service() -> None:
    assert grant("write:user-").may_write("User-API")


@pytest.mark.parametrize(
    ("given", "actor"),
    [
        (Grant(Kind.TOKEN, "ci", frozenset()), "token:ci@10.0.0.7/http"),
        (Grant(Kind.ADMIN, "alice", frozenset()), "admin:alice@10.0.0.7/http"),
        (ANONYMOUS, "anonymous@10.0.0.7/http"),
    ],
)
def test_an_actor_says_who_from_where_and_by_which_way(given: Grant, actor: str) -> None:
    assert given.actor("10.0.0.7", "http") == actor


def test_scopes_are_sorted_and_lose_their_repeats() -> None:
    assert parse_scopes(["write:user-", "READ", "read"]) == ("read", "write:user-")


@pytest.mark.parametrize(
    "scope", ["", "write", "write:", "write:-user", "write:us*", "write:a b", "admin", "write:" + "a" * 64]
)
def test_what_is_no_scope_is_refused_by_name(scope: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_scopes([scope])
    assert refusal.value.field == "scopes"
    assert repr(scope) in str(refusal.value)


def test_a_token_needs_a_scope() -> None:
    with pytest.raises(Invalid, match="needs a scope"):
        parse_scopes([])
