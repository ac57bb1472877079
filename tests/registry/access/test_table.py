"""The table of tokens in memory: who is let in, who is not, and what it remembers."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from catalog.errors import Unauthenticated, Unavailable
from registry.access import Entry, TokenTable
from registry.access.secret import hashed, id_of, new_secret, presented

NOW = 1_800_000_000.0


class Store:
    """The database's part: entries that a test sets, or the lack of a database."""

    def __init__(self, *entries: Entry) -> None:
        self.entries: list[Entry] | None = list(entries)
        self.reads = 0

    def read(self) -> Iterable[Entry]:
        self.reads += 1
        if self.entries is None:
            raise Unavailable("away")
        return self.entries


def entry(**changed: object) -> tuple[Entry, str]:
    token_id, secret = new_secret()
    made = Entry(id=token_id, name="ci", hash=hashed(secret), scopes=("read",))
    return msgspec.structs.replace(made, **changed), secret


def table(store: Store, *, is_open: bool = False, path: Path | None = None, now: float = NOW) -> TokenTable:
    return TokenTable(is_open=is_open, read=store.read, path=path, clock=lambda: now)


def loaded(*entries: Entry, now: float = NOW) -> TokenTable:
    made = table(Store(*entries), now=now)
    made.reload()
    return made


def test_a_known_secret_is_its_grant() -> None:
    known, secret = entry()
    assert loaded(known).authenticate(secret).name == "ci"


def test_a_secret_is_43_random_characters_behind_its_id() -> None:
    token_id, secret = new_secret()
    assert secret.startswith(f"mrd_{token_id}_")
    assert len(secret) == len(f"mrd_{token_id}_") + 43


@pytest.mark.parametrize(
    "broken",
    ["", "x", "mrd_", "mrd_abcdefgh_", "mrd__abc", "é" * 20, "mrd_abcdefgh_" + "x" * 500, "\x00", "mrd_a_b_c_d"],
)
def test_text_that_is_no_secret_is_not_known(broken: str) -> None:
    with pytest.raises(Unauthenticated, match="not known"):
        loaded(entry()[0]).authenticate(broken)


def test_the_right_id_with_another_secret_is_not_known() -> None:
    known, secret = entry()
    with pytest.raises(Unauthenticated, match="not known"):
        loaded(known).authenticate(secret[:-1] + ("a" if secret[-1] != "a" else "b"))


def test_an_expired_token_says_since_when() -> None:
    known, secret = entry(expires_at=NOW)
    with pytest.raises(Unauthenticated, match="has expired on 2027-01-15 08:00 UTC"):
        loaded(known).authenticate(secret)


def test_a_token_is_good_until_the_moment_it_expires() -> None:
    known, secret = entry(expires_at=NOW + 0.001)
    assert loaded(known).authenticate(secret).may_read()


def test_a_revoked_token_says_so() -> None:
    known, secret = entry(revoked_at=NOW - 60)
    with pytest.raises(Unauthenticated, match="was revoked on 2027-01-15 07:59 UTC"):
        loaded(known).authenticate(secret)


def test_nobody_is_let_in_without_a_token_when_the_table_is_closed() -> None:
    with pytest.raises(Unauthenticated, match="needs a token"):
        loaded().authenticate(None)


def test_an_open_table_lets_everybody_in_with_every_right() -> None:
    anybody = table(Store(), is_open=True).authenticate(None)
    assert (anybody.name, anybody.is_operator) == ("anonymous", True)


def test_an_open_table_still_refuses_a_wrong_token() -> None:
    opened = table(Store(), is_open=True)
    opened.reload()
    with pytest.raises(Unauthenticated, match="not known"):
        opened.authenticate("mrd_abcdefgh_wrong")


def test_without_database_and_file_a_token_can_be_neither_good_nor_bad() -> None:
    with pytest.raises(Unavailable, match="cannot be checked"):
        table(Store()).authenticate("mrd_abcdefgh_x")


def test_the_file_lets_tokens_in_without_a_database(tmp_path: Path) -> None:
    known, secret = entry()
    table(Store(known), path=tmp_path / "tokens.json").reload()
    restarted = table(Store(), path=tmp_path / "tokens.json")
    assert restarted.load_file()
    assert restarted.authenticate(secret).name == "ci"


def test_the_file_holds_no_secret_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    known, secret = entry()
    path = tmp_path / "tokens.json"
    table(Store(known), path=path).reload()
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret.rpartition("_")[2] not in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["tokens.json"]


def test_a_spoilt_file_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    path.write_text("[{")
    assert not table(Store(), path=path).load_file()


def test_losing_the_database_keeps_what_is_known() -> None:
    known, secret = entry()
    store = Store(known)
    kept = table(store)
    kept.reload()
    store.entries = None
    with pytest.raises(Unavailable):
        kept.reload()
    assert kept.authenticate(secret).name == "ci"


def test_the_version_moves_only_when_a_token_changes() -> None:
    known, _ = entry()
    store = Store(known)
    kept = table(store)
    kept.reload()
    before = kept.version
    kept.reload()
    same = kept.version
    store.entries = [msgspec.structs.replace(known, revoked_at=NOW)]
    kept.reload()
    assert (same, kept.version) == (before, before + 1)


def test_an_asked_for_reload_is_not_done_twice_in_its_time() -> None:
    store = Store()
    kept = table(store)
    for _ in range(5):
        kept.reload_if_older(5.0)
    assert store.reads == 1


def test_only_usable_tokens_count_as_any() -> None:
    assert not loaded(entry(revoked_at=NOW)[0], entry(expires_at=NOW)[0]).any_tokens()
    assert loaded(entry()[0]).any_tokens()


def test_use_is_noted_once_and_then_handed_over() -> None:
    known, secret = entry()
    kept = loaded(known)
    kept.authenticate(secret)
    assert kept.take_used() == {known.id: NOW}
    assert kept.take_used() == {}


def test_an_id_is_read_from_a_secret() -> None:
    token_id, secret = new_secret()
    assert id_of(secret) == token_id


@pytest.mark.parametrize(
    ("authorization", "consul", "secret"),
    [
        (None, None, None),
        ("Bearer abc", None, "abc"),
        ("bearer  abc ", None, "abc"),
        (None, "abc", "abc"),
        ("Bearer abc", "xyz", "abc"),
        (None, "", None),
        ("", "", None),
    ],
)
def test_a_secret_is_found_in_either_header(authorization: str | None, consul: str | None, secret: str | None) -> None:
    assert presented(authorization, consul) == secret


@pytest.mark.parametrize("authorization", ["Basic abc", "Bearer", "Bearer  ", "abc"])
def test_another_authorization_than_bearer_is_refused(authorization: str) -> None:
    with pytest.raises(Unauthenticated, match="Bearer"):
        presented(authorization)
