"""What a report is made of: sections of facts, tables, bars and pictures, in two languages.

Frozen records with a help text on every field; the template shows these and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from serving.page_words import Words

if TYPE_CHECKING:
    import jinja2

#: A cell: words in both languages, or a text that is the same in every language.
Cell = Words | str


def _told(words: str) -> dict[str, str]:
    return {"help": words}


def words(en: str, zh: str) -> Words:
    """Put a text and its translation together."""
    return {"en": en, "zh": zh}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under headings."""

    caption: Words = field(metadata=_told("what the table shows; read aloud and printed above it"))
    headings: Sequence[Words] = field(metadata=_told("one for each column"))
    rows: Sequence[Sequence[Cell]] = field(metadata=_told("cells in the order of the headings"))
    numbers: frozenset[int] = field(
        default=frozenset(), metadata=_told("places of the columns that hold numbers")
    )
    folded: int = field(
        default=0, metadata=_told("rows after so many are folded; 0: all are shown")
    )


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One line of a bar chart."""

    name: Cell = field(metadata=_told("what it stands for"))
    share: float = field(metadata=_told("length, from 0 to 1"))
    value: str = field(metadata=_told("the number, as shown"))


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawing that is part of the page."""

    caption: Words = field(metadata=_told("what it shows"))
    svg: str = field(default="", metadata=_told("a drawing as SVG, made here and escaped"))
    data: str = field(default="", metadata=_told("or an image as a data address"))


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page with a heading of its own."""

    heading: Words = field(metadata=_told("its heading"))
    paragraphs: Sequence[Words] = field(default=(), metadata=_told("sentences, in order"))
    facts: Sequence[tuple[Words, Cell]] = field(
        default=(), metadata=_told("pairs of a name and what holds")
    )
    bars: Sequence[Bar] = field(default=(), metadata=_told("a bar chart"))
    tables: Sequence[Table] = field(default=(), metadata=_told("tables, in order"))
    pictures: Sequence[Picture] = field(default=(), metadata=_told("drawings, in order"))


@dataclass(frozen=True, kw_only=True)
class Report:
    """A whole page."""

    title: Words = field(metadata=_told("what it is about"))
    subtitle: Cell = field(metadata=_told("which one, and as of when"))
    language: str = field(metadata=_told("language it opens in"))
    summary: Sequence[tuple[Words, Cell]] = field(
        metadata=_told("the few facts one looks for first")
    )
    warnings: Sequence[Words] = field(metadata=_told("what the reader must know first"))
    sections: Sequence[Section] = field(metadata=_told("the rest, in order"))
    footer: Sequence[Words] = field(metadata=_told("what the page claims, and what it does not"))


def render(report: Report) -> str:
    """Make one HTML file that needs nothing else: no script, font or picture from elsewhere."""
    return _template().render(report=report)


def both(cell: Cell) -> Words:
    """Return a cell in both languages."""
    return {"en": cell, "zh": cell} if isinstance(cell, str) else cell


@cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["both"] = both
    folder = Path(__file__).parents[2] / "templates"
    return environment.from_string((folder / "audit_report.html").read_text("utf-8"))
