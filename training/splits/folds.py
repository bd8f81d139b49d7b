"""Fold customers, where dates cannot be held apart."""

import duckdb
import numpy as np
import pyarrow as pa

FOLDS = 5


def stratified_folds(table: pa.Table, folds: int = FOLDS) -> np.ndarray:
    """Assign rows to folds by customer, so that each fold has its share of the positives.

    A customer's rows stay together; strata are customers with and without a positive label. The
    order is that of a hash of the id, so that neither the order of rows nor a seed matters.

    Parameters
    ----------
    table : has customer_id and label (0 or 1).
    folds : number of folds, at least 2.

    Returns
    -------
    Fold of each row, 0 to folds - 1, in the order of `table`.

    Examples
    --------
    >>> stratified_folds(pa.table({"customer_id": ["a", "b", "a"], "label": [0, 0, 0]}), 2).tolist()
    [0, 1, 0]
    """
    with duckdb.connect() as connection:
        connection.register("rows", table.select(["customer_id", "label"]))
        found = connection.execute(
            """
            WITH numbered AS (SELECT customer_id, label, row_number() OVER () AS number FROM rows),
            customers AS (
                SELECT customer_id, max(label) AS stratum FROM numbered GROUP BY customer_id),
            folded AS (
                SELECT customer_id, (row_number() OVER (
                    PARTITION BY stratum ORDER BY md5(customer_id), customer_id) - 1) % ? AS fold
                FROM customers)
            SELECT fold FROM numbered JOIN folded USING (customer_id) ORDER BY number
            """,
            [folds],
        ).to_arrow_table()
    return found["fold"].to_numpy().astype(np.int8)
