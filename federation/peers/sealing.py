"""Sealing: what this region shows to its peers is kept so that a copy of the database alone is no copy of it.

The key comes from the region's secret key, which is never in the database. Who changes the secret key
makes the peers anew.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from catalog.errors import Unavailable

PURPOSE = b"meridian: secrets shown to peers"  # keeps this key apart from whatever else is made of the secret key


class Unopened(Unavailable):
    """Sealed with another key than this region has now, or damaged. Peer again to mend it."""


def seal(secret: str) -> str:
    """The secret as it may rest in the database; nothing stays nothing."""
    return _lock().encrypt(secret.encode()).decode() if secret else ""


def unseal(text: str) -> str:
    """What `seal` was given. Raises Unopened."""
    try:
        return _lock().decrypt(text).decode() if text else ""
    except InvalidToken:
        raise Unopened("what this region shows there was sealed with another secret key: invite it again") from None


def _lock() -> MultiFernet:
    return _lock_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _lock_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    # Without a salt: there is nothing to tell apart, and the secret key is as random as a key should be.
    raw = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(raw)
