"""A night's records into the ledger and verified: seconds, bytes a record, ratio to the floor.

Made-up records shaped like those of a shop: 44 features, two models over them, the decision with
its trace, the words of three reasons. Each is packed, sealed with a key of its own customer and
appended in entries of a thousand, as `serving/audit/recording.py` does. The floor is what nobody
can avoid: to hash the sealed bytes once and to write them to a file that is flushed to disk.

    python benchmarks/recording.py [--records 200000]
"""

import argparse
import hashlib
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.settings import prepare_process
from serving.audit.packed import Layout, layout_of, pack
from serving.keyring import Keyring
from serving.ledger import Ledger, verify
from serving.ledger.sqlite_store import SqliteStore

FEATURES, TREATMENTS, AT_ONCE, TOGETHER = 44, 11, 20_000, 1000


def records(first: int, count: int) -> pa.Table:
    """Make up records of so many customers."""
    draw = np.random.default_rng(first)
    columns: dict = {
        "customer_id": [f"{number:012d}" for number in range(first, first + count)],
        "decision_id": [f"{number:08x}-52a5-5d0e-8f57-0f6f0a2f7c11" for number in range(count)],
    }
    for place in range(FEATURES):
        values = draw.gamma(1.5, 10.0 ** (place % 4), count)
        columns[f"feature:f{place}"] = np.round(values, place % 3)
    for target in ("churn", "complaint"):
        columns[f"{target}:margin"] = draw.normal(size=count)
        columns[f"{target}:base"] = np.full(count, -0.3)
        for place in range(FEATURES):
            columns[f"{target}:shap:f{place}"] = draw.normal(0, 0.3, count)
        columns[f"decision:{target}_risk"] = draw.random(count)
        columns[f"decision:{target}_risk_low"] = draw.random(count)
        columns[f"decision:{target}_risk_high"] = draw.random(count)
    codes = np.array(["not_applicable", "below_cutoff", "outvalued"])
    for place in range(TREATMENTS):
        columns[f"decision:why_not:action_{place}:email"] = codes[draw.integers(0, 3, count)]
    for place in range(7):
        columns[f"decision:cutoff:action_{place}"] = draw.random(count)
    columns["decision:decision"] = draw.choice(["contact", "leave_alone"], count)
    days = draw.integers(1, 300, count).astype(str)
    for place in (1, 2, 3):
        columns[f"said:reason_{place}"] = [
            f"No purchase for {day} days; usually buys every 21 days" for day in days
        ]
    return pa.table(columns)


def main() -> None:
    """Measure, and print."""
    prepare_process()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000)
    count = parser.parse_args().records
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ledger = Ledger(SqliteStore(folder / "ledger.sqlite"), folder / "keys", None, "benchmark")
        keyring = Keyring(folder / "keys")
        made, floor = write(ledger, keyring, folder, count)
        size = sum(path.stat().st_size for path in folder.glob("ledger.sqlite*"))
        begun, cpu = time.perf_counter(), time.process_time()
        found = verify(ledger)
        if found.faults or found.records != count:
            raise SystemExit(f"the ledger does not verify: {found.faults[:1]}")
        verified = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count:,} records: {made[0]:.1f} s ({made[1]:.1f} CPU s), {size / count:,.0f} bytes each"
    )
    print(f"{made[0] / floor:.1f} x the floor of {floor:.1f} s; peak {peak:,.0f} MiB")
    print(f"verified: {verified[0]:.1f} s ({verified[1]:.1f} CPU s)")
    print(f"for a million: {made[0] * 1e6 / count:.0f} s and {verified[0] * 1e6 / count:.1f} s")


def write(ledger: Ledger, keyring: Keyring, folder: Path, count: int) -> tuple[tuple, float]:
    """Record everybody; return seconds and CPU seconds, and the seconds of the floor."""
    layout = layout_of(records(0, 1).schema)
    seconds = cpu = floor = 0.0
    ids = [f"{number:012d}" for number in range(count)]
    begun, cpu_begun = time.perf_counter(), time.process_time()
    keyring.make_keys(keyring.pseudonyms(ids))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu_begun
    with (folder / "floor").open("wb") as file:
        for first in range(0, count, AT_ONCE):
            rows = records(first, min(AT_ONCE, count - first))
            begun, cpu_begun = time.perf_counter(), time.process_time()
            sealed = []
            for start in range(0, rows.num_rows, TOGETHER):
                sealed += append(ledger, keyring, layout, rows.slice(start, TOGETHER))
            seconds += time.perf_counter() - begun
            cpu += time.process_time() - cpu_begun
            begun = time.perf_counter()
            for leaf in sealed:
                hashlib.sha256(leaf).digest()
            file.write(b"".join(sealed))
            file.flush()
            os.fsync(file.fileno())
            floor += time.perf_counter() - begun
    return (seconds, cpu), floor


def append(ledger: Ledger, keyring: Keyring, layout: Layout, rows: pa.Table) -> list[bytes]:
    """Pack, seal and append some records, as a night does."""
    names = keyring.record_ids(rows["decision_id"].to_pylist())
    pseudonyms = keyring.pseudonyms(rows["customer_id"].to_pylist())
    sealed = keyring.seal(pseudonyms, pack(rows, layout), names)
    leaves = [b"".join(parts) for parts in zip(names, pseudonyms, sealed, strict=True)]
    ledger.append("decisions", {"night": 1, "count": rows.num_rows}, leaves)
    return leaves


if __name__ == "__main__":
    main()
