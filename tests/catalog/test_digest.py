"""Equal digests prove equal catalogs."""

from hypothesis import given
from hypothesis import strategies as st

from catalog import digest
from catalog.change import decode_record, encode
from catalog.records.check import Verdict
from catalog.records.instance import with_verdict
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
