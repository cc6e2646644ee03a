from __future__ import annotations

from typing import Any, Optional
from urllib.parse import quote

from ..hidden import Hidden
from ..problem import ConsumerProblem
from ..secret import Fields
from ..source import Source, parsed, stored_from
from ..store_client import StoreClient, merged
from .vault_login import Session, VaultAuth

#: KV versions looked through for an earlier one; hands may have written between.
_versions_back = 8


class Vault(Source):
    """HashiCorp Vault or OpenBao, KV version 2. `read` on the data path is all it needs.

    address    `https://vault.example.com:8200`: a node that answers itself or forwards; redirects are not followed
    path       the path of the entry, as the inventory has it
    auth       `by_token`, `by_token_file`, `by_kubernetes` or `by_jwt` of `keybaton_consumer.sources.vault_login`
    mount      where KV version 2 is mounted
    """

    def __init__(
        self,
        address: str,
        path: str,
        *,
        auth: VaultAuth,
        mount: str = "secret",
        namespace: Optional[str] = None,
        ssl_context: Optional[Any] = None,
    ) -> None:
        self.name = f"{address.rstrip('/')} at {mount}/{path}"
        self._client = StoreClient(address, self.name, ssl_context)
        self._path = f"/v1/{quote(mount)}/data/{quote(path)}"
        common = {"x-vault-request": "true"}
        if namespace is not None:
            common["x-vault-namespace"] = namespace
        self._common = Hidden(common)
        self._session = Session(self._client, auth, self._common)

    def current(self, timeout: float) -> Fields:
        return self._ask(None, timeout)[0]

    def before(self, version: str, timeout: float) -> Fields:
        _, number = self._ask(None, timeout)
        for back in range(1, _versions_back + 1):
            if number - back < 1:
                break
            try:
                older, _ = self._ask(number - back, timeout)
            except ConsumerProblem as problem:
                # Destroyed or dropped: one before it may still be there.
                if problem.code == "NOT_FOUND":
                    continue
                raise
            if older.get("keybaton_version") == version:
                return older
        raise ConsumerProblem("NOT_FOUND", f"{self.name} does not show the earlier version any more")

    def cut(self) -> None:
        self._client.cut()

    def _ask(self, number: Optional[int], timeout: float) -> "tuple[Fields, int]":
        try:
            return self._get(number, timeout)
        except ConsumerProblem as problem:
            # A token may be ended before its time; once, since a policy may refuse us for good.
            if problem.code != "ACCESS_DENIED" or not self._session.forget():
                raise
        return self._get(number, timeout)

    def _get(self, number: Optional[int], timeout: float) -> "tuple[Fields, int]":
        path = self._path if number is None else f"{self._path}?version={number}"
        token = self._session.token(timeout)
        headers = Hidden(merged(self._common, {"x-vault-token": token.reveal()}).reveal())
        answer = self._client.call("GET", path, headers, timeout)
        if answer.status != 200:
            raise self._client.refusal(answer)
        inner = Hidden(_part(parsed(answer.content), "data"))
        stored, about = stored_from(Hidden(_part(inner, "data"))), _part(inner, "metadata")
        version = about.get("version") if isinstance(about, dict) else None
        if stored is None or not isinstance(version, int):
            raise ConsumerProblem("INVALID_CONFIG", f"{self.name} answered something that is not of KV version 2")
        return stored, version


def _part(whole: Hidden, name: str) -> Any:
    return whole.reveal().get(name) if isinstance(whole.reveal(), dict) else None
