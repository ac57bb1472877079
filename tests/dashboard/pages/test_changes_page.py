"""The page of changes, without a browser: what memory tells, narrowed by what was filled in."""

import msgspec
import pytest

from catalog.change import Record
from catalog.records.instance import Instance
from dashboard.pages.changes import ChangesPage
from tests.harness.dashboard.pages import Desk
from tests.harness.federated import HOME, WEST, copy, policy


def shop(id: str, service: str = "web") -> Instance:
    return msgspec.structs.replace(copy(HOME, id, service=service), namespace="shop")


RECORDS: tuple[Record, ...] = (
    copy(HOME, "web-1"),
    copy(WEST, "web-2"),
    shop("shop-1"),
    shop("shop-2", service="mail"),
    msgspec.structs.replace(policy(), namespace="shop"),
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"web-1", "web-2", "shop-1", "shop-2", "shop/web"}),
        ({"service": "web"}, {"web-1", "web-2"}),
        ({"service": " Web"}, {"web-1", "web-2"}),
        ({"service": "web", "namespace": "shop"}, {"shop-1"}),
        ({"namespace": "Shop"}, {"shop-1", "shop-2", "shop/web"}),
        ({"namespace": "shop", "kind_": "policy"}, {"shop/web"}),
        ({"region": "EU-West"}, {"web-2"}),
    ],
)
def test_the_list_is_narrowed_to_what_was_filled_in(query: dict[str, str], found: set[str]) -> None:
    desk = Desk(*RECORDS)
    page = desk.page(ChangesPage, **query)
    rows = "".join(desk.content(page).lists["changes"].values())
    display_name = {"web-1", "web-2", "shop-1", "shop-2"}
    told = {name for name in display_name if f"/{name}</span>" in rows} | (
        {"shop/web"} if "policy shop/web" in rows else set()
    )
    assert told == found
