"""What the tests of the admin site share: a signed-in operator, and instances that are really registered."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from registry.models import InstanceRow
from tests.harness.registry import registering

Register = Callable[..., InstanceRow]


@pytest.fixture
def alice(db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("alice")


@pytest.fixture
def admin(alice: User) -> Client:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    """The browser of a user who may view every table and change none."""
    user = User.objects.create_user("victor", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def register(db: None) -> Register:
    """Registers an instance through the verb; gives its row."""

    def make(
        service: str = "user-service", id: str = "user-1", *, namespace: str = "default", **given: Any
    ) -> InstanceRow:
        registering.register(id, service=service, namespace=namespace, **given)
        return InstanceRow.objects.get(namespace=namespace, service=service, instance_id=id)

    return make


def text(response: Any) -> str:
    """A page as a reader sees it: without markup, blanks folded."""
    assert response.status_code == 200, response
    page = re.sub(r"<(script|style).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def agreed(response: Any) -> str:
    """What a page's tick box sends, which agrees to what its preview would empty."""
    found = re.search(r'name="empty_ok" value="(\w+)"', response.content.decode())
    assert found, "the page asks for no consent"
    return found.group(1)
