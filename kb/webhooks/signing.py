"""Signatures as receivers know them.

Source:
    Standard Webhooks 1.0.0, github.com/standard-webhooks/standard-webhooks/blob/main/spec
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable


def signature_headers(
    secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """What says that a message is ours, and when it was sent: good by any of the secrets.

    Args:
        secrets: each `whsec_` and Base64.
        timestamp: seconds since the epoch, of this try.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
