from __future__ import annotations

import threading
import uuid
from typing import Callable, List, Optional, Union

from .api import Api
from .follow import Follower
from .held import Held
from .keeper import Keeper
from .lease import Lease
from .outbox import Letter, Outbox
from .witness import Witness


class Tells:
    """What keybaton is told of this instance, and tells it: lease, proofs, reports, new epochs."""

    def __init__(
        self,
        api: Api,
        stop: threading.Event,
        credential: str,
        consumer: str,
        instance: str,
        *,
        lease: float,
        follow: bool,
        keeper: Keeper,
        tell: Callable[[BaseException], None],
    ) -> None:
        self._api = api
        self._keeper = keeper
        self._tell = tell
        boot = str(uuid.uuid4())
        self._lease = Lease(api, instance, boot, lease, tell)
        self._outbox = Outbox(api, stop, self._still_counts, tell)
        self.witness = Witness(self._outbox, credential, consumer, instance, boot)
        self._follower = Follower(api, stop, keeper.seen, keeper.told) if follow else None

    def wait_until_registered(self) -> None:
        # One try is one call; a secret is not waited for longer than that.
        self._lease.tried.wait(self._api.timeout)

    def leave(self, within: float) -> None:
        self._outbox.drained(within)
        # From here on nothing of ours may register again.
        self._lease.stop()
        self._lease.thread.join(self._api.timeout)
        self._lease.leave()

    def stop(self) -> None:
        self._lease.stop()
        self._outbox.stop()
        self._api.cut()

    @property
    def threads(self) -> "List[Optional[threading.Thread]]":
        following = self._follower.thread if self._follower is not None else None
        return [self._lease.thread, self._outbox.thread, following]

    def _still_counts(self, letter: Letter) -> bool:
        try:
            self._lease.renew()
        except Exception as error:
            self._tell(error)
        newest = letter.epoch
        try:
            newest = self._keeper.refetch().secret.epoch
        except Exception as error:
            self._tell(error)
        return max(newest, self._keeper.seen()) <= letter.epoch


class NoWitness:
    """Without an address of keybaton's nothing is proved or reported."""

    def used(self, held: Held) -> None:
        pass

    def fell_back(self, held: Held, before: Held) -> None:
        pass

    def refused(self, held: Held) -> None:
        pass


AnyWitness = Union[Witness, NoWitness]
