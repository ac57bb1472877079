"""The list of services: those in trouble first, narrowed by what is typed, true at every moment."""

from typing import Any

import msgspec
import pytest

from catalog.records.instance import Instance, settled
from catalog.records.override import Scope
from catalog.records.status import Status
from dashboard.pages.services import MOST_WORDS, SHOWN, ServicesPage
from dashboard.words.suggestions import similar_services
from tests.harness.dashboard.pages import Desk, text
from tests.harness.federated import HOME, WEST
from tests.harness.records import NOW, instance, override


def critical(record: Instance) -> Instance:
    return settled(msgspec.structs.replace(record, lease_expired=True), NOW)


def there(record: Instance) -> Instance:
    return msgspec.structs.replace(record, region=WEST)


def listed(desk: Desk, **query: str) -> list[str]:
    page = desk.page(ServicesPage, **query)
    return [key.removeprefix("default/") for key in desk.content(page).lists["services"]]


def test_services_in_trouble_come_first() -> None:
    desk = Desk(
        instance("all-well", "a"),
        instance("half-dead", "a"),
        critical(instance("half-dead", "b")),
        critical(instance("dead", "a")),
        instance("dead-at-home", "a"),
    )
    desk.put(critical(there(instance("dead-at-home", "b"))))
    assert listed(desk) == ["dead", "dead-at-home", "half-dead", "all-well"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "pay"}, ["payments"]),
        ({"q": "EDGE ray"}, ["x-ray"]),
        ({"region": WEST}, ["x-ray"]),
        ({"region": "nowhere"}, []),
        ({"zone": "z1"}, ["payments"]),
        ({"tag": "edge"}, ["x-ray"]),
        ({"status": "critical"}, ["payments"]),
        ({"status": "nonsense"}, []),
        ({"namespace": "default"}, ["payments", "x-ray"]),
        ({"namespace": "other"}, []),
    ],
)
def test_the_list_is_narrowed(query: dict[str, Any], found: list[str]) -> None:
    desk = Desk(critical(instance("payments", "p", zone="z1")))
    desk.put(there(instance("x-ray", "x", tags=["edge"])))
    assert listed(desk, **query) == found


def test_a_service_that_is_out_of_service_is_found_as_such() -> None:
    desk = Desk(instance("web", "w"), instance("api", "a"))
    desk.put(override(Scope.SERVICE, service="web"))
    assert listed(desk, status="out") == ["web"]


def test_an_override_that_has_ended_no_longer_counts_although_it_still_stands_in_the_log() -> None:
    desk = Desk(instance("web", "w"), override(Scope.SERVICE, service="web", expires_at=NOW + 60))
    page = desk.page(ServicesPage)
    assert "1 critical" in text(desk.content(page), "services")
    desk.now = NOW + 61
    assert "1 passing" in text(desk.content(page), "services")


def test_a_verdict_grows_old_while_nobody_probes_although_nothing_is_written() -> None:
    probed = instance("web", "w", checks=[{"type": "tcp", "interval": "10s", "timeout": "1s", "status": "passing"}])
    desk = Desk(settled(msgspec.structs.replace(probed, status=Status.PASSING), NOW))
    page = desk.page(ServicesPage)
    desk.view.blind(HOME, NOW)
    desk.now = NOW + 30
    assert "1 passing" in text(desk.content(page), "services")
    desk.now = NOW + 32
    assert "1 unknown" in text(desk.content(page), "services")


def test_a_service_that_is_gone_is_gone_from_the_list() -> None:
    record = instance("web", "w")
    desk = Desk(record)
    page = desk.page(ServicesPage)
    desk.content(page)
    desk.remove(record)
    assert desk.content(page).lists["services"] == {}


def test_many_services_are_shown_in_pages_that_lead_to_each_other() -> None:
    desk = Desk(*(instance(f"service-{number:03}", "a") for number in range(SHOWN + 1)))
    assert len(listed(desk)) == SHOWN
    assert listed(desk, page="2") == [f"service-{SHOWN:03}"]
    assert 'href="?page=2"' in text(desk.content(desk.page(ServicesPage)), "services-pages")


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999", "7"])
def test_a_page_that_is_not_there_is_the_nearest_that_is(number: str) -> None:
    assert listed(Desk(instance("web", "w")), page=number) == ["web"]


def test_a_search_of_thousands_of_words_is_not_looked_for_word_by_word() -> None:
    desk = Desk(instance("payments", "a"))
    assert listed(desk, q="pay " * MOST_WORDS + "nothing " * 5000) == ["payments"]


def test_nothing_is_near_to_a_name_that_is_longer_than_any() -> None:
    desk = Desk(*(instance(f"service-{number}", "a") for number in range(20)))
    assert similar_services(desk.view, "default", "service-7") != []
    assert similar_services(desk.view, "default", "service-7" + "0" * 60_000) == []
