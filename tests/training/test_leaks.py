"""Columns that give the answer away are found and named; honest ones are not."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from tests.training.made_rows import DAYS, NAMES, made_rows, made_table
from training.copies import near_copies
from training.leaks import leaking
from training.rows import Rows
from training.suspicion import suspects, untrusted

ROWS = made_rows(customers=1500, days=DAYS[:2])
CHANCES = np.random.default_rng(12)


def _with(column: pa.Array | np.ndarray, rows: Rows = ROWS) -> Rows:
    table = rows.table.append_column("leak", pa.array(column))
    return replace(rows, table=table, names=(*rows.names, "leak"))


def _mine(name: str) -> bool:
    return name in ("leak", "plan")


def _flipped(share: float) -> np.ndarray:
    return np.where(CHANCES.random(len(ROWS.labels)) < share, 1 - ROWS.labels, ROWS.labels)


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(ROWS.labels, id="a copy of the label"),
        pytest.param(_flipped(0.05), id="the label, one in twenty wrong"),
        pytest.param(_flipped(0.2), id="the label, one in five wrong"),
        pytest.param(ROWS.labels + CHANCES.normal(0, 0.7, len(ROWS.labels)), id="a blurred label"),
        pytest.param(
            np.where(ROWS.labels == 1, "gone", "here").astype(object), id="the label in words"
        ),
    ],
)
def test_a_column_that_knows_the_answer_is_named(column: np.ndarray) -> None:
    """Whatever its form, it is the one suspect, with the numbers and what to do."""
    (found,) = leaking(_with(column), _mine)
    assert (found.name, found.code) == ("leak", "implausible_power")
    assert "except: [leak]" in found.message
    assert "trust: [leak]" in found.message


def test_a_column_filled_after_the_event_is_told_as_such() -> None:
    """A reason for leaving is there for those who left."""
    said = CHANCES.choice(["price", "moved"], len(ROWS.labels)).astype(object)
    reason = np.where((ROWS.labels == 1) & (CHANCES.random(len(said)) < 0.9), said, None)
    (found,) = leaking(_with(pa.array(reason, pa.string())), _mine)
    assert (found.name, found.code) == ("leak", "known_after_event")
    assert "filled for" in found.message


def test_days_that_lie_ahead_are_known_only_later() -> None:
    """A column of days at or after the date of the row needs no power to be a fault."""
    ahead = ROWS.as_of + CHANCES.integers(-30, 10, len(ROWS.labels))
    (found,) = leaking(_with(pa.array([f"{day}" for day in ahead])), _mine)
    assert (found.name, found.code) == ("leak", "known_after_event")


def test_two_leaks_do_not_hide_each_other() -> None:
    """A copy and a copy of the copy: both are named."""
    rows = _with(_flipped(0.05))
    twin = replace(
        rows,
        table=rows.table.append_column("twin", rows.table["leak"]),
        names=(*rows.names, "twin"),
    )
    assert {found.name for found in leaking(twin, lambda name: name in ("leak", "twin"))} == {
        "leak",
        "twin",
    }


def test_honest_columns_are_not_accused() -> None:
    """The strongest of six honest features tells much, and is no suspect; noise is none either."""
    assert leaking(ROWS, lambda _: False) == ()
    assert leaking(_with(CHANCES.normal(size=len(ROWS.labels))), _mine) == ()


def test_an_agreed_end_may_tell_much() -> None:
    """When a contract ends is known in advance."""
    renamed = _with(_flipped(0.05))
    names = [*renamed.names[:-1], "contract_end_days"]
    table = renamed.table.rename_columns(names)
    assert leaking(replace(renamed, table=table, names=tuple(names)), lambda _: False) == ()


def _copied(share: float, jitter: float) -> Rows:
    """Add near-copies of some customers under other ids."""
    one = made_rows(customers=1200, days=DAYS[:1])
    again = one.where(CHANCES.random(len(one.labels)) < share)
    columns = {
        name: pa.array(
            again.table[name].to_numpy() * (1 + CHANCES.normal(0, jitter, len(again.labels)))
        )
        if pa.types.is_floating(again.table[name].type)
        else again.table[name]
        for name in one.names
    }
    return Rows(
        pa.concat_tables([one.table, pa.table(columns)]),
        one.names,
        np.concatenate([one.labels, again.labels]),
        np.concatenate([one.as_of, again.as_of]),
        np.concatenate([one.customers, again.customers + np.uint64(1)]),
    )


@pytest.mark.parametrize("jitter", [0.0, 0.002])
def test_near_copies_of_customers_are_found(jitter: float) -> None:
    """A fifth of the customers under a second id, their numbers hardly changed."""
    found = near_copies(_copied(0.2, jitter))
    assert found is not None
    assert found.code == "near_copies"
    assert "trust: [near_copies]" in found.message


def test_customers_that_merely_look_alike_are_not_copies() -> None:
    """Different people in a plain table, a tenth of them with equal rows and their own answers."""
    rows = made_rows(customers=1200, days=DAYS[:1])
    assert near_copies(rows) is None
    alike = _copied(0.2, 0.0)
    mixed = replace(alike, labels=CHANCES.permutation(alike.labels))
    assert near_copies(mixed) is None


def test_a_text_that_is_always_empty_is_no_suspect() -> None:
    """A column that nobody ever filled has nothing to tell, and stops nothing."""
    empty = _with(pa.nulls(len(ROWS.labels), pa.string()))
    assert leaking(empty, _mine) == ()


def test_a_segment_that_follows_the_answer_is_a_suspect() -> None:
    """No model reads it, but calibration does: a segment set after the event is asked as well."""
    state = np.where(_flipped(0.05) == 1, "lost", "active")
    days = tuple(np.unique(ROWS.as_of).astype(object))
    plan = SimpleNamespace(test_as_of=(days[0],), train_for={days[0]: days}, cross_validated=False)
    table = made_table(customers=1500, days=DAYS[:2]).append_column("segment", pa.array(state))
    dataset = SimpleNamespace(
        table=table, feature_names=NAMES, group_names=("segment",), plan=plan,
        catalogue=SimpleNamespace(features=()),
    )  # fmt: skip
    (found,) = suspects(dataset)
    assert found.name == "segment"
    assert untrusted((found,), ("segment",)) == ()
    assert untrusted((found,), ()) == (found,)
