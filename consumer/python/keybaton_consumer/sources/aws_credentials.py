from __future__ import annotations

import datetime
import re
import threading
import time
from typing import Any, Mapping, Optional
from urllib.parse import urlencode, urlsplit

from ..hidden import Hidden
from ..problem import ConsumerProblem
from ..source import parsed
from ..store_client import StoreClient, read_token_file
from .aws_signature import AwsCredentials

#: Seconds before their end at which other ones are asked for.
_early = 300.0
#: Where containers may be answered over plain HTTP:
#: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
_link_local = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "127.0.0.1", "localhost", "::1")


class FindCredentials:
    """Credentials of this process, in the order in which AWS's own SDKs look.

    Keys in the environment, a web identity (IRSA), the container's endpoint (EKS Pod Identity, ECS). Asked for again shortly
    before they end, once for however many threads. INVALID_CONFIG when nothing is there; the metadata service of EC2 is not
    asked.
    """

    def __init__(self, region: str, environment: Mapping[str, str], sts_endpoint: Optional[str] = None) -> None:
        self._region = region
        self._environment = environment
        self._sts_endpoint = sts_endpoint or f"https://sts.{region}.{domain_of(region)}"
        self._lock = threading.Lock()
        self._held: Optional[AwsCredentials] = None

    def __call__(self, timeout: float) -> AwsCredentials:
        with self._lock:
            before = self._held
            if before is not None and (before.expires_at is None or time.time() < before.expires_at - _early):
                return before
            try:
                self._held = self._ask(timeout)
            except ConsumerProblem:
                if before is None or before.expires_at is None or time.time() >= before.expires_at:
                    raise
                return before
            return self._held

    def _ask(self, timeout: float) -> AwsCredentials:
        told = self._environment.get
        if told("AWS_ACCESS_KEY_ID") and told("AWS_SECRET_ACCESS_KEY"):
            return AwsCredentials(
                self._environment["AWS_ACCESS_KEY_ID"],
                self._environment["AWS_SECRET_ACCESS_KEY"],
                told("AWS_SESSION_TOKEN") or None,
            )
        file, role = told("AWS_WEB_IDENTITY_TOKEN_FILE"), told("AWS_ROLE_ARN")
        if file and role:
            return self._ask_sts(file, role, timeout)
        relative, full = told("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), told("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if relative:
            return self._ask_container(f"http://169.254.170.2{relative}", timeout)
        if full:
            return self._ask_container(full, timeout)
        raise ConsumerProblem(
            "INVALID_CONFIG",
            "no AWS credentials: neither keys in the environment, nor a web identity, nor a container endpoint; "
            "pass `credentials`",
        )

    def _ask_sts(self, file: str, role: str, timeout: float) -> AwsCredentials:
        """Not signed: the token of the service account is the proof."""
        client = StoreClient(self._sts_endpoint, "AWS STS")
        body = Hidden(
            urlencode(
                {
                    "Action": "AssumeRoleWithWebIdentity",
                    "Version": "2011-06-15",
                    "RoleArn": role,
                    "RoleSessionName": self._environment.get("AWS_ROLE_SESSION_NAME") or f"keybaton-{time.time_ns()}",
                    "WebIdentityToken": read_token_file(file).reveal(),
                }
            ).encode("ascii")
        )
        headers = Hidden({"content-type": "application/x-www-form-urlencoded"})
        answer = client.call("POST", "/", headers, timeout, body)
        if answer.status != 200:
            raise client.refusal(answer, "does the role trust this web identity?")
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        return _credentials_from(client, Hidden({name: _element(answer.content, name) for name in names}), names)

    def _ask_container(self, address: str, timeout: float) -> AwsCredentials:
        parts = urlsplit(address)
        name = "the container's credential endpoint"
        if parts.scheme != "https" and parts.hostname not in _link_local:
            raise ConsumerProblem("INVALID_CONFIG", f"{name} is at a host that AWS does not use over plain HTTP")
        client = StoreClient(f"{parts.scheme}://{parts.netloc}", name)
        file = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        given = self._environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN") or None
        token = read_token_file(file) if file else Hidden(given)
        headers = Hidden({} if token.reveal() is None else {"authorization": token.reveal()})
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        answer = client.call("GET", path, headers, timeout)
        if answer.status != 200:
            raise client.refusal(answer)
        return _credentials_from(
            client, parsed(answer.content), ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
        )


def _element(xml: Hidden, name: str) -> Any:
    found = re.search(f"<{name}>([^<]+)</{name}>", xml.reveal().decode("utf-8", "replace"))
    return None if found is None else found.group(1)


def _credentials_from(client: StoreClient, told: Hidden, names: "tuple[str, str, str, str]") -> AwsCredentials:
    if isinstance(told.reveal(), dict) and all(isinstance(told.reveal().get(name), str) for name in names):
        ends = _seconds(told.reveal()[names[3]])
        if ends is not None:
            key_id, secret, session = (Hidden(told.reveal()[name]) for name in names[:3])
            return AwsCredentials(key_id.reveal(), secret.reveal(), session.reveal(), ends)
    raise ConsumerProblem("NO_ANSWER", f"{client.name} answered something that is no credentials")


def _seconds(time_said: str) -> Optional[float]:
    plain = re.sub(r"(\.\d+)?Z$", "+00:00", time_said)
    try:
        return datetime.datetime.fromisoformat(plain).timestamp()
    except ValueError:
        return None


def domain_of(region: str) -> str:
    """China is a partition with a domain of its own."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
