"""What people of each role may do through the API, with their session."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from registry.access.grant import OF_TOKENS, parse_scopes
from registry.access.roles import Role
from registry.models import Token
from tests.registry.api.test_access import REQUESTS, ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("closed_door")]


def signed_in(role: Role) -> Client:
    user = User.objects.create_user("alice", is_staff=True)
    user.groups.add(Group.objects.get(name=role.value))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.VIEWER, (200, 403, 403, 403, 403, 403, 403)),
        (Role.OPERATOR, (200, 201, 201, 201, 200, 403, 403)),
        (Role.ADMINISTRATOR, (200, 201, 201, 201, 200, 200, 201)),
    ],
)
def test_a_person_may_what_their_role_may(role: Role, statuses: tuple[int, ...]) -> None:
    client = signed_in(role)
    assert tuple(ask(client, request).status_code for request in REQUESTS) == statuses


@pytest.mark.parametrize(
    ("role", "statuses"),
    [(Role.VIEWER, (403, 403, 403)), (Role.OPERATOR, (403, 403, 404)), (Role.ADMINISTRATOR, (200, 201, 404))],
)
def test_peers_are_administrators_to_trust_and_operators_to_believe(role: Role, statuses: tuple[int, ...]) -> None:
    client = signed_in(role)
    believe = ("post", "/api/v1/peers/nowhere/approve", {"reason": "x"})
    asked = (("get", "/api/v1/peers", None), ("post", "/api/v1/peers", {"region": "eu-west"}), believe)
    assert tuple(ask(client, request).status_code for request in asked) == statuses


def test_the_scope_of_correcting_people_is_none_of_tokens() -> None:
    with pytest.raises(Exception, match="'correct' is no scope"):
        parse_scopes(["correct"])
    assert parse_scopes(OF_TOKENS) == tuple(sorted(OF_TOKENS))
    assert not Token.objects.exists()
