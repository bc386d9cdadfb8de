"""The one secret of a data folder: it keys the hashes of access keys and seals provider keys."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet

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
            raise Rejected(
                f"The file {path} is damaged. Restore it from a backup: without it no access key "
                f"and no provider key can be read."
            ) from exc

    def digest(self, value: str) -> bytes:
        """HMAC-SHA-256 of a value: 32 bytes."""
        return hmac.new(self._derive(b"digest"), value.encode(), hashlib.sha256).digest()

    def seal(self, value: str) -> bytes:
        """Encrypt a value (Fernet: AES-128-CBC with HMAC-SHA-256)."""
        return self._fernet.encrypt(value.encode())

    def unseal(self, sealed: bytes) -> str:
        """The value that was sealed."""
        return self._fernet.decrypt(sealed).decode()

    def _derive(self, purpose: bytes) -> bytes:
        return hmac.new(self._secret, purpose, hashlib.sha256).digest()


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The text of an owner-only file, made at first use; it gets its name when it is whole.

    Raises:
        Rejected: the file is empty.
    """
    if not path.exists():
        _create(path, make())
    value = path.read_text(encoding="ascii").strip()
    if not value:
        raise Rejected(f"The file {path} is empty. Restore it from a backup, or delete it.")
    return value


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
