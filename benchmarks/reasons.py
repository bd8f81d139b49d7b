"""How stable reasons are from night to night while the data stay the same.

Scores everybody as of some days, each and the day after, on data that end before the first of the
two: nothing happened in between, only time passed. Reports for how many customers the first reason,
and the set of the reasons shown, are the same. "Nothing moved but time" counts those of them whose
features changed in no other way than days going by (counts, amounts and ratings are equal).

    python benchmarks/reasons.py WORKSPACE [--nights 3]
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.settings import load_workspace, prepare_process
from features.workspace import Workspace

REASONS = "{}_reason_codes"
#: Units of features that change by time alone.
CLOCKS = ("days", "hours", "ratio")


def main() -> None:
    """Measure, and print a table."""
    prepare_process()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--nights", type=int, default=3)
    given = parser.parse_args()
    workspace = load_workspace(given.workspace)
    from features.accepted import open_accepted
    from training.splits.present import nightly_as_of

    last = nightly_as_of(workspace, open_accepted(workspace))
    print(f"{'night':12}{'risk':11}{'customers':>10}{'first same':>12}{'shown same':>12}"
          f"{'unmoved':>10}{'first same':>12}{'shown same':>12}")  # fmt: skip
    for back in range(given.nights):
        measure(workspace, last + timedelta(days=back))


def measure(workspace: Workspace, day: date) -> None:
    """Compare one day with the next."""
    one, other = scored(workspace, day), scored(workspace, day + timedelta(days=1))
    for target in one["targets"]:
        a, b = codes(one, target), codes(other, target)
        both = a.join(b, "customer_id", join_type="inner", right_suffix="_next")
        first = np.array([x[:1] == y[:1] for x, y in pairs(both)])
        shown = np.array([set(x) == set(y) for x, y in pairs(both)])
        still = unmoved(one, other, both["customer_id"])
        everybody = f"{len(first):10,}{first.mean():12.2%}{shown.mean():12.2%}"
        quiet = f"{still.sum():10,}{first[still].mean():12.2%}{shown[still].mean():12.2%}"
        print(f"{day!s:12}{target:11}{everybody}{quiet}")


def pairs(both: pa.Table) -> list[tuple[list[str], list[str]]]:
    """Codes of both days, customer by customer."""
    texts = (both[name].to_pylist() for name in ("codes", "codes_next"))
    return [(x.split(";"), y.split(";")) for x, y in zip(*texts, strict=True)]


def scored(workspace: Workspace, day: date) -> dict:
    """Score everybody as of a day, without writing a list."""
    from features.accepted import open_accepted
    from features.snapshots import build_snapshots
    from serving.night import open_night
    from serving.scores import scoring

    build_snapshots(workspace, open_accepted(workspace), [day])
    night = open_night(workspace, day, allow_stale=True)
    prepared = scoring(night)
    parts = [prepared.bucket(bucket) for bucket in range(night.snapshot.buckets)]
    return {
        "targets": sorted(night.champions),
        "rows": pa.concat_tables([part.rows for part in parts]),
        "evidence": pa.concat_tables([part.evidence for part in parts]),
        "units": {one.name: one.unit for one in night.catalogue.features},
    }


def codes(found: dict, target: str) -> pa.Table:
    """Return the reasons shown for each customer who was asked."""
    rows = found["rows"]
    rows = rows.filter(pc.is_valid(rows[f"{target}_risk"]))
    joined = pc.binary_join(rows[REASONS.format(target)].combine_chunks(), ";")
    return pa.table({"customer_id": rows["customer_id"], "codes": joined})


def unmoved(one: dict, other: dict, ids: pa.ChunkedArray) -> np.ndarray:
    """Tell whose features changed in nothing but time."""
    same = np.ones(len(ids), dtype=bool)
    tables = []
    for found in (one, other):
        evidence = found["evidence"]
        place = pc.index_in(ids, evidence["customer_id"].combine_chunks())
        tables.append(evidence.take(place))
    for name, unit in one["units"].items():
        if unit not in CLOCKS and "trend" not in name:
            a, b = (table[f"feature:{name}"] for table in tables)
            equal = pc.or_(
                pc.fill_null(pc.equal(a, b), fill_value=False),
                pc.and_(pc.is_null(a), pc.is_null(b)),
            )
            same &= np.asarray(equal.to_numpy(zero_copy_only=False), dtype=bool)
    return same


if __name__ == "__main__":
    main()
