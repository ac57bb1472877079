"""Random histories: the steps that happen to a region and to its follower."""

from dataclasses import dataclass

from hypothesis import strategies as st

from catalog.records.override import Scope
from catalog.records.status import Status


@dataclass(frozen=True)
class Register:
    """An instance registers, or registers again; `port` decides whether that changes anything."""

    service: str
    id: str
    port: int
    checked: bool


@dataclass(frozen=True)
class Deregister:
    """An instance leaves, if it is there."""

    service: str
    id: str


@dataclass(frozen=True)
class Report:
    """The instance's check reports, if it has one."""

    service: str
    id: str
    status: Status


@dataclass(frozen=True)
class SetOverride:
    """An operator speaks about a service or a tag."""

    scope: Scope
    weight: int


@dataclass(frozen=True)
class ClearOverride:
    """One of the standing overrides is cleared, if there is any."""

    which: int


@dataclass(frozen=True)
class Compact:
    """The log forgets this share of what it holds."""

    share: float


@dataclass(frozen=True)
class Stop:
    """The follower stops following."""


@dataclass(frozen=True)
class Resume:
    """The follower follows again from where it was."""


@dataclass(frozen=True)
class CatchUp:
    """The history pauses until the follower has caught up."""


@dataclass(frozen=True)
class Reset:
    """The follower takes a snapshot, whether it needs one or not."""


Step = Register | Deregister | Report | SetOverride | ClearOverride | Compact | Stop | Resume | CatchUp | Reset

services, ids = st.sampled_from(["web", "db"]), st.sampled_from(["one", "two", "three"])
changes = st.one_of(
    st.builds(Register, services, ids, st.integers(1, 3), st.booleans()),
    st.builds(Register, services, ids, st.integers(1, 3), st.booleans()),
    st.builds(Deregister, services, ids),
    st.builds(Report, services, ids, st.sampled_from([Status.PASSING, Status.WARNING, Status.CRITICAL])),
    st.builds(SetOverride, st.sampled_from([Scope.SERVICE, Scope.TAG]), st.integers(0, 5)),
    st.builds(ClearOverride, st.integers(0, 3)),
)
incidents = st.one_of(
    st.builds(Compact, st.floats(0, 1)), st.builds(Stop), st.builds(Resume), st.builds(CatchUp), st.builds(Reset)
)
histories = st.lists(st.one_of(changes, changes, incidents), min_size=1, max_size=30)
