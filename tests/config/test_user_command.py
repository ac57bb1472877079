"""`manage.py user`: people are made, given a role and a password."""

import os
import pty
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from config.local.plan import BASE_DIR
from registry.access.roles import Role, role_of

pytestmark = pytest.mark.django_db


def user(*arguments: str) -> str:
    """What the command prints."""
    output = StringIO()
    call_command("user", *arguments, stdout=output, stderr=StringIO())
    return output.getvalue().strip()


@pytest.mark.parametrize("role", Role)
def test_a_new_user_has_the_role_and_signs_in_with_the_printed_password(role: Role) -> None:
    password = user("otto", "--role", role.value, "--generate")
    found = User.objects.get()
    assert (role_of(found), found.is_staff, found.is_superuser) == (role, True, False)
    answer = Client().post("/admin/login/?next=/admin/", {"username": "otto", "password": password})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_without_a_role_a_new_user_is_a_viewer() -> None:
    user("vera", "--generate")
    assert role_of(User.objects.get()) is Role.VIEWER


def test_changing_the_role_leaves_the_password() -> None:
    password = user("otto", "--role", "administrator", "--generate")
    assert user("otto", "--role", "operator") == ""
    found = User.objects.get()
    assert (role_of(found), found.check_password(password)) == (Role.OPERATOR, True)


def test_changing_the_password_leaves_the_role() -> None:
    user("otto", "--role", "operator", "--generate")
    password = user("otto", "--generate")
    assert User.objects.get().check_password(password)
    assert role_of(User.objects.get()) is Role.OPERATOR


def test_a_superuser_made_an_operator_is_one_no_more() -> None:
    User.objects.create_superuser("root")
    user("root", "--role", "operator")
    assert role_of(User.objects.get()) is Role.OPERATOR


def test_a_superuser_made_an_administrator_stays_one() -> None:
    User.objects.create_superuser("root")
    user("root", "--role", "administrator")
    assert User.objects.get().is_superuser


def test_other_groups_of_a_user_stay() -> None:
    user("otto", "--generate")
    User.objects.get().groups.create(name="on call")
    user("otto", "--role", "operator")
    assert {group.name for group in User.objects.get().groups.all()} == {"on call", "operator"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("a b", "--generate"), "'a b' is no name for a user"),
        (("otto", "--role", "king"), "invalid choice: 'king'"),
        (("otto", "--generate", "--password"), "not allowed with"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_made(arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        user(*arguments)
    assert not User.objects.exists()


def test_without_a_terminal_a_new_password_cannot_be_asked_for() -> None:
    user("otto", "--generate")
    with pytest.raises(CommandError, match="--generate"):
        user("otto", "--password")


def run_on_a_terminal(tmp_path: Path, database_url: str, *typed: str) -> tuple[int, str]:
    """The command as a person meets it: on a terminal, typing."""
    variables = {**os.environ, "MERIDIAN_DATA": str(tmp_path), "MERIDIAN_DATABASE_URL": database_url}
    manage = [sys.executable, str(BASE_DIR / "manage.py")]
    subprocess.run([*manage, "migrate", "-v", "0"], env=variables, check=True, timeout=100)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(manage[0], [*manage, "user", "otto", "--role", "operator"], variables)  # noqa: S606
    said = b""
    for line, prompt in zip(typed, (b"otto: ", b"more: "), strict=False):
        while not said.endswith(prompt):
            said += os.read(terminal, 1024)
        os.write(terminal, f"{line}\n".encode())
    try:
        while chunk := os.read(terminal, 1024):
            said += chunk
    except OSError:
        pass  # how a terminal says that the other side has closed it
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("typed", "code", "expected"),
    [
        (("copper kettle morning", "copper kettle morning"), 0, "otto is an operator now"),
        (("copper kettle morning", "copper kettle evening"), 1, "the two are not the same"),
    ],
)
def test_on_a_terminal_the_password_is_asked_for_and_not_shown(
    tmp_path: Path, database_url: str, typed: tuple[str, ...], code: int, expected: str
) -> None:
    ended, said = run_on_a_terminal(tmp_path, database_url, *typed)
    assert (ended, expected in said) == (code, True), said
    assert not any(word in said for word in typed)
