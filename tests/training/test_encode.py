"""Encoding: what the trees and the linear part read."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from features.errors import NotReady
from training.encode import encoding_from_data, learn_encoding

TABLE = pa.table(
    {
        "count": pa.array([0.0, 1.0, 1.0, 100.0, None]),
        "plan": pa.array(["basic", "gold", "basic", None, "basic"], pa.string()),
    }
)
ENCODING = learn_encoding(TABLE, ["count", "plan"])


def test_a_skewed_number_enters_the_line_as_its_logarithm() -> None:
    """The mean learnt is that of log(1 + value) over the known values."""
    expected = (0 + 2 * math.log(2) + math.log(101)) / 4
    assert ENCODING.columns[0].mean == pytest.approx(expected)


def test_terms_have_mean_zero_over_the_training_rows() -> None:
    """So the base of a model is the mean margin of its training rows."""
    matrix = ENCODING.linear_matrix(ENCODING.read(TABLE))
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-12)


def test_a_missing_number_adds_only_its_indicator() -> None:
    """Its own term is 0; the indicator is 1 less the share of missing."""
    row = ENCODING.linear_matrix(ENCODING.read(TABLE))[4]
    assert row[:2].tolist() == pytest.approx([0.0, 1 - 1 / 5])


def test_trees_read_numbers_as_they_are_and_a_column_a_level() -> None:
    """Levels come by frequency: basic, gold; a missing text is missing in both."""
    matrix = ENCODING.tree_matrix(ENCODING.read(TABLE))
    np.testing.assert_array_equal(matrix[1], [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(matrix[3], [100.0, np.nan, np.nan])


def test_an_unseen_level_reads_as_missing() -> None:
    """A level that training never saw is treated as no level."""
    new = pa.table({"count": [1.0], "plan": ["platinum"]})
    assert np.isnan(ENCODING.tree_matrix(ENCODING.read(new))[0, 1:]).all()


def test_columns_are_read_by_name() -> None:
    """Reordered and further columns change nothing."""
    moved = TABLE.select(["plan", "count"]).append_column("more", pa.array([1] * 5))
    left, right = (ENCODING.tree_matrix(ENCODING.read(table)) for table in (TABLE, moved))
    np.testing.assert_array_equal(left, right)


def test_a_missing_column_is_named() -> None:
    """The message says which feature is absent and what to do."""
    with pytest.raises(NotReady, match=r"no column plan.*\n.*\n.*forestay train"):
        ENCODING.read(TABLE.drop_columns(["plan"]))


def test_a_changed_type_is_refused() -> None:
    """A number where the model knew text is not scored in silence."""
    with pytest.raises(NotReady, match="column plan"):
        ENCODING.read(TABLE.set_column(1, "plan", pa.array([1.0] * 5)))


def test_infinite_values_read_as_missing() -> None:
    """An infinite number is no number to a model."""
    values = ENCODING.read(pa.table({"count": [math.inf], "plan": ["gold"]}))
    assert np.isnan(values[0][0])


def test_many_levels_become_one_ordered_column() -> None:
    """Beyond a dozen levels the trees read the rank by frequency."""
    texts = pa.table({"city": [f"city {number % 40:02d}" for number in range(400)]})
    encoding = learn_encoding(texts, ["city"])
    assert encoding.tree_matrix(encoding.read(texts)).shape == (400, 1)


def test_a_constant_and_an_empty_column_add_nothing() -> None:
    """Columns without information give terms of 0, not of NaN."""
    table = pa.table({"same": [2.0] * 4, "none": pa.array([None] * 4, pa.float64())})
    encoding = learn_encoding(table, ["same", "none"])
    assert not encoding.linear_matrix(encoding.read(table)).any()


def test_plain_data_round_trips() -> None:
    """What is kept in model.json rebuilds the encoding exactly."""
    assert encoding_from_data(json.loads(json.dumps(ENCODING.as_data()))) == ENCODING


def test_tree_names_are_safe_and_unique() -> None:
    """LightGBM's text forbids some characters; two names may differ only by them."""
    table = pa.table({"a b": [1.0, 2.0], "a:b": [1.0, 2.0], "套餐": [1.0, 3.0]})
    names = learn_encoding(table, table.column_names).tree_names
    assert len(set(names)) == 3
    assert all(name.replace("_", "").isalnum() and name.isascii() for name in names)
