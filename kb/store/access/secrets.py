"""The one secret of a data folder: it keys the hashes of access keys and seals provider keys."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from kb.errors import Rejected
from kb.files.originals import fsync_folder

SECRET_BYTES = 32


class Secrets:
    """Keyed hashes and sealed values. The secret lies in a file beside the database, not in it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._fernet = Fernet(urlsafe_b64encode(self._derive(b"seal")))

    @classmethod
    def open(cls, path: Path) -> Secrets:
        """Read the secret, or make one at first start; only the owner can read the file.

        Raises:
            Rejected: the file is damaged.
        """
        try:
            return cls(bytes.fromhex(read_or_create(path, lambda: secrets.token_hex(SECRET_BYTES))))
        except ValueError as exc:
            raise _damaged(path) from exc

    @classmethod
    def of_key(cls, key: str) -> Secrets:
        """The secret that operators set: any text, or what the file of a data folder holds."""
        try:
            return cls(bytes.fromhex(key))
        except ValueError:
            return cls(key.encode())

    @property
    def fingerprint(self) -> str:
        """Tells this secret from others; it says nothing about it."""
        return self.digest("fingerprint").hex()[:16]

    def digest(self, value: str) -> bytes:
        """HMAC-SHA-256 of a value: 32 bytes."""
        return hmac.new(self._derive(b"digest"), value.encode(), hashlib.sha256).digest()

    def seal(self, value: str) -> bytes:
        """Encrypt a value (Fernet: AES-128-CBC with HMAC-SHA-256)."""
        return self._fernet.encrypt(value.encode())

    def unseal(self, sealed: bytes) -> str | None:
        """The value that was sealed; None if it was with another secret."""
        with suppress(InvalidToken):
            return self._fernet.decrypt(sealed).decode()
        return None

    def _derive(self, purpose: bytes) -> bytes:
        return hmac.new(self._secret, purpose, hashlib.sha256).digest()


def put_secret(path: Path, key: str) -> None:
    """Make the file of a data folder that holds the secret of KB_SECRET_KEY.

    Raises:
        Rejected: another one is there, or it is too short for a file.
    """
    made = Secrets.of_key(key)._secret.hex()
    if len(made) < 2 * SECRET_BYTES or read_or_create(path, lambda: made) != made:
        raise Rejected(f"The file {path} cannot hold KB_SECRET_KEY, or holds another secret.")


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The text of an owner-only file, made at first use; it gets its name when it is whole.

    Raises:
        Rejected: the file is shorter than what is made.
    """
    made = make()
    if not path.exists():
        _create(path, made)
    value = path.read_text(encoding="latin-1").strip()
    if len(value) < len(made):
        raise _damaged(path)
    return value


def _damaged(path: Path) -> Rejected:
    return Rejected(
        f"The file {path} is empty, cut or damaged. Put it back from a backup (`kb restore FILE "
        f"--data-dir NEW` makes a folder of one). To go on with a new one, move it away and start "
        f"once with `kb serve --as-is`: keys that were made with it end."
    )


def _create(path: Path, value: str) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    fsync_folder(path.parent)
