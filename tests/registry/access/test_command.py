"""`manage.py token`: making the first token, listing and revoking."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from registry.access.process import process_table
from registry.models import Token

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("token", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def run_json(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def test_create_prints_the_secret_alone(db: None) -> None:
    secret = run("create", "ci", "--scope", "read").strip()
    assert process_table().authenticate(secret).name == "ci"
    assert secret not in str(list(Token.objects.values()))


def test_create_takes_scopes_and_an_expiry() -> None:
    made = run_json("create", "ci", "--scope", "read", "--scope", "write:user-", "--expires", "90d")
    token = Token.objects.get()
    assert token.expires_at is not None
    assert (made["scopes"], (token.expires_at - token.created_at).days) == (["read", "write:user-"], 90)
    assert token.created_by.startswith("shell:")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("create", "a b", "--scope", "read"), "name: 'a b' must be one word"),
        (("create", "ci", "--scope", "all"), "scopes: 'all' is no scope"),
        (("create", "ci", "--scope", "read", "--expires", "soon"), "expires: 'soon' is not a duration"),
        (("create", "ci", "--scope", "read", "--expires", "20y"), "expires: '20y' is not a duration"),
        (("revoke", "nobody"), "there is no token with the id or name 'nobody'"),
    ],
)
def test_a_mistake_is_said_in_one_sentence(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError, match="^" + complaint.replace("(", r"\(")):
        run(*words)
    assert not Token.objects.exists()


def test_a_name_is_taken_until_its_token_is_revoked() -> None:
    run("create", "ci", "--scope", "read")
    with pytest.raises(CommandError, match="exists already"):
        run("create", "ci", "--scope", "read")
    run("revoke", "ci")
    run("create", "ci", "--scope", "read")
    assert Token.objects.filter(name="ci").count() == 2


def test_list_shows_state_and_scopes_but_no_hash() -> None:
    run("create", "ci", "--scope", "read", "--expires", "90d")
    run("create", "old", "--scope", "operator")
    run("revoke", "old")
    listed = run("list")
    assert "good until" in listed
    assert "revoked" in listed
    assert Token.objects.get(name="ci").hash not in listed + run("list", "--json")


def test_revoke_takes_a_name_or_an_id() -> None:
    for number, chosen in enumerate(("id", "name")):
        token_id = run_json("create", f"ci-{number}", "--scope", "read")["id"]
        revoked = run_json("revoke", token_id if chosen == "id" else f"ci-{number}")
        assert (revoked["id"], revoked["revoked_at"] is not None) == (token_id, True)
