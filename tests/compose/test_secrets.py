"""`compose/make-secrets` makes every secret that the Compose file names, once, for its owner alone to read."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.harness.compose.description import DIRECTORY, REGIONS, compose


def make(directory: Path) -> str:
    """Run the script and return what it says."""
    run = subprocess.run(
        [DIRECTORY / "make-secrets", directory], capture_output=True, text=True, check=True, timeout=30
    )
    assert run.stderr == ""
    return run.stdout


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A directory with fresh secrets."""
    make(tmp_path / "secrets")
    return tmp_path / "secrets"


def test_every_secret_of_the_file_is_made(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == set(compose()["secrets"])


def test_they_are_all_different_and_long(made: Path) -> None:
    texts = [path.read_text() for path in made.iterdir()]
    assert len(set(texts)) == len(texts)
    assert all(len(text) >= 64 for text in texts)


def test_the_directory_is_closed_and_containers_can_read_the_files(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o444}


def test_making_them_again_changes_nothing(made: Path) -> None:
    before = {path.name: path.read_text() for path in made.iterdir()}
    assert make(made) == ""
    assert {path.name: path.read_text() for path in made.iterdir()} == before


def test_valkey_is_told_the_hash_of_its_password(made: Path) -> None:
    for region in REGIONS:
        password = (made / f"{region}-valkey-password").read_text()
        hashed = hashlib.sha256(password.encode()).hexdigest()
        assert (made / f"{region}-valkey-acl").read_text() == f"user default on #{hashed} ~* &* +@all\n"


def test_a_password_of_one_s_own_is_kept(tmp_path: Path) -> None:
    (tmp_path / "eu-west-valkey-password").write_text("mine\n")
    make(tmp_path)
    assert (tmp_path / "eu-west-valkey-password").read_text() == "mine\n"
    assert hashlib.sha256(b"mine").hexdigest() in (tmp_path / "eu-west-valkey-acl").read_text()


def test_secrets_are_never_committed() -> None:
    lines = (DIRECTORY / "secrets" / ".gitignore").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["*", "!.gitignore", "!README.md"]
