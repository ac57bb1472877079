"""The signing key is given, or made once and kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.environment import EnvironmentProblem, read_environment
from config.secret import kept_secret, secret_key


def test_a_key_given_by_value_is_used(tmp_path: Path) -> None:
    environment = replace(read_environment({}), data=tmp_path, secret_key="given")
    assert secret_key(environment) == "given"
    assert list(tmp_path.iterdir()) == []


def test_a_key_given_by_file_is_used(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from a file\n")
    assert secret_key(read_environment({"MERIDIAN_SECRET_KEY_FILE": str(file)})) == "from a file"


def test_an_empty_key_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch()
    with pytest.raises(EnvironmentProblem, match="which is empty"):
        secret_key(read_environment({"MERIDIAN_SECRET_KEY_FILE": str(file)}))


def test_a_made_key_is_kept_for_the_next_start(tmp_path: Path) -> None:
    environment = replace(read_environment({}), data=tmp_path)
    assert secret_key(environment) == secret_key(environment)


def test_a_kept_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    kept_secret(tmp_path / "secret", "fresh")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_a_kept_secret_is_never_replaced(tmp_path: Path) -> None:
    assert kept_secret(tmp_path / "secret", "first") == "first"
    assert kept_secret(tmp_path / "secret", "second") == "first"


def test_without_a_data_directory_nothing_is_written(tmp_path: Path) -> None:
    environment = replace(read_environment({}), data=tmp_path / "absent")
    assert len(secret_key(environment)) >= 50
    assert not environment.data.exists()
