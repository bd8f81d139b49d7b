"""Rows as bytes: what is sealed for one customer comes back to the last bit."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import BrokenRecord
from serving.audit.packed import layout_from_data, layout_of, pack, unpack

ROW = {
    "recency_days": 94.5, "orders_count": 3, "held_out": True, "as_of": date(2026, 3, 4),
    "due_by": datetime(2026, 3, 5, 1, 2, 3, 4, tzinfo=UTC), "action": "call", "why_not": None,
}  # fmt: skip
SCHEMA = pa.schema(
    [
        ("recency_days", pa.float64()),
        ("orders_count", pa.int64()),
        ("held_out", pa.bool_()),
        ("as_of", pa.date32()),
        ("due_by", pa.timestamp("us", tz="UTC")),
        ("action", pa.string()),
        ("why_not", pa.string()),
    ]
)
CELLS = {
    "recency_days": st.none() | st.floats(allow_nan=False),
    "orders_count": st.none() | st.integers(1 - 2**63, 2**63 - 1),
    "held_out": st.none() | st.booleans(),
    "as_of": st.none() | st.dates(date(1900, 1, 1)),
    "due_by": st.none() | st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    "action": st.none() | st.text(),
    "why_not": st.none() | st.text(),
}


def test_a_row_comes_back_with_its_types():
    """Numbers, whole numbers, flags, days, instants and texts, and what is missing."""
    table = pa.Table.from_pylist([ROW, dict.fromkeys(ROW)], schema=SCHEMA)
    layout = layout_of(SCHEMA)
    assert unpack(pack(table, layout), layout).equals(table)


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries(CELLS), max_size=6))
def test_for_any_rows_packing_loses_nothing(rows):
    """Whatever the values, to the last bit; each row alone, in any company."""
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    layout = layout_from_data(layout_of(SCHEMA).as_data())
    packed = pack(table, layout)
    assert unpack(packed, layout).equals(table)
    alone = [pack(table.slice(place, 1), layout)[0] for place in range(len(rows))]
    assert alone == packed


def test_numbers_keep_the_sign_of_nothing_and_a_missing_one_is_null():
    """-0.0 stays what it is; NaN means that there is no value."""
    table = pa.table({"x": [-0.0, float("nan"), None]})
    layout = layout_of(table.schema)
    back = unpack(pack(table, layout), layout)["x"].to_pylist()
    assert str(back[0]) == "-0.0"
    assert back[1:] == [None, None]


def test_a_layout_of_a_newer_format_is_refused():
    """A version that does not know a format says so instead of reading something else."""
    with pytest.raises(BrokenRecord, match="format is 2"):
        layout_from_data({"format": 2, "columns": []})
