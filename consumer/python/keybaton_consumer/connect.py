from __future__ import annotations

from typing import Any, Callable, Optional

from .api import Api, Token
from .connection import Connection, OnChange, OnProblem
from .held import ProofValue
from .problem import ConsumerProblem
from .refused import is_refused as is_refused_by_default
from .source import Source


def connect(
    url: Optional[str],
    token: Optional[Token],
    credential: str,
    consumer: str,
    instance: str,
    *,
    source: Optional[Source] = None,
    on_change: Optional[OnChange] = None,
    on_problem: Optional[OnProblem] = None,
    is_refused: Callable[[BaseException], bool] = is_refused_by_default,
    proof_value: Optional[ProofValue] = None,
    lease: float = 60.0,
    follow: bool = True,
    lifetime: float = 300.0,
    max_stale: float = 86_400.0,
    timeout: float = 5.0,
    avoid_refused: float = 5.0,
    ssl_context: Optional[Any] = None,
) -> Connection:
    """Connects one running copy of a consumer to its credential. Begins at once; everything is kept in memory alone.

    url            where keybaton's API listens, e.g. `http://127.0.0.1:7270`; without it and a token (None) a `source` is
                   read and nothing is proved
    token          from `keybaton token make`; a function is asked before each call, so that a token can be replaced
    credential     `provider/environment/application`
    consumer       the consumer's name in the inventory; the token is this consumer's
    instance       the name of this running copy, the same after a restart: a host or pod name
    source         the store where the secret is read, of `keybaton_consumer.sources`; without it, keybaton's embedded vault
    on_change      called with version and epoch when another one is held, the first included
    on_problem     called with what went wrong in the background and is tried again; by default a warning is logged. Code
                   UNPROVED: nothing will be proved at all
    is_refused     does this exception of yours mean that the credential itself was refused?
    proof_value    the field that proofs are made from, or a function where none holds the value alone; with a `source` of
                   one field: that one
    lease          seconds this instance counts as present without a sign of life
    follow         False: no push, nothing in the background; for short jobs. A new version is then noticed after
                   `lifetime`, or by a refusal
    lifetime       seconds for which a reading is good: at about three quarters of them it is made again, and nobody waits
    max_stale      seconds for which a held version is used while what it is read from does not answer
    timeout        seconds for one call to keybaton, or one reading
    avoid_refused  seconds for which a previous version is used before the current one is tried again
    ssl_context    for a certificate authority of your own

    The call-backs run in whichever thread notices; they must not wait for this connection.
    """
    if bool(url) != bool(token):
        missing = "token" if url else "url"
        raise ConsumerProblem("INVALID_CONFIG", f"url and token of keybaton go together: {missing} is missing")
    return Connection(
        Api(url, token, credential, timeout, ssl_context) if url and token else None,
        source,
        credential,
        consumer,
        instance,
        on_change=on_change,
        on_problem=on_problem,
        is_refused=is_refused,
        proof_value=proof_value,
        lease=lease,
        follow=follow,
        lifetime=lifetime,
        max_stale=max_stale,
        timeout=timeout,
        avoid_refused=avoid_refused,
    )
