"""What every page and answer of Django carries."""

import pytest
from django.test import Client

from registry.asgi import request_id


def test_an_answer_carries_the_id_that_the_caller_gave(client: Client) -> None:
    assert client.get("/", headers={"X-Request-ID": "from-the-caller"}).headers["X-Request-ID"] == "from-the-caller"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 65, "line\nbreak"])
def test_an_id_that_is_not_fit_for_a_log_is_replaced(given: str | None) -> None:
    assert request_id(given) != given
    assert len(request_id(given)) == 32


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/docs", "/"])
def test_a_page_may_load_nothing_from_elsewhere(client: Client, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "http" not in policy


def test_the_docs_page_names_no_other_host(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "//cdn" not in page
    assert "<script>" not in page.replace(" ", "")


def test_the_root_leads_to_the_dashboard(client: Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/dashboard/"
