"""Accessibility of a page, as far as axe can tell."""

from collections.abc import Mapping
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = frozenset({"serious", "critical"})
# Without its copies of the stylesheets, which a page's policy refuses; the rules that want them are about print.
OPTIONS = {"resultTypes": ["violations"], "preload": False}


def axe(page: Page, *, allowed: Mapping[str, str] | None = None) -> None:
    """Raises AssertionError that names every serious or critical fault of the page as it is now.

    `allowed` gives, by rule, a CSS selector of elements that are not ours to mend.
    """
    violations = Axe().run(page, options=OPTIONS).response["violations"]
    faults = [
        _spoken(violation, node)
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
        if not _is_allowed(page, node, (allowed or {}).get(violation["id"]))
    ]
    assert not faults, f"{page.url} has {len(faults)} faults:\n" + "\n".join(faults)


def _is_allowed(page: Page, node: Mapping[str, Any], selector: str | None) -> bool:
    if selector is None:
        return False
    (target,) = node["target"]
    return bool(page.eval_on_selector(target, "(element, selector) => element.matches(selector)", selector))


def _spoken(violation: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    said = " ".join(str(node.get("failureSummary", "")).split())
    return f"- {violation['id']} ({violation['impact']}): {violation['help']}\n  {node['html'][:300]}\n  {said}"
