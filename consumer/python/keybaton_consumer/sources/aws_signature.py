from __future__ import annotations

import datetime
import hashlib
import hmac
from typing import Mapping, Optional

from ..hidden import Hidden

_algorithm = "AWS4-HMAC-SHA256"


class AwsCredentials:
    """`expires_at` in seconds since the epoch; None: they do not end."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token", "expires_at")

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        session_token: Optional[str] = None,
        expires_at: Optional[float] = None,
    ) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = Hidden(secret_access_key)
        self.session_token = Hidden(session_token)
        self.expires_at = expires_at

    def __repr__(self) -> str:
        return f"[credentials {self.access_key_id}]"


def signed(
    method: str,
    host: str,
    path: str,
    headers: Mapping[str, str],
    body: Hidden,
    *,
    region: str,
    service: str,
    credentials: AwsCredentials,
    at: float,
) -> Hidden:
    """The headers to send, with AWS Signature Version 4 among them; `body` hides bytes, `at` is seconds since the epoch.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    The path is signed as it stands, without a query: the APIs that are called here need no more.
    """
    time = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    sent = Hidden({name.lower(): value.strip() for name, value in headers.items()})
    sent.reveal().update({"host": host, "x-amz-date": time})
    if credentials.session_token.reveal() is not None:
        sent.reveal()["x-amz-security-token"] = credentials.session_token.reveal()
    names = sorted(sent.reveal())
    listed = ";".join(names)
    lines = Hidden("".join(f"{name}:{sent.reveal()[name]}\n" for name in names))
    canonical = Hidden("\n".join([method, path, "", lines.reveal(), listed, _sha256(body.reveal())]))
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join([_algorithm, time, scope, _sha256(canonical.reveal().encode("utf-8"))])
    key = Hidden(b"AWS4" + credentials.secret_access_key.reveal().encode("utf-8"))
    for part in scope.split("/"):
        key = Hidden(_hmac(key, part))
    signature = _hmac(key, to_sign).hex()
    sent.reveal()["authorization"] = (
        f"{_algorithm} Credential={credentials.access_key_id}/{scope}, SignedHeaders={listed}, Signature={signature}"
    )
    return sent


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _hmac(key: Hidden, text: str) -> bytes:
    return hmac.new(key.reveal(), text.encode("utf-8"), hashlib.sha256).digest()
