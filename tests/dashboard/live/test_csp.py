"""What pages are allowed to do in a browser, of every page that leads on from the first ones."""

import re
from collections import deque
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import APIRequestContext, APIResponse

from tests.harness.dashboard.browser import Tabs
from tests.harness.dashboard.people import ADMINISTRATOR

ROOTS = ("/admin/", "/dashboard/", "/api/v1/docs")
DOCS = "/api/v1/docs"  # a page of a package, which sets its own stylesheet
OTHERS = ("/", "/favicon.ico", "/admin/login/", "/admin/nowhere/", "/nowhere", "/api/v1/instances", "/api/v1/nowhere")
MOST = 150  # pages that are followed
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>|<style|<[a-z][^>]*\s(?:on[a-z]+|style)=",
    re.IGNORECASE,
)


@pytest.fixture
def requests(tabs: Tabs) -> APIRequestContext:
    """Asks as an administrator does, without showing what comes."""
    return tabs(ADMINISTRATOR).context.request


def pages(requests: APIRequestContext) -> dict[str, APIResponse]:
    """Every page that links lead to, one of each kind, by path."""
    found: dict[str, APIResponse] = {}
    seen, waiting = set(ROOTS), deque(ROOTS)
    while waiting and len(found) < MOST:
        path = waiting.popleft()
        found[path] = requests.get(path)
        for link in re.findall(r"<a\b[^>]*\shref=\"([^\"]*)\"", found[path].text()):
            leads = urlsplit(urljoin(path, unescape(link)))
            kind = re.sub(r"\d+", "N", leads.path)
            if not leads.netloc and leads.path.startswith(("/admin/", "/dashboard/")) and kind not in seen:
                seen.add(kind)
                waiting.append(leads.path)
    return found


def test_no_page_may_run_what_stands_in_it(requests: APIRequestContext) -> None:
    found = pages(requests)
    assert len(found) > 25, sorted(found)
    policies = {path: answer.headers.get("content-security-policy", "") for path, answer in found.items()}
    assert not [path for path, policy in policies.items() if "default-src 'self'" not in policy]
    assert not [path for path, policy in policies.items() if "unsafe-inline" in policy and path != DOCS]
    assert not [path for path, policy in policies.items() if re.search(r"unsafe-eval|script-src|https?:|\*", policy)]
    inline = {path: INLINE.search(answer.text()) for path, answer in found.items() if path != DOCS}
    assert not [(path, match[0]) for path, match in inline.items() if match]


@pytest.mark.parametrize("path", OTHERS)
def test_other_answers_carry_the_policy_too(requests: APIRequestContext, path: str) -> None:
    policy = requests.get(path, max_redirects=0).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
