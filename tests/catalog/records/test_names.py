"""What may be called what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.records import names


@pytest.mark.parametrize("text", ["a", "user-service", "9lives", "x" * 63, "a-1-b"])
def test_a_dns_label_is_a_name(text):
    assert names.label(text, field="service") == text


@pytest.mark.parametrize("text", ["", "-a", "a-", "a.b", "a_b", "x" * 64, "a b", "ü", "a\n", "a/b", "<b>"])
def test_what_cannot_be_a_dns_label_is_refused_by_field(text):
    with pytest.raises(Invalid, match="DNS label") as caught:
        names.label(text, field="service")
    assert caught.value.field == "service"


def test_names_are_folded_to_lower_case_because_dns_knows_no_case():
    assert names.label("User-Service", field="service") == "user-service"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::1", "::1"),
        ("[2001:DB8::0:1]", "2001:db8::1"),
        ("Host.Example.", "host.example"),
        ("localhost", "localhost"),
    ],
)
def test_a_host_is_an_address_or_a_host_name(text, folded):
    assert names.host(text) == folded


@pytest.mark.parametrize("text", ["", "0.0.0.0", "::", "224.0.0.1", "1.2.3", "256.1.1.1", "a b", "http://x", "x" * 254])
def test_what_nobody_can_connect_to_is_no_host(text):
    with pytest.raises(Invalid) as caught:
        names.host(text)
    assert caught.value.field == "host"


@pytest.mark.parametrize("number", [0, -1, 65_536])
def test_a_port_out_of_range_is_refused(number):
    with pytest.raises(Invalid, match="1 to 65535"):
        names.port(number)


def test_only_an_override_may_drain_with_weight_zero():
    assert names.weight(0, least=0) == 0
    with pytest.raises(Invalid, match="weight"):
        names.weight(0)


def test_tags_lose_their_repeats_and_keep_their_order():
    assert names.tags(("b", "a", "b")) == ("b", "a")


@pytest.mark.parametrize("tags", [("",), ("a\x00",), ("x" * 513,), tuple(map(str, range(65)))])
def test_tags_have_limits(tags):
    with pytest.raises(Invalid) as caught:
        names.tags(tags)
    assert caught.value.field.startswith("tags")


@pytest.mark.parametrize("pairs", [{"": "x"}, {"k": "x" * 513}, {"x" * 129: ""}, {str(n): "" for n in range(65)}])
def test_metadata_has_limits(pairs):
    with pytest.raises(Invalid) as caught:
        names.metadata(pairs)
    assert caught.value.field.startswith("metadata")


@given(st.dictionaries(st.text("abc", min_size=1, max_size=5), st.text(max_size=5), max_size=5))
def test_equal_metadata_has_equal_order(pairs):
    backwards = dict(reversed(pairs.items()))
    assert list(names.metadata(pairs).items()) == list(names.metadata(backwards).items())


@given(st.text())
def test_an_instance_id_never_holds_a_slash_a_query_or_a_space(text):
    try:
        id = names.instance_id(text)
    except Invalid:
        return
    assert not set(id) & set("/ \t\n?%")


def test_a_bad_name_is_complained_of_where_it_stands_however_often_it_comes():
    for field in ("service", "namespace", "service"):
        with pytest.raises(Invalid) as caught:
            names.label("not a label", field=field)
        assert caught.value.field == field


@pytest.mark.parametrize("text", ["", "  ", "x" * 501, "a\0b"])
def test_what_says_nothing_or_is_no_text_is_no_reason(text):
    with pytest.raises(Invalid, match="say why") as caught:
        names.reason(text)
    assert caught.value.field == "reason"
