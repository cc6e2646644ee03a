from __future__ import annotations

import hmac
import secrets
import string
import threading
import time
from typing import Any, Mapping, NamedTuple, Optional

from ..hidden import Hidden
from ..proof import possession_proof
from ..secret import Fields


class Refusal(Exception):
    """What the API answers instead: a status and a code of keybaton's error table."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail


class Version:
    """One generation of the credential. `value` is what proofs are made from."""

    def __init__(self, fields: Mapping[str, str], value_field: str) -> None:
        self.version = "kb" + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(30))
        self.fields = Fields(fields)
        self.value_field = value_field
        #: The newest epoch that names it; 0 before it was ever decided.
        self.epoch = 0
        self.compromised = False

    @property
    def value(self) -> str:
        return self.fields[self.value_field]

    def __repr__(self) -> str:
        return f"[{self.version} of epoch {self.epoch}]"


class Missing(NamedTuple):
    consumer: str
    instance: Optional[str]
    #: `no instance`, `not proved` or `withdrawn`.
    why: str


class Report(NamedTuple):
    consumer: str
    instance: str
    #: `fell-back` or `refused`.
    what: str
    version: str
    epoch: int


class _Instance:
    def __init__(self, boot: str) -> None:
        self.boot = boot
        self.until = 0.0
        self.left = False


class Standing:
    """What keybaton knows of one credential, and its judgement of proofs. Safe for any number of threads."""

    def __init__(self, credential: str, consumers: "tuple[str, ...]") -> None:
        self._credential = credential
        self._consumers = consumers
        #: Notified at every change.
        self.changed = threading.Condition()
        self.epoch = 0
        self._decided: Optional[Version] = None
        self._shown: Optional[tuple[Version, int]] = None
        self._before: Optional[tuple[Version, int]] = None
        self._versions: dict[str, Version] = {}
        self._instances: dict[tuple[str, str], _Instance] = {}
        self._evidence: dict[tuple[int, str, str], bool] = {}
        self._tokens: dict[str, str] = {}
        self.reports: list[Report] = []
        self.reads: list[tuple[str, str]] = []
        self.proofs_refused = 0

    def token(self, consumer: str) -> str:
        if consumer not in self._consumers:
            raise ValueError(f"{consumer} is no consumer of this credential")
        token = "kbc_" + secrets.token_urlsafe(32)
        self._tokens[token] = consumer
        return token

    def consumer_of(self, authorization: str) -> str:
        consumer = self._tokens.get(authorization[len("Bearer ") :]) if authorization.startswith("Bearer ") else None
        if consumer is None:
            raise Refusal(403, "ACCESS_DENIED", "this token is refused for this credential")
        return consumer

    def issue(self, version: Version) -> Version:
        with self.changed:
            self._versions[version.version] = version
            return version

    def decide(self, version: Version) -> int:
        with self.changed:
            self.epoch += 1
            version.epoch = self.epoch
            self._decided = version
            self.changed.notify_all()
            return self.epoch

    def show(self) -> None:
        with self.changed:
            if self._decided is None:
                raise ValueError("no version was decided")
            self._before = self._shown
            self._shown = (self._decided, self.epoch)
            self.changed.notify_all()

    def compromise(self, version: Version) -> None:
        with self.changed:
            version.compromised = True

    def events_of(self) -> "dict[str, Any]":
        return {"epoch": self.epoch, "version": None if self._decided is None else self._decided.version}

    def secret(self, consumer: str, which: str) -> "dict[str, Any]":
        with self.changed:
            shown = self._shown if which == "current" else self._before
            if shown is None or (which == "previous" and shown[0].compromised):
                raise Refusal(404, "NOT_FOUND", f"there is no {which} version")
            version, epoch = shown
            self.reads.append((consumer, version.version))
            return {
                "version": version.version,
                "epoch": epoch,
                "value": version.value_field,
                "fields": Hidden(dict(version.fields)),
            }

    def previous(self) -> "dict[str, Any]":
        with self.changed:
            before = self._before
            if before is None or before[0].compromised:
                raise Refusal(404, "NOT_FOUND", "there is no previous version to fall back to")
            return {"version": before[0].version, "epoch": before[1]}

    def beat(self, consumer: str, name: str, boot: str, lease: int) -> "dict[str, Any]":
        with self.changed:
            known = self._instances.get((consumer, name))
            if known is None or known.boot != boot:
                if known is not None and not known.left and known.until > time.monotonic():
                    raise Refusal(409, "CONFLICT", f"{consumer}/{name} is still beating under another boot")
                known = self._instances[(consumer, name)] = _Instance(boot)
            known.left = False
            known.until = time.monotonic() + lease / 1000
            self.changed.notify_all()
            return {"leaseUntil": round(time.time() * 1000) + lease}

    def leave(self, consumer: str, name: str) -> None:
        with self.changed:
            known = self._instances.get((consumer, name))
            if known is None:
                raise Refusal(404, "NOT_FOUND", f"no instance {consumer}/{name} ever registered")
            known.left = True
            self.changed.notify_all()

    def prove(self, consumer: str, body: "dict[str, Any]") -> "dict[str, Any]":
        with self.changed:
            name, version, epoch = body["instance"], body["version"], body["epoch"]
            if epoch != self.epoch or self._decided is None:
                raise Refusal(409, "CONFLICT", "this epoch is not the newest")
            wanted = possession_proof(
                self._decided.value,
                credential=self._credential,
                version=self._decided.version,
                epoch=epoch,
                consumer=consumer,
                instance=name,
            )
            if version != self._decided.version or not hmac.compare_digest(wanted, str(body["proof"])):
                self.proofs_refused += 1
                raise Refusal(422, "VERIFICATION_FAILED", "the proof is not one for this version and instance")
            self._check_boot(consumer, name, body["boot"])
            self._evidence[(epoch, consumer, name)] = True
            self.changed.notify_all()
            return {"version": version, "epoch": epoch, "missing": len(self.missing())}

    def report(self, consumer: str, body: "dict[str, Any]") -> "dict[str, Any]":
        with self.changed:
            self._check_boot(consumer, body["instance"], body["boot"])
            said = Report(consumer, body["instance"], body["what"], body["version"], body["epoch"])
            self.reports.append(said)
            self._evidence[(said.epoch, consumer, said.instance)] = False
            self.changed.notify_all()
            return {"what": said.what, "version": said.version, "epoch": said.epoch}

    def instances(self) -> "list[tuple[str, str]]":
        with self.changed:
            return [name for name, one in self._instances.items() if not one.left]

    def missing(self) -> "list[Missing]":
        """What a rotation still waits for before the version before may die."""
        with self.changed:
            missing = []
            for consumer in self._consumers:
                registered = [name for (whose, name) in self._instances if whose == consumer]
                if not registered:
                    missing.append(Missing(consumer, None, "no instance"))
                for name in registered:
                    proved = self._evidence.get((self.epoch, consumer, name))
                    if proved or self._instances[(consumer, name)].left:
                        continue
                    missing.append(Missing(consumer, name, "not proved" if proved is None else "withdrawn"))
            return missing

    def _check_boot(self, consumer: str, name: str, boot: str) -> None:
        known = self._instances.get((consumer, name))
        if known is None or known.left or known.boot != boot:
            raise Refusal(409, "CONFLICT", "this start of the instance is not registered: register it first")
