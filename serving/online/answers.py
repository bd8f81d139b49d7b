"""Scores as the service tells them: one JSON text a customer and language, made by the column."""

import duckdb
import pyarrow as pa

from serving.risk_list import LANGUAGES, REASONS, TARGETS, reason_column

ANSWERS = pa.schema([("customer_id", pa.string()), *((one, pa.string()) for one in LANGUAGES)])


def answers(rows: pa.Table) -> pa.Table:
    """Word the scores of some customers.

    Parameters
    ----------
    rows : as `serving.score.Scored.rows` has them.

    Returns
    -------
    customer_id, and for each language a JSON object: for each risk null (nobody asked, or no model)
    or its `risk`, `risk_low`, `risk_high`, `band` and `reasons`, the largest first.
    """
    texts = ", ".join(f"to_json({{{_objects(one)}}})::VARCHAR AS {one}" for one in LANGUAGES)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("scored", rows.select(_read()))
        found = connection.execute(
            f"SELECT customer_id, {texts} FROM scored ORDER BY customer_id"
        ).to_arrow_table()
    return found.cast(ANSWERS).combine_chunks()


def _read() -> list[str]:
    names = ["customer_id"]
    for target in TARGETS:
        names += [f"{target}_{end}" for end in ("risk", "risk_low", "risk_high", "band")]
        names += [f"{target}_reason_codes", f"{target}_reason_contributions"]
        names += [reason_column(target, one, place) for one in LANGUAGES for place in REASONS]
    return names


def _objects(language: str) -> str:
    return ", ".join(f"'{target}': {_object(target, language)}" for target in TARGETS)


def _object(target: str, language: str) -> str:
    words = ", ".join(reason_column(target, language, place) for place in REASONS)
    reason = (
        f"{{'code': {target}_reason_codes[i], 'text': [{words}][i],"
        f" 'contribution': {target}_reason_contributions[i]}}"
    )
    return (
        f"CASE WHEN {target}_risk IS NOT NULL THEN {{'risk': {target}_risk,"
        f" 'risk_low': {target}_risk_low, 'risk_high': {target}_risk_high, 'band': {target}_band,"
        f" 'reasons': list_transform(generate_series(1, len({target}_reason_codes)),"
        f" lambda i: {reason})}} END"
    )
