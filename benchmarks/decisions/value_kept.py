"""How much true value each way of choosing keeps for the same means, on the simulated company.

    forestay demo --workspace DIR --customers 4000
    python benchmarks/decisions/value_kept.py --workspace DIR [--dates 4]

The truth of the simulation knows every customer's chances with and without each action, so every
way can be judged on the customers it chose; no way but the oracle sees it. Scores are the product's
own, from models fitted anew at each date to the labels that had closed by then. `README.md` holds
the figures and what they do not show.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from ways import CHURN, Chances, Choices, chosen_by

from features.errors import ForestayError, NotReady
from features.settings import load_workspace, prepare_process
from features.workspace import Workspace
from proactive_rules.policy.file import read_policy, shipped_policy
from proactive_rules.policy.records import Budget, Condition, Holdout
from serving.night import Night, open_night
from serving.policies import PolicyInForce
from serving.scores import scoring
from serving.steps import situation_of
from training.champion import Champion
from training.earlier_origins import Windows
from training.rows import Rows

Numbers = NDArray[np.float64]
#: Newest dates a model is fitted on, as the product does.
TRAINED_ON = 8
#: Parts of the listed customers that can be called and written to, and a budget that pays for
#: three quarters of that.
PHONE, EMAIL, PAID = 0.01, 0.04, 0.75
RESAMPLES = 2000
#: The product as it ships, and what it is compared with customer by customer.
ENGINE = "engine, declared effects"
PLAIN = (
    "random",
    "top risk",
    "greedy expected value",
    "greedy value per unit of cost",
    "engine, replies unknown",
)
HEADER = (
    "| | contacts | of them woken | spend | true value kept | over dates"
    " | per unit of budget | share of the oracle's |\n|---|--:|--:|--:|--:|--:|--:|--:|"
)


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Everything a model of one target may be fitted on, of which a date takes its own part."""

    rows: Rows
    windows: Windows

    def champion(self, target: str, day: date) -> Champion:
        """Fit the procedure to what had closed by a date."""
        from training.procedure import fit_model

        closed = [one for one in self.rows.dates if self.windows.closed_by(one, day)]
        # Others of these dates are a day or two apart, for the windows of test dates.
        firsts = [one for one in closed if one.day == 1][-TRAINED_ON:]
        before = day.replace(year=day.year - 1)
        model, _ = fit_model(
            self.rows.on(closed),
            firsts,
            self.windows,
            a_year_before=before if before in closed else None,
        )
        return Champion(target=target, version="honest", sha256="", run_id="", model=model)


def open_demo(folder: Path) -> Night:
    """Open the newest night of a finished demo.

    Raises
    ------
    NotReady : it has no truth or no models.
    """
    make = f"`forestay demo --workspace {folder} --customers 4000`, about three minutes"
    if not (folder / "truth" / "chances.parquet").is_file():
        raise NotReady(str(folder), "there is no simulated company", "a finished demo", make)
    night = open_night(load_workspace(folder), None, allow_stale=True)
    if len(night.champions) < 2:  # noqa: PLR2004 - churn and complaint
        raise NotReady(str(folder), "a model is missing", "a finished demo", make)
    return night


def origins(night: Night) -> dict[str, Origins]:
    """Gather labelled rows of both targets."""
    from training.dataset import training_set
    from training.judgement import windows_of
    from training.splits import plan

    found, workspace = {}, night.workspace
    for name, target in workspace.targets.items():
        planned = plan(workspace, night.accepted, target)
        data = training_set(workspace, night.accepted, target, planned)
        rows = Rows.of(data.table, data.feature_names, data.group_names)
        found[name] = Origins(rows=rows, windows=windows_of(workspace, target))
    return found


def choices_on(newest: Night, day: date, models: Mapping[str, Champion]) -> Choices:
    """Score a date as the product does, and lay the policy and the truth beside it."""
    from features.snapshots import build_snapshots

    night = replace(newest, as_of=day, champions=models)
    build_snapshots(night.workspace, night.accepted, [day])
    night = replace(night, in_force=_in_force(night, budget=1, phone=1, email=1))
    prepared = scoring(night)
    scores = pa.concat_tables(prepared.bucket(one).rows for one in range(night.snapshot.buckets))
    truth = _truth(night.workspace, day)
    # The truth goes by weeks: it knows those who joined this week from the next one on.
    scores = scores.filter(
        pc.is_in(scores["customer_id"], value_set=truth["customer_id"].combine_chunks())
    )
    phone, email = (round(part * scores.num_rows) for part in (PHONE, EMAIL))
    budget = PAID * (4 * phone + email)
    night = replace(night, in_force=_in_force(night, budget=budget, phone=phone, email=email))
    situation = situation_of(night, scores).in_order()
    # The whole budget is for the benchmark: what the company had sent that day was not its choice.
    situation = replace(situation, before=_without_cost(situation.before))
    return Choices(
        situation=situation,
        policy=night.policy,
        chances=Chances(truth=truth.take(_places(situation.customers, truth))),
    )


def _in_force(night: Night, *, budget: float, phone: int, email: int) -> PolicyInForce:
    """Cut the shipped policy down to the two actions the truth knows, one channel each.

    Costs, declared effects, conditions, caps and suppressions are the shipped ones; nobody is held
    out or reviewed, and no group is compared, since the plain ways know nothing of that.
    """
    shipped = read_policy(shipped_policy(), columns=night.in_force.columns)
    service, retention = (shipped.action(n) for n in ("service_recovery", "retention_contact"))
    policy = replace(
        shipped,
        actions=(
            replace(retention, name="retention_offer", when=Condition(sql="churn_risk >= cutoff")),
            replace(service, costs={"phone": service.costs["phone"]}),
        ),
        budget=Budget(amount=budget, per=timedelta(days=1)),
        capacity={"phone": phone, "email": email},
        hours={},
        holdout=Holdout(),
        review=None,
        fairness=None,
    )
    return replace(night.in_force, policy=policy)


def _without_cost(before: pa.Table) -> pa.Table:
    place = before.schema.get_field_index("cost")
    return before.set_column(place, "cost", pa.array(np.zeros(before.num_rows)))


def _truth(workspace: Workspace, day: date) -> pa.Table:
    """Read the truth of a date."""
    path = workspace.folder / "truth" / "chances.parquet"
    return pq.read_table(path, filters=[("as_of", "=", day)]).combine_chunks()


def _places(customers: pa.Table, truth: pa.Table) -> pa.ChunkedArray:
    return pc.index_in(customers["customer_id"], value_set=truth["customer_id"].combine_chunks())


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one way did on one date; `value` in currency by customer."""

    ids: list[str]
    contacts: float
    woken: float
    spend: float
    budget: float
    value: Numbers


def judge(choices: Choices, churn: str) -> dict[str, Found]:
    """Let every way choose, and add up what its choices are truly worth."""
    ids, worth = choices.situation.customers["customer_id"].to_pylist(), choices.true_value(churn)
    return {
        way: Found(
            ids=ids,
            contacts=float(given.sum()),
            woken=float((given * choices.woken).sum()),
            spend=float((given @ choices.costs).sum()),
            budget=choices.budget,
            value=(given * worth).sum(axis=1),
        )
        for way, given in chosen_by(choices, churn).items()
    }


def report(by_date: Sequence[Mapping[str, Found]], churn: str) -> None:
    """Print one table: means over the dates, and the middle 95% of bootstraps of customers."""
    ways = list(by_date[0])
    everybody = sorted({one for found in by_date for one in found["oracle"].ids})
    place = {name: number for number, name in enumerate(everybody)}
    totals = {way: np.zeros(len(everybody)) for way in ways}
    for found in by_date:
        for way in ways:
            np.add.at(totals[way], [place[one] for one in found[way].ids], found[way].value)
    chances = np.full(len(everybody), 1 / len(everybody))
    drawn = np.random.default_rng(0).multinomial(len(everybody), chances, RESAMPLES)
    again = {way: drawn @ totals[way] / len(by_date) for way in ways}
    print(f"\n### {churn}\n\n{HEADER}")
    for way in ways:
        mine = [found[way] for found in by_date]
        value = [float(one.value.sum()) for one in mine]
        ends = np.quantile(again[way], [0.025, 0.975])
        share = np.quantile(again[way] / again["oracle"], [0.025, 0.975])
        print(
            f"| {way} | {np.mean([one.contacts for one in mine]):.0f}"
            f" | {np.mean([one.woken for one in mine]):.0f}"
            f" | {np.mean([one.spend for one in mine]):.0f}"
            f" | {np.mean(value):,.0f} [{ends[0]:,.0f}, {ends[1]:,.0f}]"
            f" | {min(value):,.0f} to {max(value):,.0f}"
            f" | {np.mean(value) / np.mean([one.budget for one in mine]):.1f}"
            f" | {totals[way].sum() / totals['oracle'].sum():.3f}"
            f" [{share[0]:.3f}, {share[1]:.3f}] |"
        )
    for other in PLAIN:
        ends = np.quantile(again[ENGINE] - again[other], [0.025, 0.975])
        gain = (totals[ENGINE] - totals[other]).sum() / len(by_date)
        print(f"\n{ENGINE} less {other}: {gain:+,.0f} [{ends[0]:+,.0f}, {ends[1]:+,.0f}]")


def main() -> None:
    """Judge the last month starts the truth knows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--dates", type=int, default=4)
    given = parser.parse_args()
    prepare_process()
    try:
        night = open_demo(given.workspace)
        known = pq.read_table(given.workspace / "truth" / "chances.parquet", columns=["as_of"])
        dates = sorted(pc.unique(known["as_of"]).to_pylist())[-given.dates :]
        gathered = origins(night)
        found: dict[str, list[Mapping[str, Found]]] = {churn: [] for churn in CHURN}
        for day in dates:
            models = {name: one.champion(name, day) for name, one in gathered.items()}
            choices = choices_on(night, day, models)
            for churn in CHURN:
                found[churn].append(judge(choices, churn))
            print(f"{day}: {choices.describe()}", flush=True)
    except ForestayError as error:
        raise SystemExit(str(error)) from None
    for churn, by_date in found.items():
        report(by_date, churn)


if __name__ == "__main__":
    main()
