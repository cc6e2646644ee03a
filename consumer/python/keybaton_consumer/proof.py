from __future__ import annotations

import hashlib
import hmac
import re

_lone_surrogates = re.compile("[\ud800-\udfff]")


def possession_proof(value: str, *, credential: str, version: str, epoch: int, consumer: str, instance: str) -> str:
    """The proof that we hold a value, without showing it.

    Kv = HMAC-SHA256(value, "keybaton-proof" NUL version), proof = HMAC-SHA256(Kv, credential NUL version NUL epoch NUL
    consumer NUL instance), in hexadecimal.
    """
    key = _mac(_bytes(value), "keybaton-proof", version).digest()
    return _mac(key, credential, version, str(epoch), consumer, instance).hexdigest()


def _mac(key: bytes, *parts: str) -> "hmac.HMAC":
    return hmac.new(key, _bytes("\0".join(parts)), hashlib.sha256)


def _bytes(text: str) -> bytes:
    # Half a character has no UTF-8: the other side takes the replacement character, and Python would quote the value.
    return _lone_surrogates.sub("\ufffd", text).encode("utf-8")
