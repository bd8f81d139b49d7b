"""A small shop of half a year, and made-up champions: a night on it takes a second."""

import csv
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from training.champion import Scores
from training.drift import learn_reference

FIRST_DAY, LAST_DAY = date(2011, 1, 1), date(2011, 6, 30)
AS_OF = date(2011, 7, 1)
YAML = """\
name: small-shop
currency: EUR
sources:
  orders:
    uri: orders.csv
    columns: {order_id: id, customer_id: customer, ordered_at: day, amount: amount}
  interactions:
    uri: calls.csv
    columns: {interaction_id: id, customer_id: customer, occurred_at: day, kind: "'complaint'"}
  consents:
    uri: consents.csv
    columns: {customer_id: customer, channel: channel, granted: granted, changed_at: day}
targets:
  churn: {kind: lapse, active_within_days: 90, horizon_days: 30}
  complaint: {active_within_days: 60, horizon_days: 30}
"""


def write_csv(path, names, rows):
    """Write one source."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


def write_shop(folder, customers=120, seed=5):
    """Write a shop whose customers buy at random, half a year long."""
    draw = random.Random(seed)  # noqa: S311 - a world, no secret
    days = (LAST_DAY - FIRST_DAY).days
    ids = [f"{number:020d}" for number in range(customers)]

    def some_day():
        return f"{FIRST_DAY + timedelta(days=draw.randrange(days))} 10:00:00"

    orders = [(f"o{n}", draw.choice(ids), some_day(), 5 + n % 90) for n in range(900)]
    orders.append(("last", ids[0], f"{LAST_DAY} 10:00:00", 10))
    calls = [(f"c{n}", draw.choice(ids), some_day()) for n in range(100)]
    consents = [(one, "email", number % 7 != 0, FIRST_DAY) for number, one in enumerate(ids)]
    write_csv(folder / "orders.csv", ["id", "customer", "day", "amount"], orders)
    write_csv(folder / "calls.csv", ["id", "customer", "day"], calls)
    write_csv(folder / "consents.csv", ["customer", "channel", "granted", "day"], consents)
    (folder / "forestay.yaml").write_text(YAML)


@dataclass(frozen=True)
class MadeUpChampion:
    """A model with a rule of thumb for a margin; its parts add up as a real one's do."""

    target: str
    feature_names: tuple[str, ...]
    weights: tuple[float, ...]
    sha256: str = "0" * 64
    version: str = "1"
    run_id: str = "made-up"
    base_rate: float = 0.3
    folds = None
    groups_read = frozenset()
    judged: Mapping = field(default_factory=dict)

    @property
    def model(self):
        """Margins, and what it was trained on."""
        return SimpleNamespace(margin=self.margin, reference=self.reference)

    @property
    def reference(self):
        """Spread of made-up training rows."""
        rows = pa.table({name: np.linspace(0, 50, 200) for name in self.feature_names})
        return learn_reference(rows, self.margin(rows))

    def parts(self, table):
        """Return what each feature adds."""
        return np.column_stack(
            [
                weight * np.nan_to_num(table[name].to_numpy())
                for name, weight in zip(self.feature_names, self.weights, strict=True)
            ]
        )

    def margin(self, table):
        """Sum of the parts."""
        return self.parts(table).sum(axis=1) - 1

    def score(self, table):
        """Score as a champion does."""
        parts = self.parts(table)
        margin = parts.sum(axis=1) - 1
        return Scores(
            margin=margin,
            risk=1 / (1 + np.exp(-margin)),
            base=np.full(len(margin), -1.0),
            contributions=parts,
            feature_names=self.feature_names,
        )


CHAMPIONS = {
    "churn": MadeUpChampion("churn", ("recency_days", "orders_count_90d"), (0.03, -0.1)),
    "complaint": MadeUpChampion("complaint", ("complaints_count_90d",), (0.5,)),
}


def made_up_models(patch):
    """Serve models with a rule of thumb, by whatever name they are asked for."""
    import training.registry

    patch.setattr(training.registry, "load_champion", lambda _, name: CHAMPIONS.get(name))
    patch.setattr(training.registry, "load_version", lambda _, name, __: CHAMPIONS[name])


def write_recorded(folder, patch, more=""):
    """Write a shop and decide for one night; the online store is tested elsewhere."""
    import features.feature_store
    from features.ingest import ingest
    from features.settings import load_workspace
    from serving.nightly import nightly

    write_shop(folder)
    with (folder / "forestay.yaml").open("a") as file:
        file.write(more)
    ingest(load_workspace(folder))
    made_up_models(patch)
    patch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
    nightly(load_workspace(folder))
