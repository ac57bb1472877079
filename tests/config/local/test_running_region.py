"""A command given beside a running region works on that region."""

import json

import pytest

from config.local.running_region import NoRegion, choose_region, with_running

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


def region(path):
    path.mkdir(parents=True)
    (path / "meridian.sqlite3").touch()
    return path


def test_the_only_region_below_the_data_directory_is_chosen(tmp_path):
    demo = region(tmp_path / "demo" / "us-east")
    assert choose_region({"MERIDIAN_DATA": str(tmp_path)}) == demo


def test_of_several_regions_the_variable_chooses(tmp_path):
    region(tmp_path / "us-east")
    second = region(tmp_path / "eu-west")
    assert choose_region({"MERIDIAN_DATA": str(tmp_path), "MERIDIAN_REGION": "eu-west"}) == second


def test_of_several_regions_none_is_chosen_by_guessing(tmp_path):
    region(tmp_path / "us-east")
    region(tmp_path / "eu-west")
    with pytest.raises(NoRegion, match="holds the regions eu-west, us-east: set MERIDIAN_REGION"):
        choose_region({"MERIDIAN_DATA": str(tmp_path)})


def test_a_region_right_in_the_data_directory_is_the_one(tmp_path):
    region(tmp_path / "demo" / "us-east")
    (tmp_path / "meridian.sqlite3").touch()
    assert choose_region({"MERIDIAN_DATA": str(tmp_path)}) == tmp_path


def test_a_database_elsewhere_is_not_looked_for_in_the_data_directory(tmp_path):
    variables = {"MERIDIAN_DATA": str(tmp_path / "none"), "MERIDIAN_DATABASE_URL": "postgres://db/meridian"}
    assert choose_region(variables) == tmp_path / "none"
