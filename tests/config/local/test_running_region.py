"""A command given beside a running region works on that region."""

import json

from config.local.running_region import with_running

SAID = {"region": "eu-west", "valkey": "redis://127.0.0.1:4711/0", "supervisor": 1}


def test_what_the_running_region_uses_fills_in_what_is_not_set(tmp_path):
    (tmp_path / "processes.json").write_text(json.dumps(SAID))
    filled = with_running({"MERIDIAN_DATA": str(tmp_path), "MERIDIAN_VALKEY_URL": ""})
    assert (filled["MERIDIAN_REGION"], filled["MERIDIAN_VALKEY_URL"]) == ("eu-west", SAID["valkey"])


def test_what_is_set_counts(tmp_path):
    (tmp_path / "processes.json").write_text(json.dumps(SAID))
    filled = with_running({"MERIDIAN_DATA": str(tmp_path), "MERIDIAN_REGION": "us-east"})
    assert filled["MERIDIAN_REGION"] == "us-east"


def test_without_a_running_region_nothing_is_filled_in(tmp_path):
    variables = {"MERIDIAN_DATA": str(tmp_path)}
    assert with_running(variables) == variables


def test_a_record_that_is_broken_is_passed_over(tmp_path):
    (tmp_path / "processes.json").write_text("{")
    assert "MERIDIAN_REGION" not in with_running({"MERIDIAN_DATA": str(tmp_path)})
