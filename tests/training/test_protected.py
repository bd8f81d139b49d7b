"""Protected columns measure fairness and do nothing else."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from tests.oracles.accepted_data import write_accepted
from tests.training.made_rows import made_workspace
from training.protected import NOBODY, protected_columns, protected_levels
from training.rows import customer_keys

CUSTOMERS = [
    {"customer_id": f"c{number}", "region": "north" if number % 2 else "south"}
    for number in range(40)
]


def test_declared_columns_are_read_of_each_customer(tmp_path):
    """By name or by table and name; what is not declared, or not there, is not read."""
    accepted = write_accepted(tmp_path, {"customers": CUSTOMERS})
    market = made_workspace(tmp_path)
    assert protected_columns(market, accepted) == NOBODY
    strict = replace(market, protected=("customers.region", "religion"))
    found = protected_columns(strict, accepted)
    assert found.column_names == ["customer_id", "region"]
    levels = protected_levels(found, customer_keys(pa.chunked_array([["c1", "nobody", "c2"]])))
    assert levels["region"].tolist() == ["north", "", "south"]


def test_numbers_of_many_values_are_cut_at_their_quartiles():
    """Ages 0 to 39: ten customers a quarter, whoever has none is in none."""
    ids = [f"c{number}" for number in range(41)]
    given = pa.table({"customer_id": ids, "age": [*range(40), None]})
    levels = protected_levels(given, customer_keys(given["customer_id"]))["age"]
    names, counts = np.unique(levels[:40], return_counts=True)
    assert len(names) == 4
    assert counts.tolist() == [10] * 4
    assert levels[40] == ""
