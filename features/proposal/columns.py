"""What was seen of files: records of their columns, and the few lines of SQL that name them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["text", "number", "integer", "time", "flag", "other"]
#: Selects one row from the files of a look; None where the expressions do not fit them.
Ask = Callable[[str], tuple[Any, ...] | None]


@dataclass(frozen=True, kw_only=True)
class Column:
    """What one column holds: counts, and the forms its texts have.

    ``is_bare``: the file has no types (CSV), so ingest finds plain numbers and dates by itself.
    """

    name: str
    kind: Kind
    filled: int
    distinct: int
    nulls: int
    values: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    missing: tuple[str, ...] = ()
    time_form: str | None = None
    all_times_fit: bool = True
    month_first_fits_too: bool = False
    number_form: str | None = None
    is_bare: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Words of the name, as in ``("customer", "id")`` of ``customerID``."""
        return split_words(self.name)

    @property
    def is_time(self) -> bool:
        """Tell whether it holds times, as such or as text."""
        return self.kind == "time" or self.time_form is not None

    @property
    def is_number(self) -> bool:
        """Tell whether it holds numbers, as such or as text."""
        return self.kind in ("number", "integer") or self.number_form is not None

    @property
    def is_unique(self) -> bool:
        """Tell whether no two rows share a value."""
        return self.filled > 0 and self.distinct == self.filled

    @property
    def is_yes_or_no(self) -> bool:
        """Tell whether it has two values."""
        return self.kind == "flag" or len(self.values) == 2  # noqa: PLR2004 - yes and no


@dataclass(frozen=True, kw_only=True)
class Look:
    """Files of one shape: how to read them together, and what their columns hold."""

    files: tuple[Path, ...]
    reader: str
    rows: int
    columns: tuple[Column, ...]

    @property
    def relations(self) -> tuple[str, ...]:
        """What ingest may see: bare texts with plain numbers read as such, else as they stand."""
        numbers = ", ".join(
            f"TRY_CAST({quoted(c.name)} AS DOUBLE) AS {quoted(c.name)}"
            for c in self.columns
            if c.is_bare and c.number_form == "plain"
        )
        typed = f"(SELECT * REPLACE ({numbers}) FROM {self.reader})"
        return (typed, self.reader) if numbers else (self.reader,)

    @property
    def words(self) -> frozenset[str]:
        """Words of the files' names."""
        return frozenset(word for file in self.files for word in split_words(file.stem))


def split_words(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words.

    >>> split_words("customerID"), split_words("first_response_time_minutes")[:2]
    (('customer', 'id'), ('first', 'response'))
    """
    pieces = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+", name)
    return tuple(piece.lower() for piece in pieces)


def text_literal(text: str) -> str:
    """Write a text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Write a column's name as SQL, always in quotes."""
    return '"' + name.replace('"', '""') + '"'
