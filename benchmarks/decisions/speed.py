"""Seconds and memory of one night's decisions, by stage, as a ratio to reading the same columns.

    python benchmarks/decisions/speed.py [--customers 10000 100000 1000000] [--rounds 2]
    python benchmarks/decisions/speed.py --profile --customers 1000000

Made-up customers with the columns a night gives, under the shipped policy: seven actions over two
channels, a tenth of the customers with earlier contacts and answers. The floor is DuckDB, with one
thread as the product has it: every column hashed, every condition of the policy evaluated, one sort
by value. Every part runs in a process of its own, after a small one to import and compile.
"""

import argparse
import cProfile
import json
import pstats
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from features.settings import prepare_process
from proactive_rules import decide as module
from proactive_rules.in_memory import with_tables
from proactive_rules.policy.columns import Columns
from proactive_rules.policy.file import read_policy, shipped_policy
from proactive_rules.policy.records import Budget, Policy
from proactive_rules.situation import BEFORE, RESPONSES, Situation

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
#: Part of the customers who were contacted before, and of those who can be with wide means.
CONTACTED, WIDE = 0.1, 0.05
#: What `decide` calls, in its order, and how the table calls it.
STAGES = {
    "stakes": "stakes",
    "plan_contacts": "plan",
    "screen": "screening",
    "needs_review": "review",
    "fair_groups": "fairness groups",
    "take_out_controls": "holdout",
    "means": "limits",
    "share_out": "allocation",
    "decision_table": "table",
    "run_record": "run record",
}
Used = dict[str, tuple[float, float]]


def made_up(count: int) -> Situation:
    """Make customers up, with the columns and about the nulls that the demo's night has."""
    rng = np.random.default_rng(7)
    ids = np.char.add("C", np.char.zfill(rng.permutation(count).astype(str), 7))
    stages = ["new", "active", "loyal", "lapsing", "lost", "potential"]
    columns: dict[str, Any] = {
        "customer_id": ids,
        "lifecycle_stage": rng.choice(stages, count, p=[0.1, 0.3, 0.2, 0.1, 0.2, 0.1]),
        "segment": rng.choice(["family", "student", "couple", "senior", "expat"], count),
        "region": rng.choice([f"district {number}" for number in range(8)], count),
        "language": rng.choice(["en", "zh"], count, p=[0.85, 0.15]),
        "preferred_channel": rng.choice(["email", "phone", "app"], count),
        "local_time_zone": rng.choice(
            ["Europe/Amsterdam", "Asia/Shanghai", "America/New_York"], count, p=[0.9, 0.07, 0.03]
        ),
        "amount_total_365d": rng.gamma(1.0, 400.0, count),
        "price_total": np.where(rng.random(count) < 0.5, rng.gamma(4.0, 250.0, count), 0.0),  # noqa: PLR2004
        "amount_last": _some(rng.gamma(1.0, 60.0, count), rng, 0.82),
        "complaints_count_7d": rng.poisson(0.01, count).astype(float),
        "failures_count_7d": rng.poisson(0.02, count).astype(float),
        "open_cases_count": rng.poisson(0.05, count).astype(float),
        "recency_days": _some(rng.gamma(1.0, 60.0, count), rng, 0.82),
        "satisfaction_last": _some(rng.beta(5, 2, count), rng, 0.85),
        "sentiment_last": _some(rng.normal(0.1, 0.3, count), rng, 0.85),
        "last_outcome": _some(rng.choice(["answered", "declined"], count), rng, 0.63),
        "last_outcome_days": _some(rng.gamma(1.0, 120.0, count), rng, 0.63),
        "quiet_days": rng.gamma(1.0, 20.0, count),
    }
    columns |= _risks("churn", rng.beta(1.2, 3.0, count), rng.random(count) < 0.6)  # noqa: PLR2004
    columns |= _risks("complaint", rng.beta(0.8, 10.0, count), rng.random(count) < 0.75)  # noqa: PLR2004
    for channel, share in (("email", 0.78), ("phone", 0.55)):
        columns[f"consent_{channel}"] = _some(rng.random(count) < share, rng, 0.93)
    columns["do_not_contact"] = rng.random(count) < 0.01  # noqa: PLR2004
    past = rng.choice(ids, int(count * CONTACTED), replace=False)
    return Situation(
        customers=pa.table(columns),
        as_of=AS_OF,
        before=_before(past, rng),
        responses=_responses(past, rng),
        time_zone="Europe/Amsterdam",
    )


def _risks(name: str, risk: np.ndarray, asked: np.ndarray) -> dict[str, pa.Array]:
    names = np.array(["low", "medium", "high", "very_high"])
    band = names[np.searchsorted(np.quantile(risk, [0.6, 0.85, 0.95]), risk)]
    columns = {
        f"{name}_risk": risk,
        f"{name}_risk_low": 0.8 * risk,
        f"{name}_risk_high": np.minimum(1.2 * risk, 1.0),
        f"{name}_band": band,
    }
    return {key: pa.array(values, mask=~asked) for key, values in columns.items()}


def _some(values: np.ndarray, rng: np.random.Generator, known: float) -> pa.Array:
    return pa.array(values, mask=rng.random(len(values)) >= known)


def _before(past: np.ndarray, rng: np.random.Generator) -> pa.Table:
    back = rng.integers(1, 180 * 86_400, len(past)).astype("timedelta64[s]")
    at = np.datetime64(AS_OF.replace(tzinfo=None), "us") - back
    columns = {
        "customer_id": past,
        "action": rng.choice(["retention_contact", "service_recovery"], len(past)),
        "channel": rng.choice(["email", "phone"], len(past)),
        "at": pa.array(at).cast(pa.timestamp("us", "UTC")),
        "state": np.full(len(past), "sent"),
    }
    missing = {f.name: pa.nulls(len(past), f.type) for f in BEFORE if f.name not in columns}
    return pa.table({name: (columns | missing)[name] for name in BEFORE.names}, schema=BEFORE)


def _responses(past: np.ndarray, rng: np.random.Generator) -> pa.Table:
    who = np.sort(np.repeat(past, 2))
    answered = (rng.random(len(who)) < 0.3).astype(np.int64)  # noqa: PLR2004
    hour, sent = rng.integers(9, 21, len(who)), np.ones(len(who), np.int64)
    channel = rng.choice(["email", "phone"], len(who))
    return pa.table([who, channel, hour, sent, answered], schema=RESPONSES)


def shipped(situation: Situation) -> Policy:
    """Read the shipped policy over these columns."""
    texts = {f.name for f in situation.customers.schema if pa.types.is_string(f.type)}
    numbers = frozenset(situation.customers.column_names) - texts | {"expected_value"}
    return read_policy(
        shipped_policy(), columns=Columns(numbers=numbers, texts=frozenset(texts), typed=False)
    )


def widened(policy: Policy, count: int) -> Policy:
    """Let means grow with the customers, so that one in twenty can be contacted."""
    places = round(WIDE * count)
    return replace(
        policy,
        capacity={"phone": places // 5, "email": places * 4 // 5},
        hours={"care": places / 20},
        budget=Budget(amount=1.2 * places, per=timedelta(days=1)),
    )


def floor(situation: Situation, policy: Policy) -> None:
    """Read every column once, evaluate every condition, sort once."""
    told = "SELECT *, 0.1 AS cutoff, 100.0 AS expected_value FROM customers"
    touched = [*situation.customers.column_names, *(f"({one.sql}\n)" for one in policy.conditions)]
    asked = ", ".join(f"bit_xor(hash({one}))" for one in touched)
    with with_tables(customers=situation.customers) as connection:
        connection.execute(f"SELECT {asked} FROM ({told})").fetchall()
        connection.execute(
            "SELECT customer_id FROM customers"
            " ORDER BY churn_risk * greatest(amount_total_365d, 12 * price_total) DESC, customer_id"
        ).to_arrow_table()


@contextmanager
def staged(used: Used) -> Iterator[None]:
    """Note wall and CPU seconds of everything that `decide` calls."""

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the stage takes
            wall, cpu = time.perf_counter(), time.process_time()
            found = function(*given, **named)
            used[name] = (time.perf_counter() - wall, time.process_time() - cpu)
            return found

        return call

    with ExitStack() as stack:
        for name, words in STAGES.items():
            stack.enter_context(patch.object(module, name, timed(words, getattr(module, name))))
        in_order = timed("sorting by id", Situation.in_order)
        stack.enter_context(patch.object(Situation, "in_order", in_order))
        yield


PARTS: dict[str, Callable[[Situation, Policy], object]] = {
    "floor": floor,
    "decide": module.decide,
    "decide, wide means": lambda situation, policy: module.decide(
        situation, widened(policy, len(situation))
    ),
}


def run(part: str, count: int, *, profile: bool = False) -> dict[str, Any]:
    """Run one part and return wall and CPU seconds by stage, and memory in MiB."""
    small = made_up(2_000)
    for warm in PARTS.values():
        warm(small, shipped(small))
    situation = made_up(count)
    policy = shipped(situation)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: peak from here on
    used: Used = {}
    before, profiler = _memory("VmRSS"), cProfile.Profile()
    with staged(used):
        wall, cpu = time.perf_counter(), time.process_time()
        if profile:
            profiler.runcall(PARTS[part], situation, policy)
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
        else:
            PARTS[part](situation, policy)
        used["whole"] = (time.perf_counter() - wall, time.process_time() - cpu)
    inner = [seconds for name, seconds in used.items() if name != "whole"]
    if inner:
        rest = np.array(used["whole"]) - np.sum(inner, axis=0)
        used["rest"] = (float(rest[0]), float(rest[1]))
    return {"used": used, "tables": before, "peak": _memory("VmHWM")}


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def measure(part: str, count: int) -> dict[str, Any]:
    """Run one part in a process of its own."""
    command = [sys.executable, __file__, "--part", part, "--customers", str(count)]
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - this very file
    return json.loads(found.stdout.splitlines()[-1])


def report(count: int, rounds: int) -> None:
    """Print the best round of every part; stages are those of that round."""
    again = [{part: measure(part, count) for part in PARTS} for _ in range(rounds)]
    best = {
        part: min((one[part] for one in again), key=lambda found: found["used"]["whole"][1])
        for part in PARTS
    }
    base = best["floor"]["used"]["whole"][1]
    print(f"\n### {count:,} customers\n")
    for part, found in best.items():
        wall, cpu = found["used"].pop("whole")
        print(
            f"- **{part}**: {wall:.2f} s, {cpu:.2f} CPU s, {cpu / base:.1f} x floor;"
            f" peak {found['peak']:,.0f} MiB, of which tables and imports {found['tables']:,.0f}"
        )
    print("\n| stage | wall s | CPU s | x floor | wide means: CPU s |\n|---|--:|--:|--:|--:|")
    wide = best["decide, wide means"]["used"]
    for stage, (wall, cpu) in best["decide"]["used"].items():
        print(f"| {stage} | {wall:.3f} | {cpu:.3f} | {cpu / base:.2f} | {wide[stage][1]:.3f} |")


def main() -> None:
    """Measure every size, or one part of it, or where its time goes."""
    prepare_process()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--part", choices=[*PARTS])
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    for count in given.customers:
        if given.part or given.profile:
            print(json.dumps(run(given.part or "decide", count, profile=given.profile)))
        else:
            report(count, given.rounds)


if __name__ == "__main__":
    main()
