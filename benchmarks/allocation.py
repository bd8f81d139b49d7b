"""Allocation against sorting by value: time, value and the certified gap.

Run ``python benchmarks/allocation.py [--customers 10000 100000 1000000] [--lp] [--json]``. A
synthetic market (10 options on 3 channels; a budget, a place limit each, hours of 2 owners, hours
of review, 8 fairness groups) is shared out by `allocate`, and by walking all allowed pairs of
customer and option by value, by value per cost and at random; those respect the same limits, and
then drop contacts until the groups are fair. Each size runs in a process of its own. The linear
programme that HiGHS solves on the whole is timed at 10,000 customers; at 100,000 only with --lp,
for it takes minutes. Goals stand beside the figures.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from numba import njit

from proactive_rules.allocation import Problem, allocate
from proactive_rules.allocation.repair import even_out
from proactive_rules.allocation.undecided import whole

SIZES = (10_000, 100_000, 1_000_000)
#: Sizes up to which HiGHS solves the linear programme: by default, with --lp.
LP_SIZES = {False: 10_000, True: 100_000}
GOAL_TIMES_SORTING = 4.0
GOAL_GAP = {10_000: 1e-3, 100_000: 2e-4, 1_000_000: 2e-4}
OPTIONS, REGIONS, BANDS = 10, 8, 4
CHANNEL = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
OWNER = np.array([-1, -1, 0, -1, -1, 0, 0, 1, 1, 1])
HOURS = np.array([0.25, 0.5])
EFFECT = np.array([0.01, 0.05, 0.03, 0.015, 0.06, 0.03, 0.06, 0.10, 0.12, 0.08])
FIXED = np.array([0.01, 0.01, 0.5, 0.05, 0.05, 0.6, 4, 4, 6, 3])
OFFER = np.array([0, 0.1, 0, 0, 0.1, 0, 0, 0.05, 0.1, 0])
#: Per customer: budget, places of the channels, hours of the owners, hours of review.
LIMIT = np.array([0.12, 0.15, 0.04, 0.01, 0.008, 0.004, 0.006])
SPREAD = 0.03
#: Shares of options that are closed to a customer, of customers left alone, of options reviewed.
CLOSED, HELD_OUT, REVIEWED = 0.15, 0.10, 0.2


def market(customers: int, seed: int = 3) -> Problem:
    """Return a market where budget, places and hours bind together, and two groups lag behind."""
    random = np.random.default_rng(seed)
    risk, worth = random.beta(1.2, 3, customers), random.lognormal(4.5, 1, customers)
    band = np.digitize(worth, np.quantile(worth, [0.25, 0.5, 0.75]))
    region = random.choice(REGIONS, customers, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    typical = np.bincount(band, worth, BANDS) / np.bincount(band, minlength=BANDS)
    cost = FIXED + 0.15 * OFFER * typical[:, None]
    lift = EFFECT * random.lognormal(0, 0.6, (customers, OPTIONS))
    lift *= np.linspace(0.7, 1.3, REGIONS)[region, None]
    value = lift * (4 * risk * (1 - risk) * worth)[:, None] - cost[band]
    value[random.random(value.shape) < CLOSED] = -np.inf
    value[random.random(customers) < HELD_OUT] = -np.inf
    use = np.zeros((REGIONS, BANDS, 2, OPTIONS, len(LIMIT)))
    use[..., 0] = cost[:, None]
    use[..., np.arange(OPTIONS), 1 + CHANNEL] = 1
    owned = np.flatnonzero(OWNER >= 0)
    use[..., owned, 4 + OWNER[owned]] = HOURS[OWNER[owned]]
    use[:, :, 1, :, 6] = 0.1
    return Problem(
        value=value,
        variant=(random.random(value.shape) < REVIEWED).astype(np.uint8),
        group=(region * BANDS + band).astype(np.int32),
        use=use.reshape(REGIONS * BANDS, 2, OPTIONS, len(LIMIT)),
        limit=LIMIT * customers,
        region=np.repeat(np.arange(REGIONS, dtype=np.int32), BANDS),
        weight=np.repeat(1 / np.bincount(region, minlength=REGIONS), BANDS),
        spread=SPREAD,
    )


@njit(cache=False)
def _walk(order, pairs, use, left, choice):  # noqa: ANN001, ANN202 - compiled for what it is given
    """Take the pairs in order, as far as the customer is free and the limits allow."""
    person, option, kind = pairs
    for place in order:
        i, taken = person[place], use[kind[place]]
        if choice[i] < 0 and (taken <= left).all():
            choice[i] = option[place]
            left -= taken


def by_key(problem: Problem, key: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the choice of walking all allowed pairs, largest key first; not yet fair."""
    person, option = np.nonzero(problem.value > 0)
    flat = problem.use.reshape(-1, len(problem.limit))
    kind = problem.group[person] * 2 + problem.variant[person, option]
    kind = kind.astype(np.int64) * OPTIONS + option
    order = np.argsort(-key(problem.value[person, option], flat[kind, 0]), kind="stable")
    choice = np.full(len(problem.group), -1, np.int16)
    _walk(order, (person, option, kind), flat, problem.limit.copy(), choice)
    return choice


def _clocked(work: Callable[[], object]) -> tuple[object, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    return done, time.perf_counter() - wall, time.process_time() - cpu


def measure(customers: int, *, lp: bool) -> dict[str, float]:
    """Run all of it on one market, after a small one that compiles everything."""
    random = np.random.default_rng(0)
    keys = {
        "value": lambda value, _: value,
        "value per cost": lambda value, cost: value / cost,
        "random": lambda value, _: random.random(len(value)),
    }
    for problem in (market(3_000), market(customers)):
        done, wall, cpu = _clocked(lambda problem=problem: allocate(problem))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = {
            "customers": len(problem.group), "wall": wall, "cpu": cpu, "mib": peak,
            "market_mib": (problem.value.nbytes + problem.variant.nbytes) / 2**20,
            "value": done.value, "gap": done.gap,
        }  # fmt: skip
        for name, key in keys.items():
            choice, seconds, _ = _clocked(lambda p=problem, key=key: by_key(p, key))
            if name == "value":
                row |= {"sorting": seconds, "times_sorting": wall / seconds}
            row[f"over {name}, unfair"] = done.value / problem.worth(choice)
            even_out(problem, np.zeros(problem.use.shape[:3]), choice)
            row[f"over {name}"] = done.value / problem.worth(choice)
    if lp:
        _, seconds, _ = _clocked(lambda: whole(problem).relaxed())
        row |= {"lp": seconds, "lp_times": seconds / wall}
    return row


def _own_process(customers: int, *, lp: bool) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(customers), *["--lp"][: int(lp)]]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - this very file


def _markdown(rows: list[dict[str, float]]) -> str:
    """Lay the figures out; ratios above 1 are in favour of `allocate`."""
    titles = (
        "customers | wall s | CPU s | x sorting | gap | value | over value | over value per cost"
        " | over random | HiGHS LP | MiB (of the market)"
    )
    lines = [f"| {titles} |", "|" + "--:|" * len(titles.split("|"))]
    for row in rows:
        goal = GOAL_GAP.get(int(row["customers"]), 2e-4)
        lp = f"{row['lp']:.1f} s, {row['lp_times']:.1f} x" if "lp" in row else ""
        over = " | ".join(
            f"{row[f'over {name}']:.3f} ({row[f'over {name}, unfair']:.3f} unfair)"
            for name in ("value", "value per cost", "random")
        )
        lines.append(
            f"| {row['customers']:,} | {row['wall']:.2f} | {row['cpu']:.2f}"
            f" | {row['times_sorting']:.1f} (goal <= {GOAL_TIMES_SORTING:.0f} at a million)"
            f" | {row['gap']:.5%} (goal <= {goal:.2%}) | {row['value']:,.0f} | {over} | {lp}"
            f" | {row['mib']:,.0f} ({row['market_mib']:,.0f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure every size, print a table or the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--lp", action="store_true", help="the whole LP at 100,000 as well")
    parser.add_argument("--json", action="store_true", help="figures instead of a table")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one, lp=asked.lp)))
        return
    rows = [_own_process(n, lp=n <= LP_SIZES[asked.lp]) for n in asked.customers]
    print(json.dumps(rows, indent=1) if asked.json else _markdown(rows))


if __name__ == "__main__":
    main()
