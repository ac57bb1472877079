"""What many pages need is fetched once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from catalog.errors import Unavailable
from dashboard.memory.single_flight import SingleFlight


@pytest.fixture
def numbers() -> Iterator[int]:
    return count(1)


def test_it_is_asked_once_within_its_time_and_then_again(numbers: Iterator[int]) -> None:
    flight: SingleFlight[int] = SingleFlight(2.0)
    assert [flight.get(lambda: next(numbers), now) for now in (10.0, 11.9, 12.0)] == [1, 1, 2]


def test_it_is_asked_again_when_the_clock_was_put_back(numbers: Iterator[int]) -> None:
    flight: SingleFlight[int] = SingleFlight(2.0)
    assert [flight.get(lambda: next(numbers), now) for now in (1000.0, 10.0)] == [1, 2]


def test_threads_that_come_while_it_is_asked_are_told_the_same(numbers: Iterator[int]) -> None:
    flight: SingleFlight[int] = SingleFlight(2.0)
    together = threading.Barrier(4, timeout=5)

    def ask(_: int) -> int:
        together.wait()
        return flight.get(lambda: next(numbers), 10.0)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(4))) == [1, 1, 1, 1]


def test_that_there_is_no_answer_is_told_to_all_without_asking_again() -> None:
    flight: SingleFlight[int] = SingleFlight(2.0)
    asked = []

    def refuse() -> int:
        asked.append(1)
        raise Unavailable("the database is away")

    for now in (10.0, 11.0):
        with pytest.raises(Unavailable, match="the database is away"):
            flight.get(refuse, now)
    assert len(asked) == 1
    assert flight.get(lambda: 7, 12.0) == 7
