"""Equal digests prove equal catalogs."""

from hypothesis import given
from hypothesis import strategies as st

from catalog import digest
from catalog.change import decode_record, encode
from catalog.records.check import Verdict
from catalog.records.instance import with_verdict
from catalog.records.policy import Policy
from catalog.records.status import Status
from tests.harness.records import NOW, instance, override

RECORDS = [instance(id=f"i-{number}", weight=number + 1) for number in range(5)] + [override(service="web")]
CHECK = {"type": "http", "url": "http://x/"}


@given(st.permutations(RECORDS))
def test_the_order_of_records_does_not_matter(records):
    total = digest.EMPTY
    for record in records:
        total = digest.replaced(total, None, record)
    expected = sum(map(digest.record_hash, RECORDS)) % digest.MODULUS
    assert total == expected


def test_adding_and_removing_leaves_nothing():
    added = digest.replaced(digest.EMPTY, None, RECORDS[0])
    assert digest.replaced(added, RECORDS[0], None) == digest.EMPTY


def test_a_check_s_output_is_not_part_of_the_state():
    one = with_verdict(instance(checks=[CHECK]), Verdict("http", Status.PASSING, "200 OK", NOW), NOW)
    two = with_verdict(instance(checks=[CHECK]), Verdict("http", Status.PASSING, "200", NOW + 9), NOW + 9)
    assert digest.record_hash(one) == digest.record_hash(two)


def test_a_status_is_part_of_the_state():
    sick = with_verdict(instance(checks=[CHECK]), Verdict("http", Status.CRITICAL, "", NOW), NOW)
    assert digest.record_hash(sick) != digest.record_hash(instance(checks=[CHECK]))


def test_hex_reads_back():
    number = digest.record_hash(RECORDS[0])
    assert digest.from_hex(digest.to_hex(number)) == number


def test_a_hash_that_is_at_hand_is_that_of_a_new_copy():
    """Records come and go and take each other's place in memory; none may get another's hash."""
    for number in range(3 * digest.MOST_KNOWN):
        fleeting = instance(id=f"i-{number}")
        once, again = digest.record_hash(fleeting), digest.record_hash(fleeting)
        copy = decode_record(encode(fleeting))
        assert once == again == digest.record_hash(copy)


def test_hashes_are_those_of_every_earlier_release():
    checked = instance(checks=[{"name": "self", "type": "ttl", "ttl": "30s"}])
    policy = Policy(region="us-east", service="web", order=("eu-west", "ap-south"))
    hashes = {
        "cb0655e86e19e8123980412a72f1c45bcb940431dd3ac07f46a97723b5df3b4b": checked,
        "47a7e3f65f3c7e8781293a71dc420daeff0d93e5b030a7cab7aeed1b1f1aff64": with_verdict(
            checked, Verdict("self", Status.WARNING, "slow", NOW + 10), NOW + 10
        ),
        "d6857faa4f2dc4073dc9bd302ae7283e0c2e0f28df30d78968724fbea2fbcf96": override(
            service="user-service", status=Status.CRITICAL
        ),
        "5925edec071ad8d023c9ab4eb9d5d5ffe9047040ada1b26714872e4f725d1a57": policy,
    }
    assert {digest.to_hex(digest.record_hash(record)): record for record in hashes.values()} == hashes
