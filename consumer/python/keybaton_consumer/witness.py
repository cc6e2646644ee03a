from __future__ import annotations

import threading
import time
from typing import Optional

from .held import Held
from .hidden import Hidden
from .outbox import Letter, Outbox, wait_for
from .proof import possession_proof

#: A report is waited for so many seconds before the work goes on; it is sent until acknowledged all the same.
_report_wait = 2.0
#: A proof that was refused is made again no sooner than this: the next one would most likely be the same.
_refused_proof_wait = 30.0


class Witness:
    """Remembers what was said about which epoch, so that each thing is said once, and again when it changes."""

    def __init__(self, outbox: Outbox, credential: str, consumer: str, instance: str, boot: str) -> None:
        self._outbox = outbox
        self._who = {"credential": credential, "consumer": consumer, "instance": instance}
        self._boot = boot
        self._lock = threading.Lock()
        self._proved = 0
        self._held_off = (0, 0.0)
        self._reported: Optional[tuple[str, Letter, float]] = None

    def used(self, held: Held) -> None:
        """This version was used with success: proved once per epoch, by itself."""
        epoch = held.secret.epoch
        # Nearly every use ends here, without waiting for anybody.
        if epoch <= self._proved or held.value.reveal() is None:
            return
        with self._lock:
            held_off_epoch, until = self._held_off
            if epoch <= self._proved or (epoch == held_off_epoch and time.monotonic() < until):
                return
            self._proved = epoch
            self._reported = None
            self._outbox.send(Letter("/proofs", epoch, self._proof_of(held), lambda good: self._settled(epoch, good)))

    def fell_back(self, held: Held, before: Held) -> None:
        """We live on `before` while `held` is current. Returns once it is acknowledged, or after a short time."""
        self._report("fell-back", held.secret.epoch, before.secret.version)

    def refused(self, held: Held) -> None:
        """`held` is current and refused, and there is nothing to fall back to."""
        self._report("refused", held.secret.epoch, held.secret.version)

    def _proof_of(self, held: Held) -> Hidden:
        version, epoch = held.secret.version, held.secret.epoch
        proof = Hidden(possession_proof(held.value.reveal(), version=version, epoch=epoch, **self._who))
        return Hidden({**self._about(version, epoch), "proof": proof.reveal()})

    def _about(self, version: str, epoch: int) -> dict[str, object]:
        return {"version": version, "epoch": epoch, "instance": self._who["instance"], "boot": self._boot}

    def _settled(self, epoch: int, acknowledged: bool) -> None:
        with self._lock:
            if acknowledged or self._proved != epoch:
                return
            self._proved = 0
            self._held_off = (epoch, time.monotonic() + _refused_proof_wait)

    def _report(self, what: str, epoch: int, version: str) -> None:
        said = f"{what}/{epoch}/{version}"
        with self._lock:
            if self._reported is None or self._reported[0] != said:
                letter = Letter("/reports", epoch, Hidden({"what": what, **self._about(version, epoch)}))
                self._reported = (said, letter, time.monotonic() + _report_wait)
                # The report withdraws the evidence of this epoch: a later success has to be proved anew.
                self._proved = 0
                self._outbox.send(letter)
            _, letter, until = self._reported
        # Whoever says the same meanwhile waits for the same acknowledgement.
        wait_for(letter, until)
