"""Loaded models and snapshot rows: calibrated risks, bands and reasons for everyone listed.

One customer bucket at a time, so memory does not grow with customers. Who is asked about which
risk is given; what is done about a risk is decided elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.errors import BrokenRecord
from serving.risk_list import LANGUAGES, REASONS, TARGETS, reason_column

if TYPE_CHECKING:
    from features.catalogue import Catalogue
    from training.champion import Champion, Scores

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
DESCRIPTORS = (
    "lifecycle_stage", "segment", "region", "language", "preferred_channel", "local_time_zone",
)  # fmt: skip
VALUES = ("amount_total_365d", "price_total")
#: Days since anything happened: what tells new data from mere time when a list changes.
SIGNS_OF_LIFE = ("recency_days", "interaction_recency_days")
#: Base and contributions make the margin within this, on the log-odds.
ADDS_UP = 1e-9
#: Start of the names of features in the evidence.
FEATURE = "feature:"


class Scored(NamedTuple):
    """Customers with their risks, and beside them what the risks were made from.

    ``rows`` : what decisions and lists read. ``evidence`` : of the same customers `customer_id`,
    ``feature:<name>``, and for each target ``<target>:margin``, ``<target>:base`` and
    ``<target>:shap:<feature>``; null where they were not asked about it.
    """

    rows: pa.Table
    evidence: pa.Table


def score_bucket(
    rows: pa.Table,
    asked: Mapping[str, pa.Array],
    champions: Mapping[str, "Champion"],
    catalogue: "Catalogue",
    currency: str | None = None,
    also: Sequence[str] = (),
) -> Scored:
    """Score the customers of one bucket who are asked about at least one risk.

    Parameters
    ----------
    rows : the bucket of a snapshot.
    asked : customer ids by target: the population of each; under any other name, who is listed
        without a risk.
    champions : served models by target; a target without one has null risks.
    catalogue, currency : for the words of the reasons.
    also : further features to carry along, for the rules.

    Returns
    -------
    rows : one a customer: id, descriptors, values, and for each target risk with its interval,
        band, codes and reasons in every language; `leading_target`, the risk that stands out more;
        `quiet_days`.
    evidence : what that was made from.
    """
    among = {target: _is_among(rows, ids) for target, ids in asked.items()}
    listed = np.logical_or.reduce([np.zeros(rows.num_rows, dtype=bool), *among.values()])
    rows = rows.filter(pa.array(listed))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"customer_id": rows["customer_id"]}
    for name in DESCRIPTORS:
        columns[name] = _column(rows, name, pa.string())
    for name in VALUES:
        columns[name] = _column(rows, name, pa.float64())
    for name in also:
        columns.setdefault(name, rows[name])
    columns["quiet_days"] = quiet_days(rows)
    evidence = _features(rows)
    for target in TARGETS:
        flags = among[target][listed] if target in among else np.zeros(rows.num_rows, dtype=bool)
        champion = champions.get(target)
        if champion is None or not flags.any():
            columns |= _nothing_known(target, rows.num_rows)
            if champion:
                evidence |= dict.fromkeys(
                    sum_columns(target, champion.feature_names),
                    pa.nulls(rows.num_rows, pa.float64()),
                )
            continue
        words = partial(_reasons, catalogue=catalogue, currency=currency)
        chosen = rows.filter(pa.array(flags))
        scores = champion.score(chosen)
        # Rows that were not asked take null: their place among the chosen is null.
        place = pa.array(np.cumsum(flags) - 1, mask=~flags)
        columns |= _target_columns(chosen, scores, champion, words, place)
        evidence |= _sum_of(scores, target, place)
    columns["leading_target"] = _leading(columns, champions)
    return Scored(rows=pa.table(columns), evidence=pa.table(evidence))


def sum_columns(target: str, feature_names: Sequence[str]) -> tuple[str, ...]:
    """Name the columns of a target's sum: margin, base and a contribution for each feature."""
    contributions = (f"{target}:shap:{name}" for name in feature_names)
    return (f"{target}:margin", f"{target}:base", *contributions)


def split_by_bucket(customer_id: pa.ChunkedArray, buckets: int) -> list[pa.Array]:
    """Split ids as the accepted data are split, so that each bucket looks at its own only."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("ids", pa.table({"id": customer_id}))
        placed = connection.execute(
            f"SELECT id, (md5_number_lower(id) % {buckets})::INTEGER AS bucket FROM ids"
            " ORDER BY bucket, id"
        ).to_arrow_table()
    ids = pa.array(placed["id"].combine_chunks(), pa.string())
    starts = np.searchsorted(placed["bucket"].to_numpy(), np.arange(buckets + 1))
    return [ids.slice(start, end - start) for start, end in pairwise(starts)]


def quiet_days(rows: pa.Table) -> pa.Array:
    """Return the days since a customer last bought or spoke; null where neither is known."""
    signs = [rows[name] for name in SIGNS_OF_LIFE if name in rows.column_names]
    if not signs:
        return pa.nulls(rows.num_rows, pa.float64())
    return pc.min_element_wise(*signs, skip_nulls=True)


def _features(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    """Lay out all that is known of each customer, whether or not anything reads it today."""
    keys = {"customer_id", "event_timestamp", "created"}
    known = {f"{FEATURE}{n}": rows[n] for n in rows.column_names if n not in keys}
    return {"customer_id": rows["customer_id"], **known}


def _sum_of(scores: "Scores", target: str, place: pa.Array) -> dict[str, pa.Array]:
    """Lay out the sum that a risk was made from: margin = base + contributions.

    Raises
    ------
    BrokenRecord : they do not add up; a risk nobody can explain is not put on record.
    """
    off = np.abs(scores.base + scores.contributions.sum(axis=1) - scores.margin)
    if off.max(initial=0.0) > ADDS_UP:
        raise BrokenRecord(
            f"{target} model",
            f"contributions miss the margin by up to {off.max():.3g}",
            f"a sum within {ADDS_UP:g}",
            "go back to the champion before (`forestay models rollback`), and report it",
        )
    parts = (scores.margin, scores.base, *np.ascontiguousarray(scores.contributions.T))
    names = sum_columns(target, scores.feature_names)
    return {
        name: pa.array(values, pa.float64()).take(place)
        for name, values in zip(names, parts, strict=True)
    }


def _target_columns(
    chosen: pa.Table,
    scores: "Scores",
    champion: "Champion",
    words: Callable[..., pa.Table],
    place: pa.Array,
) -> dict[str, pa.Array]:
    from training.bands import bands
    from training.risk_interval import risk_interval

    target = champion.target
    band = bands(scores.risk, champion.base_rate)
    low, high = risk_interval(scores.risk, band.to_pylist(), champion.judged)
    columns = {
        f"{target}_risk": pa.array(scores.risk, pa.float64()).take(place),
        f"{target}_risk_low": pa.array(low, pa.float64(), from_pandas=True).take(place),
        f"{target}_risk_high": pa.array(high, pa.float64(), from_pandas=True).take(place),
        f"{target}_band": band.take(place),
    }
    for language in LANGUAGES:
        said = words(scores, chosen, language=language).combine_chunks()
        for number in REASONS:
            text = pa.array(said[f"reason_{number}"].combine_chunks(), pa.string())
            columns[reason_column(target, language, number)] = text.take(place)
        for name in ("reason_codes", "reason_contributions"):
            columns[f"{target}_{name}"] = said[name].combine_chunks().take(place)
    return columns


def _reasons(
    scores: "Scores",
    rows: pa.Table,
    *,
    language: str,
    catalogue: "Catalogue",
    currency: str | None,
) -> pa.Table:
    from training.explain import Voice, reasons

    voice = Voice(language, currency)
    return reasons(scores.contributions, scores.feature_names, rows, catalogue, voice)


def _nothing_known(target: str, count: int) -> dict[str, pa.Array]:
    columns = {
        **{f"{target}_risk{end}": pa.nulls(count, pa.float64()) for end in ("", "_low", "_high")},
        f"{target}_band": pa.nulls(count, pa.string()),
        f"{target}_reason_codes": pa.nulls(count, pa.list_(pa.string())),
        f"{target}_reason_contributions": pa.nulls(count, pa.list_(pa.float64())),
    }
    for language in LANGUAGES:
        for number in REASONS:
            columns[reason_column(target, language, number)] = pa.nulls(count, pa.string())
    return columns


def _leading(columns: Mapping[str, pa.Array], champions: Mapping[str, "Champion"]) -> pa.Array:
    """Name the risk whose odds are furthest above its base odds; null where none is known."""
    heights = [
        _odds(_floats(columns[f"{t}_risk"])) / _odds(np.float64(champions[t].base_rate))
        if t in champions
        else np.full(len(columns[f"{t}_risk"]), np.nan)
        for t in TARGETS
    ]
    known = np.nan_to_num(np.column_stack(heights), nan=-1.0)
    names = np.array(TARGETS)[known.argmax(axis=1)]
    return pa.array(names, pa.string(), mask=(known < 0).all(axis=1))


def _odds(risk: Floats | np.float64) -> Floats:
    return np.asarray(risk / np.maximum(1.0 - risk, 1e-12))


def _floats(column: pa.Array) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _is_among(rows: pa.Table, ids: pa.Array) -> Flags:
    return np.asarray(pc.is_in(rows["customer_id"], value_set=ids).to_numpy(), dtype=bool)


def _column(rows: pa.Table, name: str, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if name in rows.column_names:
        return rows[name].cast(kind)
    return pa.nulls(rows.num_rows, kind)
