from __future__ import annotations

_not_permitted = ("28P01", "28000")
_libpq = ("psycopg", "psycopg2")
_libpq_says = ("password authentication failed", "is not permitted to log in")


def is_refused(error: BaseException) -> bool:
    """Did the provider refuse the credential itself?

    HTTP 401, as the errors of urllib, requests, httpx, aiohttp and the SDKs built on them tell it; PostgreSQL's invalid
    password (28P01) and login not permitted (28000), SQLAlchemy's wrapping looked through. Not 403 or 429: those come
    with a good credential. Pass `is_refused` to `connect` for other clients.
    """
    for one in (error, getattr(error, "orig", None)):
        if one is not None and _tells(one):
            return True
    return False


def _tells(error: object) -> bool:
    response = getattr(error, "response", None)
    for holder in (error, response):
        if 401 in (getattr(holder, name, None) for name in ("status", "status_code", "code")):
            return True
    if any(getattr(error, name, None) in _not_permitted for name in ("sqlstate", "pgcode", "code")):
        return True
    # libpq gives no code when a connection does not come about: there is only the server's message.
    if type(error).__module__.split(".")[0] not in _libpq:
        return False
    return any(words in str(error) for words in _libpq_says)
