from __future__ import annotations

import json
import os
import time
from typing import Any, Callable, Mapping, Optional

from ..hidden import Hidden
from ..problem import ConsumerProblem
from ..secret import Fields
from ..source import Source, parsed, stored_from
from ..store_client import StoreAnswer, StoreClient
from .aws_credentials import FindCredentials, domain_of
from .aws_signature import AwsCredentials, signed

#: What AWS calls errors: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
_codes = {
    "ResourceNotFoundException": "NOT_FOUND",
    "AccessDeniedException": "ACCESS_DENIED",
    "UnrecognizedClientException": "ACCESS_DENIED",
    "InvalidSignatureException": "ACCESS_DENIED",
    "ExpiredTokenException": "ACCESS_DENIED",
    "ThrottlingException": "RATE_LIMITED",
}


class AwsSecretsManager(Source):
    """AWS Secrets Manager: `secretsmanager:GetSecretValue` on the entry's secret is all it needs.

    secret_id    the name or ARN of the entry's secret
    region       `AWS_REGION` or `AWS_DEFAULT_REGION`, unless told
    credentials  asked at each reading; by default keys of the environment, a web identity, or the container's endpoint
    endpoint     for private endpoints and tests, as `sts_endpoint`
    """

    def __init__(
        self,
        secret_id: str,
        *,
        region: Optional[str] = None,
        credentials: Optional[Callable[[], AwsCredentials]] = None,
        endpoint: Optional[str] = None,
        sts_endpoint: Optional[str] = None,
        ssl_context: Optional[Any] = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        told = region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        if not told:
            raise ConsumerProblem("INVALID_CONFIG", "no AWS region: pass it or set AWS_REGION")
        self._region = told
        self._secret_id = secret_id
        self.name = f"AWS Secrets Manager at {secret_id}"
        address = endpoint or f"https://secretsmanager.{told}.{domain_of(told)}"
        self._client = StoreClient(address, self.name, ssl_context)
        self._given = credentials
        self._found = FindCredentials(told, environment, sts_endpoint)

    def current(self, timeout: float) -> Fields:
        return self._read("AWSCURRENT", timeout)

    def before(self, version: str, timeout: float) -> Fields:
        stored = self._read("AWSPREVIOUS", timeout)
        if stored.get("keybaton_version") == version:
            return stored
        raise ConsumerProblem("NOT_FOUND", f"{self.name} does not show the earlier version any more")

    def cut(self) -> None:
        self._client.cut()

    def _read(self, label: str, timeout: float) -> Fields:
        body = Hidden(json.dumps({"SecretId": self._secret_id, "VersionStage": label}).encode("utf-8"))
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.GetSecretValue"}
        sent = signed(
            "POST",
            self._client.host_header,
            "/",
            headers,
            body,
            region=self._region,
            service="secretsmanager",
            credentials=self._found(timeout) if self._given is None else self._given(),
            at=time.time(),
        )
        answer = self._client.call("POST", "/", sent, timeout, body)
        if answer.status != 200:
            raise self._failure(answer)
        told = parsed(answer.content)
        text = Hidden(told.reveal().get("SecretString") if isinstance(told.reveal(), dict) else None)
        stored = stored_from(parsed(text))
        if stored is None:
            raise ConsumerProblem("INVALID_CONFIG", f"{self.name} holds no JSON object")
        return stored

    def _failure(self, answer: StoreAnswer) -> ConsumerProblem:
        told = stored_from(parsed(answer.content)) or Fields({})
        kind = told.get("__type", "").rpartition("#")[2]
        code = _codes.get(kind)
        if code is None or answer.status >= 500:
            return self._client.refusal(answer)
        return ConsumerProblem(code, f"{self.name} answered {kind}", answer.status, answer.retry_after)
