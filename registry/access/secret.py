"""A token's secret: `mrd_<id>_<43 random characters>`.

The id finds the row; the rest is 256 random bits. A password needs a slow hash because people choose guessable ones;
256 random bits cannot be guessed, so SHA-256 is enough, and a server can check it on every lookup.
"""

import hashlib
import hmac
import secrets
import string

from catalog.errors import Unauthenticated

PREFIX = "mrd"
ID_LENGTH = 8
ID_ALPHABET = string.ascii_lowercase + string.digits
LONGEST_SECRET = 256


def new_secret() -> tuple[str, str]:
    """A fresh token: its id, and the secret to show once."""
    token_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
    return token_id, f"{PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"


def id_of(secret: str) -> str | None:
    """The id in a secret; None when the text has not the form of one."""
    prefix, _, rest = secret.partition("_")
    token_id, _, random = rest.partition("_")
    if prefix != PREFIX or len(token_id) != ID_LENGTH or not random or len(secret) > LONGEST_SECRET:
        return None
    return token_id


def hashed(secret: str) -> str:
    """What is stored in place of a secret, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, stored: str) -> bool:
    """Whether a secret is the one whose hash is stored; takes equally long whatever is wrong with it."""
    return hmac.compare_digest(hashed(secret), stored)


def presented(authorization: str | None, consul_token: str | None = None) -> str | None:
    """The secret in a request's `Authorization` and `X-Consul-Token` headers, or None when it carries none.

    Raises Unauthenticated when the first is not of the form `Bearer SECRET`.
    """
    if not authorization:
        return consul_token or None
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("the Authorization header must read 'Bearer ' and a token")
    return secret.strip()
