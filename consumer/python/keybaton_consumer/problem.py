from __future__ import annotations

from typing import Optional


class ConsumerProblem(Exception):
    """What this package raises: never a secret, a proof or a token in it.

    `code` is one of keybaton's (`CONFLICT`, ...), or `NO_ANSWER`, `CLOSED`. `status` is the HTTP status, 0 when nothing
    answered. `retry_after` is how many seconds the API asked us to wait.
    """

    def __init__(self, code: str, message: str, status: int = 0, retry_after: Optional[float] = None) -> None:
        super().__init__(code, message, status, retry_after)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message

    def again(self) -> "ConsumerProblem":
        """The same to raise in another thread: a traceback belongs to one."""
        return ConsumerProblem(self.code, self.message, self.status, self.retry_after)


def closed() -> ConsumerProblem:
    return ConsumerProblem("CLOSED", "this connection is closed")


def is_final(problem: object) -> bool:
    """The API knows our question and will give the same answer again: asking again helps nobody."""
    return isinstance(problem, ConsumerProblem) and problem.status in (400, 409, 413, 422, 501)


def retry_after_of(problem: object) -> float:
    return (problem.retry_after or 0.0) if isinstance(problem, ConsumerProblem) else 0.0
