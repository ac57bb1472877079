"""The waits along the way of a beat add up to less than the time for which a mirror is live."""

from discovery.view.mirrors import LOOK_EVERY as READ_EVERY
from federation import waits
from registry.freshness import FRESH_FOR


def test_a_beat_reaches_every_server_while_it_is_fresh() -> None:
    assert waits.BEAT + waits.PUBLISH_EVERY + READ_EVERY < FRESH_FOR / 2  # one beat may be lost


def test_without_valkey_a_beat_reaches_every_server_through_the_tables_while_it_is_fresh() -> None:
    saved = waits.SAVE_ALONE + waits.PUBLISH_EVERY
    assert waits.BEAT + saved + READ_EVERY + waits.VALKEY_WITHIN < FRESH_FOR


def test_a_half_open_link_is_noticed_and_a_relay_looked_for_while_the_mirror_is_fresh() -> None:
    assert waits.SILENT + waits.RELAY_AFTER < FRESH_FOR


def test_two_beats_may_be_late_before_contact_ends_and_contact_ends_before_the_link() -> None:
    assert 3 * waits.BEAT <= waits.CONTACT_LASTS < waits.SILENT


def test_a_follower_may_miss_a_few_renewals_of_its_lock() -> None:
    assert 3 * waits.LOCK_RENEWED < waits.LOCK_LASTS
