from __future__ import annotations

from typing import Callable, Mapping, Optional, Union

from .hidden import Hidden
from .problem import ConsumerProblem
from .secret import Fields, Secret

#: The field that proofs are made from: its name, or a function where a field holds more than the value.
ProofValue = Union[str, Callable[[Mapping[str, str]], str]]


class Held:
    """A version as we hold it: the secret, and the value that proofs are made from.

    The value hides None where nobody said which of several fields it is: then nothing is proved.
    """

    __slots__ = ("secret", "value")

    def __init__(self, secret: Secret, value: Hidden) -> None:
        self.secret = secret
        self.value = value

    def __repr__(self) -> str:
        return repr(self.secret)


def read_held(answer: Hidden, proof_value: Optional[ProofValue]) -> Held:
    """What the secret route answered. The frames that an error leaves from here hold no value."""
    secret = _secret_of(answer)
    if secret is not None:
        value = _value_of(answer, secret.fields, proof_value)
        if value.reveal() is not None:
            return Held(secret, value)
    raise ConsumerProblem("NO_ANSWER", "keybaton answered something that is not a secret")


def _secret_of(answer: Hidden) -> Optional[Secret]:
    told = answer.reveal()
    if not isinstance(told, dict) or not isinstance(told.get("fields"), dict):
        return None
    if not isinstance(told.get("version"), str) or not isinstance(told.get("epoch"), int):
        return None
    texts = {name: text for name, text in told["fields"].items() if isinstance(text, str)}
    return Secret(texts, told["version"], told["epoch"])


def _value_of(answer: Hidden, fields: Fields, proof_value: Optional[ProofValue]) -> Hidden:
    if callable(proof_value):
        return Hidden(proof_value(fields))
    return Hidden(fields.get(answer.reveal().get("value") if proof_value is None else proof_value))
