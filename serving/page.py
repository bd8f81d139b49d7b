"""The list as one page that opens anywhere: no address outside, both languages, good on paper.

The template receives the fields of `Page`, and the rows: as plain text, and as JSON in which no
text can end the script that holds it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from proactive_rules.decision_table import DECISIONS
from serving.histogram import Histogram
from serving.list_files import SHOWN_ROWS, flattened
from serving.page_words import BANDS, CODES, HEADINGS
from serving.risk_list import LANGUAGES, reasons

if TYPE_CHECKING:
    import jinja2

#: Rows in the page itself, readable without scripts; the scripts show the others.
FIRST_ROWS = 100
DESCRIPTIONS = ("segment", "region", "language")
_AS_THEY_ARE = (
    "rank", "customer_id", "lifecycle_stage", "churn_risk", "churn_band", "complaint_risk",
    "complaint_band", "expected_value", "decision", "action", "channel", "why_not",
)  # fmt: skip

#: Columns of the table that are left out where nothing is known, by their class in the template.
_MAY_BE_EMPTY = {
    "stage": "lifecycle_stage",
    "churn": "churn_risk",
    "complaint": "complaint_risk",
    "worth": "expected_value",
}


def _told(words: str) -> Any:  # noqa: ANN401 - stands for a field of any type
    return field(metadata={"help": words})


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the template is given."""

    workspace: str = _told("name of the workspace")
    as_of: str = _told("date of the list")
    language: str = _told("language the page opens in")
    currency: str | None = _told("currency of expected values")
    total: int = _told("customers on the list; the page may hold fewer")
    tiles: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "numbers at the top: value and words"}
    )
    warnings: Sequence[Mapping[str, str]] = field(
        metadata={"help": "what the reader must know first"}
    )
    histograms: Sequence[Histogram] = _told("one picture per modelled risk")
    sureness: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "what was seen where such risks were said: words and lines"}
    )
    actions: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "what each action asks people to do: action, count, hours"}
    )
    limits: Sequence[Mapping[str, str]] = field(
        metadata={"help": "what is used of each limit, and what one more would be worth"}
    )
    cut_offs: Sequence[Mapping[str, str]] = field(
        metadata={"help": "from which risk each action pays"}
    )
    changes: Sequence[Mapping[str, Any]] = field(
        metadata={"help": "who entered and left: value and words"}
    )
    notes: Sequence[Mapping[str, str]] = _told("where the numbers come from")
    why_not: Mapping[str, Mapping[str, str]] = field(
        metadata={"help": "sentence of each code in why_not"}
    )
    action_words: Mapping[str, Mapping[str, str]] = field(
        metadata={"help": "sentence of each action of the policy"}
    )


class PageRows:
    """The rows a page shows: the first `SHOWN_ROWS` of those it is given, in order."""

    def __init__(self, time_zone: str) -> None:
        self._time_zone = time_zone
        self._kept: list[pa.Table] = []
        self._count = 0

    def write(self, rows: pa.Table) -> None:
        """Keep what still fits; `rows` are joined scores and decisions with `reason_target`."""
        shown = rows.slice(0, max(SHOWN_ROWS - self._count, 0))
        if shown.num_rows:
            self._count += shown.num_rows
            self._kept.append(_shown(shown, self._time_zone))

    def columns(self) -> dict[str, list[Any]]:
        """Return the kept rows, column by column."""
        if not self._kept:
            return {}
        table = pa.concat_tables(self._kept)
        return {name: table[name].to_pylist() for name in table.column_names}


def render(page: Page, columns: Mapping[str, list[Any]]) -> str:
    """Fill the template: the first rows as text, all kept rows as data for the scripts."""
    content = {
        **columns,
        "customer_id": columns.get("customer_id", []),
        "words": CODES,
        "says": page.why_not,
        "acts": page.action_words,
        "decisions": DECISIONS,
        "bands": BANDS,
    }
    return _template().render(
        page=page,
        rows=_readable(columns),
        data=json_in_script(content),
        words=CODES,
        headings=HEADINGS,
        hidden=" ".join(
            f"no-{kind}" for kind, name in _MAY_BE_EMPTY.items() if not any(_known(columns, name))
        ),
    )


def _known(columns: Mapping[str, list[Any]], name: str) -> Iterator[bool]:
    return (value is not None for value in columns.get(name, []))


@cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    text = Path(__file__).with_name("templates").joinpath("risk_list.html").read_text("utf-8")
    return environment.from_string(text)


def json_in_script(content: Mapping[str, Any]) -> str:
    """Write data so that no text in them can end the script that holds them."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A customer called "</script>" must not end the element; U+2028 ends a line in old browsers.
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _shown(rows: pa.Table, time_zone: str) -> pa.Table:
    flat = flattened(rows.select(["due_by", "contact_at"]), time_zone, "%Y-%m-%d %H:%M")
    about = _joined([rows[name].cast(pa.string()) for name in DESCRIPTIONS], " · ")
    columns = {name: rows[name] for name in _AS_THEY_ARE}
    columns |= {
        "about": about,
        "due": pc.replace_substring_regex(flat["due_by"], " 00:00$", ""),
        "at": pc.utf8_slice_codeunits(flat["contact_at"], 11),
        "since": pc.cast(rows["on_list_since"], pa.string()),
    }
    for language in LANGUAGES:
        columns[f"reasons_{language}"] = _together(reasons(rows, language))
    return pa.table(columns)


def _together(places: Sequence[pa.ChunkedArray]) -> pa.Array:
    """Make of three columns one of lists; missing reasons are left out."""
    joined = _joined(places, "\n")
    nothing = pa.scalar([], pa.list_(pa.string()))
    return pc.if_else(pc.equal(joined, ""), nothing, pc.split_pattern(joined, "\n"))


def _joined(columns: Sequence[pa.ChunkedArray], separator: str) -> pa.ChunkedArray:
    """Join texts, leaving out the missing.

    Arrow's own `null_handling="skip"` (25.0) drops a row in which all are missing.
    """
    parts = [
        pc.coalesce(pc.binary_join_element_wise(separator, column, ""), "") for column in columns
    ]
    return pc.utf8_slice_codeunits(pc.binary_join_element_wise(*parts, ""), len(separator))


def _readable(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    if not columns:
        return []
    names = list(columns)
    rows = zip(*(columns[name][:FIRST_ROWS] for name in names), strict=True)
    return [_readable_row(dict(zip(names, row, strict=True))) for row in rows]


def _readable_row(row: dict[str, Any]) -> dict[str, Any]:
    worth = row["expected_value"]
    pairs = zip(row["reasons_en"], row["reasons_zh"], strict=True)
    return row | {
        "churn": "" if row["churn_risk"] is None else f"{row['churn_risk']:.1%}",
        "complaint": "" if row["complaint_risk"] is None else f"{row['complaint_risk']:.1%}",
        "value": "" if worth is None else f"{worth:,.2f}",
        "reasons": [{"en": english, "zh": chinese} for english, chinese in pairs],
        "about": row["about"] or "",
    }
