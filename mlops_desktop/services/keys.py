"""An account's signing key: sealed under its password, opened for one use.

There is no hash of the password anywhere. Argon2id makes a key from it (RFC 9106: 64 MiB, 3 passes, 1 lane), and that
the Ed25519 key opens under this key (AES-GCM, bound to the workspace and the account) is the proof of the password.
"""

from __future__ import annotations

import secrets
import threading

from mlops_desktop.domain.errors import StorageError
from mlops_desktop.store.accounts import Keys

MEMORY_KIB, PASSES, LANES = 64 * 1024, 3, 1
AT_A_TIME = 2  # each run takes 64 MiB: many sign-ins at once must not take all memory
_FORMAT = b"\x01"  # first byte of a sealed key; tells later versions how it was made
_NONCE = 12
_SALT = 16
_running = threading.BoundedSemaphore(AT_A_TIME)


class WrongPassword(Exception):
    """The sealed key does not open; callers turn it into a sentence that does not say whether the name exists."""


def new_keys(password: str, binding: bytes) -> Keys:
    """A new key pair, sealed; `binding` says whose it is, so that it opens nowhere else."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return _seal(private.private_bytes_raw(), private.public_key().public_bytes_raw(), password, binding)


def sealed_again(keys: Keys, password: str, new_password: str, binding: bytes) -> Keys:
    """The same key pair under another password; WrongPassword when `password` is wrong."""
    return _seal(_open(keys, password, binding), keys.public, new_password, binding)


def prove(keys: Keys, password: str, binding: bytes) -> None:
    """WrongPassword unless `password` opens the sealed key."""
    _open(keys, password, binding)


def signature(keys: Keys, password: str, binding: bytes, payload: bytes) -> bytes:
    """Ed25519 signature (RFC 8032) of `payload`; WrongPassword when `password` is wrong."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(_open(keys, password, binding)).sign(payload)


def verifies(public: bytes, payload: bytes, signed: bytes) -> bool:
    """Whether `signed` is a signature of `payload` by the owner of the public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed, payload)
    except (InvalidSignature, ValueError):
        return False
    return True


def decoy() -> Keys:
    """Keys that no password opens: an unknown name takes the same time as a wrong password."""
    sealed = _FORMAT + secrets.token_bytes(_NONCE + 32 + 16)
    return Keys(secrets.token_bytes(_SALT), sealed, bytes(32))


def _seal(private: bytes, public: bytes, password: str, binding: bytes) -> Keys:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    sealed = AESGCM(_derived(password, salt)).encrypt(nonce, private, binding)
    return Keys(salt, _FORMAT + nonce + sealed, public)


def _open(keys: Keys, password: str, binding: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if keys.sealed[:1] != _FORMAT:
        raise StorageError("A signing key was sealed by a newer MLOps Desktop.", "Update MLOps Desktop.")
    nonce, sealed = keys.sealed[1 : 1 + _NONCE], keys.sealed[1 + _NONCE :]
    try:
        return AESGCM(_derived(password, keys.salt)).decrypt(nonce, sealed, binding)
    except (InvalidTag, ValueError):
        raise WrongPassword from None


def _derived(password: str, salt: bytes) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    # surrogatepass: whatever a terminal hands over is a password, not an encoding error
    secret = password.encode("utf-8", "surrogatepass")
    with _running:
        return hash_secret_raw(secret, salt, PASSES, MEMORY_KIB, LANES, 32, Type.ID)
