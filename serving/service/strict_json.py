"""JSON that means one thing only: no NaN, no field twice, nothing too deep, nothing that overflows.

The value that was refused is never in the message: it may be personal.
"""

import json
import re
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from serving.service.problems import Refused

#: Lists and objects in each other.
DEEPEST = 16
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_MARKS = re.compile(rb"[\[\]{}]")
Message = TypeVar("Message", bound=BaseModel)


def read_message(body: bytes, kind: type[Message]) -> Message:
    """Read a body as a message.

    Raises
    ------
    Refused : 422; the message names the field and what belongs there.
    """
    _require_shallow(body)
    try:
        json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        return kind.model_validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(_plain(part) for part in first["loc"]) or "the body"
        raise _refused(f"field {place}", _words(first["msg"]), "see /openapi.json") from None
    except UnicodeError:
        raise _refused("the body", "it is no valid UTF-8", "JSON in UTF-8") from None
    except (ValueError, RecursionError):
        raise _refused("the body", "it is no JSON", "one JSON object") from None


def _plain(part: int | str) -> str:
    """Name a field; a name that the caller made up is not repeated."""
    text = str(part)
    return text if len(text) <= 40 and text.replace("_", "").isalnum() and text.isascii() else "?"  # noqa: PLR2004 - longest name there is


def _words(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")


def _require_shallow(body: bytes) -> None:
    """Refuse deep nesting before anything is parsed; what stands in texts does not count."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return
    deep = 0
    for found in _MARKS.finditer(_TEXTS.sub(b"", body)):
        deep += 1 if found[0] in b"[{" else -1
        if deep > DEEPEST:
            raise _refused("the body", "it is nested too deeply", f"at most {DEEPEST} levels")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("the body", "a field stands in it twice", "each field once")
    for name in found:
        name.encode("utf-8")  # half a surrogate pair is no text
    return found


def _no_number(_: str) -> NoReturn:
    raise _refused("the body", "NaN and Infinity are no JSON", "finite numbers")


def _finite(text: str) -> float:
    found = float(text)
    if found in (float("inf"), float("-inf")):
        raise _refused("the body", "a number is too large", "finite numbers")
    return found


def _refused(where: str, problem: str, expected: str) -> Refused:
    return Refused(422, where, problem, expected, "correct the request; nothing was done")
