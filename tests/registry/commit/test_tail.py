"""The tail answers only what it knows for certain; everything else is for the database."""

from catalog.change import Change, Position
from registry.commit.tail import LONGEST, Tail


def changes(first: int, last: int) -> list[Change]:
    return [
        Change(region="us-east", index=index, key=f"instance/default/web/{index}") for index in range(first, last + 1)
    ]


def indexes(tail: Tail, after: int, *, log_id: str = "log", limit: int = 100) -> list[int]:
    return [change.index for change in tail.after(Position(log_id, after), limit)]


def test_commits_that_follow_each_other_are_one_run() -> None:
    tail = Tail()
    tail.extend("log", changes(1, 2))
    tail.extend("log", changes(3, 3))
    assert indexes(tail, 0) == [1, 2, 3]
    assert indexes(tail, 1, limit=1) == [2]
    assert indexes(tail, 3) == []


def test_a_commit_of_another_process_in_between_starts_it_anew() -> None:
    tail = Tail()
    tail.extend("log", changes(1, 2))
    tail.extend("log", changes(5, 6))
    assert indexes(tail, 1) == []
    assert indexes(tail, 3) == []
    assert indexes(tail, 4) == [5, 6]


def test_commits_reported_in_the_wrong_order_leave_the_later_one() -> None:
    tail = Tail()
    tail.extend("log", changes(3, 4))
    tail.extend("log", changes(1, 2))
    assert indexes(tail, 2) == [3, 4]
    assert indexes(tail, 0) == []


def test_another_log_starts_it_anew() -> None:
    tail = Tail()
    tail.extend("log", changes(1, 2))
    tail.extend("restored", changes(3, 3))
    assert indexes(tail, 0) == []
    assert indexes(tail, 2) == []
    assert indexes(tail, 2, log_id="restored") == [3]


def test_it_keeps_only_the_latest() -> None:
    tail = Tail()
    for first in range(1, 3 * LONGEST, 1000):
        tail.extend("log", changes(first, first + 999))
    assert indexes(tail, 0) == []
    last = tail.after(Position("log", 3 * LONGEST - LONGEST), 10_000)[-1].index
    assert len(tail.after(Position("log", last - LONGEST), 2 * LONGEST)) == LONGEST
    assert indexes(tail, last - 2 * LONGEST) == []


def test_listeners_hear_each_new_end_until_they_stop() -> None:
    tail = Tail()
    heard: list[Position] = []
    stop = tail.listen(heard.append)
    tail.extend("log", changes(1, 2))
    stop()
    tail.extend("log", changes(3, 3))
    assert heard == [Position("log", 2)]
