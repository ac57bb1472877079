"""Who signs in to the region of the browser tests: one person for each role."""

from dataclasses import dataclass

from tests.harness.calls import manage
from tests.harness.region import Region


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the region."""

    name: str
    password: str
    role: str


ADMINISTRATOR = Person("ada", "paper lantern harbour", "administrator")
OPERATOR = Person("otto", "copper kettle morning", "operator")
VIEWER = Person("vera", "winter orchard signal", "viewer")
PEOPLE = (ADMINISTRATOR, OPERATOR, VIEWER)

MAKE = """
from django.contrib.auth.models import Group, User
for name, password, role in {people!r}:
    user = User.objects.create_user(name, password=password, is_staff=True, is_superuser=role == "administrator")
    user.groups.add(Group.objects.get(name=role))
"""


def introduce(region: Region) -> None:
    """Make all of them users of a running region."""
    manage(region, "shell", "--command", MAKE.format(people=[(one.name, one.password, one.role) for one in PEOPLE]))
