"""The key that signs sessions and tickets, and from which the key is made that seals what is shown to peers."""

import os
import secrets
from pathlib import Path

from config.environment import Environment, EnvironmentProblem

FILE_NAME = "secret-key"


def secret_key(environment: Environment) -> str:
    """The key given by value or by file, else the one kept in the data directory, made there the first time.

    Without a data directory the key is random and lives as long as the process, which signs
    nothing that lasts.
    Raises EnvironmentProblem when the given file is empty.
    """
    if environment.secret_key is not None:
        return environment.secret_key
    if environment.secret_key_file is not None:
        key = environment.secret_key_file.read_text().strip()
        if not key:
            raise EnvironmentProblem(f"MERIDIAN_SECRET_KEY_FILE names {environment.secret_key_file}, which is empty.")
        return key
    if not environment.data.is_dir():
        return secrets.token_urlsafe(50)
    return kept_secret(environment.data / FILE_NAME, secrets.token_urlsafe(50))


def kept_secret(path: Path, fresh: str) -> str:
    """The secret in the file at `path`; when there is none, `fresh` is written there for its owner only."""
    # Several processes may start at once. Each writes a file of its own and links it to the name: the first link wins
    # and no reader ever sees a half-written secret.
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(fresh + "\n")
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process was first: its secret is the one to use
        finally:
            draft.unlink()
    return path.read_text().strip()
