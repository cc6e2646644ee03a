from __future__ import annotations

import json
import threading
from typing import Callable, Mapping, Optional

from .held import Held, ProofValue
from .hidden import Hidden
from .problem import ConsumerProblem
from .secret import Fields, Secret

_version_field = "keybaton_version"
_epoch_field = "keybaton_epoch"
#: Where a template renders our fields the value may lie beside them under this name.
_value_field = "keybaton_value"
_marks = (_version_field, _epoch_field, _value_field)


class Source:
    """A store that keybaton promotes versions into, as a consumer reads it.

    What is read are our fields, those of others, and `keybaton_version` and `keybaton_epoch` beside them. Errors carry no
    value; a `ConsumerProblem` is told as it is, anything else as NO_ANSWER. `Fields` keep what is read from being printed.
    """

    #: For messages: where it reads, no secret.
    name: str

    def current(self, timeout: float) -> Mapping[str, str]:
        """What the store calls current, within so many seconds."""
        raise NotImplementedError

    def before(self, version: str, timeout: float) -> Mapping[str, str]:
        """What carried this `keybaton_version` before, where the store still shows it. NOT_FOUND otherwise."""
        raise ConsumerProblem("NOT_FOUND", f"{self.name} shows no earlier version")

    def watch(self, changed: Callable[[], None], stop: threading.Event) -> None:
        """Calls back when the store may hold something else, until `stop` is set; for those that can tell."""

    def cut(self) -> None:
        """Ends every reading under way, and lets none begin."""


def held_from(stored: Mapping[str, str], name: str, proof_value: Optional[ProofValue]) -> Held:
    """INVALID_CONFIG when keybaton promoted nothing there. `name` is that of the source."""
    version, epoch = stored.get(_version_field), stored.get(_epoch_field, "")
    if not version or not epoch.isdecimal() or not 1 <= int(epoch[:16]) <= 2**53:
        raise ConsumerProblem(
            "INVALID_CONFIG",
            f"{name} has no {_version_field} and {_epoch_field} beside its fields: nothing was promoted there, "
            "or what copies it leaves them out",
        )
    secret = Secret({field: stored[field] for field in stored if field not in _marks}, version, int(epoch))
    return Held(secret, _value_of(stored, secret.fields, proof_value))


def _value_of(stored: Mapping[str, str], fields: Fields, proof_value: Optional[ProofValue]) -> Hidden:
    if callable(proof_value):
        return Hidden(proof_value(fields))
    if proof_value is not None:
        return Hidden(fields.get(proof_value))
    if _value_field in stored or len(fields) != 1:
        return Hidden(stored.get(_value_field))
    return Hidden(next(iter(fields.values())))


def stored_from(read: Hidden) -> Optional[Fields]:
    """The texts of an object; numbers and truth values as text. None when it is no object."""
    if not isinstance(read.reveal(), dict):
        return None
    return Fields({name: as_text for name, as_text in map(_texts, read.reveal().items()) if as_text is not None})


def _texts(item: "tuple[str, object]") -> "tuple[str, Optional[str]]":
    name, what = item
    if isinstance(what, bool):
        return name, str(what).lower()
    return name, str(what) if isinstance(what, (str, int, float)) else None


def parsed(text: Hidden) -> Hidden:
    """None in it when it is no JSON. The parser's error quotes what it was given, so it goes no further."""
    try:
        return Hidden(json.loads(text.reveal()))
    except Exception:
        return Hidden(None)
