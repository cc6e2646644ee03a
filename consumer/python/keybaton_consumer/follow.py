from __future__ import annotations

import json
import threading
from typing import Callable

from .api import Api
from .pause import Backoff, jittered
from .problem import retry_after_of

#: No sign of life on a stream for so many seconds: it is dead. The API sends one every 15 s.
_silence = 45.0
_long_poll = 25.0
#: Polls that must succeed before a stream is tried again.
_polls_before_stream = 4


class Follower:
    """Hears of new epochs by server-sent events, or by long polls where something between us breaks streams."""

    def __init__(self, api: Api, stop: threading.Event, seen: Callable[[], int], told: Callable[[int], None]) -> None:
        self._api = api
        self._stop = stop
        self._seen = seen
        #: At each word of the API, whether or not anything changed.
        self._told = told
        self.thread = threading.Thread(target=self._follow, name="keybaton-follow", daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        retry = Backoff(0.2, 10.0)
        polls = 0
        while not self._stop.is_set():
            try:
                if polls > 0:
                    self._poll()
                    retry.reset()
                    polls -= 1
                    continue
                if self._listen():
                    retry.reset()
                else:
                    polls = _polls_before_stream
                self._stop.wait(jittered(0.2))
            except Exception as error:
                # Nothing to tell: whoever needs a secret meanwhile sees for himself that the API is away.
                polls = polls or _polls_before_stream
                self._stop.wait(retry.next(retry_after_of(error)))

    def _poll(self) -> None:
        path = f"/events?wait={round(_long_poll * 1000)}&epoch={self._seen()}"
        self._hear(self._api.ask("GET", path, timeout=_long_poll + self._api.timeout).reveal())

    def _listen(self) -> bool:
        """Was anything heard before the stream ended?"""
        heard = False
        for line in self._api.lines("/events", _silence):
            # Every event of the API has its data on one line.
            if line.startswith("data:"):
                self._hear(json.loads(line[len("data:") :]))
                heard = True
        return heard

    def _hear(self, standing: object) -> None:
        epoch = standing.get("epoch") if isinstance(standing, dict) else None
        if isinstance(epoch, int):
            self._told(epoch)
