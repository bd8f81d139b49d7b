"""Sentences for reason codes: templates as data, one file a language, said column-wise.

A template speaks of a customer when every feature it names is known and its condition holds; the
first one that does is taken. No loop runs over customers.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from features.errors import BadInput
from training.arithmetic import Arithmetic
from training.spoken_numbers import amount, one_decimal, percent, whole, with_word

#: Who reads or hears a reason; `auditor` gets title, numbers and contribution.
AUDIENCES = ("marketing", "agent", "auditor")
#: Keys of the files that are no reason codes: sentences for columns of the user's own, what an
#: auditor reads, and whether a code is in the company's hands.
OWN_COLUMNS = ("VALUE", "UNKNOWN")
SAYINGS = (*OWN_COLUMNS, "AUDITOR", "CHANGEABLE", "FIXED", "UNSAID")
_FOLDER = Path(__file__).parent / "reasons"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A number in a sentence: how it is computed, how written, and its words where it has any."""

    number: Arithmetic
    style: str = ""
    words: tuple[str, ...] = ()

    def written(self, columns: Mapping[str, np.ndarray], currency: str | None) -> pa.Array:
        """Write the number of each row."""
        numbers = self.number(columns)
        if self.words:
            return with_word(numbers, *self.words)
        if self.style == "money":
            return amount(numbers, currency)
        return {"": whole, ".1f": one_decimal, "%": percent}[self.style](numbers)


@dataclass(frozen=True, kw_only=True)
class Template:
    """One sentence: text and slots in turn, and the condition under which it is true."""

    parts: tuple[str | Slot, ...]
    when: Arithmetic | None

    @property
    def needs(self) -> frozenset[str]:
        """Features that must be known."""
        slots = [part.number for part in self.parts if isinstance(part, Slot)]
        return frozenset().union(*(one.names for one in (*slots, self.when) if one))

    def fits(self, columns: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
        """Return True for the rows it may be said of."""
        fits = np.full(rows, self.needs <= columns.keys())
        if not fits.any():
            return fits
        for name in self.needs:
            fits &= np.isfinite(columns[name])
        return fits & self.when(columns) if self.when else fits

    def say(
        self, columns: Mapping[str, np.ndarray], rows: np.ndarray, currency: str | None
    ) -> pa.Array:
        """Write the sentence of each of `rows`."""
        chosen = {name: columns[name][rows] for name in self.needs}
        parts = [
            pa.repeat(part, len(rows)) if isinstance(part, str)
            else part.written(chosen, currency)
            for part in self.parts
        ]  # fmt: skip
        return pc.binary_join_element_wise(*parts, "").cast(pa.string())


def parse_template(text: str, when: str | None = None) -> Template:
    """Read one template.

    Raises
    ------
    ValueError : a slot or the condition cannot be understood.

    Examples
    --------
    >>> once = parse_template("{days|day|days} ago", "days >= 1")
    >>> once.say({"days": np.array([1.0, 12.4])}, np.array([0, 1]), None).to_pylist()
    ['1 day ago', '12 days ago']
    """
    pieces = _PLACEHOLDER.split(text)
    parts: list[str | Slot] = [
        _slot(piece) if place % 2 else piece for place, piece in enumerate(pieces)
    ]
    condition = Arithmetic.parse(when) if when else None
    return Template(parts=tuple(part for part in parts if part != ""), when=condition)


def _slot(text: str) -> Slot:
    number, *words = text.split("|")
    number, _, style = number.partition(":")
    if len(words) not in (0, 2) or style not in ("", ".1f", "%", "money"):
        raise ValueError(f"{{{text}}} is no slot of a sentence")
    return Slot(number=Arithmetic.parse(number), style=style, words=tuple(words))


@cache
def languages() -> tuple[str, ...]:
    """Name the languages there are: one for each file."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def templates(language: str, audience: str = "marketing") -> dict[str, tuple[Template, ...]]:
    """Return the templates of every reason code for an audience that is told sentences."""
    return {
        code: tuple(parse_template(one["text"], one.get("when")) for one in entry[audience])
        for code, entry in _codes(language).items()
    }


def titles(language: str) -> dict[str, str]:
    """Return what every reason code is called."""
    return {code: entry["title"] for code, entry in _codes(language).items()}


def own_column_words(language: str) -> tuple[str, str]:
    """Return the sentences for a user's own column: with a value, and without."""
    value, unknown = (_file(language)[key] for key in OWN_COLUMNS)
    return value, unknown


def auditor_words(language: str) -> str:
    """Return what an auditor reads: {title}, {code}, {contribution} and {values}."""
    return str(_file(language)["AUDITOR"])


@cache
def changeable_codes() -> frozenset[str]:
    """Return the codes that speak of what the company itself does for a customer."""
    path = Path(__file__).parent / "changeable_codes.yaml"
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    return frozenset(code for code, can_change in said.items() if can_change)


def changeable_words(code: str, language: str) -> str:
    """Say whether the company can change what a code speaks of; not what that would do.

    Of the user's own columns nobody here knows.
    """
    known = "CHANGEABLE" if code in changeable_codes() else "FIXED"
    return str(_file(language)[known if code in titles(language) else "UNSAID"])


def _codes(language: str) -> dict[str, dict]:
    return {code: entry for code, entry in _file(language).items() if code not in SAYINGS}


@cache
def _file(language: str) -> dict:
    if language not in languages():
        raise BadInput(
            "forestay.yaml, field language",
            f"there are no reasons in {language!r}",
            " or ".join(languages()),
            "choose one of these, or add a file of that name to training/reasons/",
        )
    return yaml.safe_load((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))


def first_that_fits(
    choices: Sequence[Template], columns: Mapping[str, np.ndarray], rows: int, currency: str | None
) -> pa.Array:
    """Say of each row the first template that fits it."""
    fitting = np.stack([template.fits(columns, rows) for template in choices])
    chosen = fitting.argmax(axis=0)
    spoken = (
        (where, template.say(columns, where, currency))
        for place, template in enumerate(choices)
        if len(where := np.flatnonzero(fitting[place] & (chosen == place)))
    )
    return stitch(spoken, rows)


def stitch(pieces: Iterable[tuple[np.ndarray, pa.Array]], rows: int) -> pa.Array:
    """Put sentences of different rows into one column; rows without any are null."""
    places = np.full(rows, -1, dtype=np.int64)
    texts: list[pa.Array] = []
    filled = 0
    for where, text in pieces:
        places[where] = np.arange(filled, filled + len(where))
        texts.append(text)
        filled += len(where)
    spoken = pa.concat_arrays(texts) if texts else pa.array([], pa.string())
    return spoken.take(pa.array(places, mask=places < 0))
