"""Addresses typed by hand: nearly right ones lead on, and wrong ones say where to go."""

import pytest
from django.test import Client, override_settings

pytestmark = pytest.mark.django_db


def test_a_service_without_its_namespace_is_that_of_the_default_one() -> None:
    answer = Client().get("/dashboard/services/user-service")
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/services/default/user-service")


@override_settings(DEBUG=False)
@pytest.mark.parametrize("path", ["/dashboard/nothing", "/nothing", "/dashboard/services/a/b/c"])
def test_a_page_that_there_is_not_leads_to_those_that_there_are(path: str) -> None:
    answer = Client().get(path)
    text = answer.content.decode()
    assert answer.status_code == 404
    assert path in text
    assert 'href="/dashboard/services"' in text


@override_settings(DEBUG=False)
def test_what_is_typed_is_shown_as_text() -> None:
    answer = Client().get("/dashboard/<script>alert(1)</script>")
    assert b"<script>" not in answer.content
