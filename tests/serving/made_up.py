# ruff: noqa: RUF001 - Chinese sentences have Chinese signs
"""Made-up scores and decisions for tests of the list: what `score` and `decide` would give."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa

from features.catalogue import standard_features
from proactive_rules.decide import Decided, decide
from proactive_rules.policy.columns import Columns, reads
from proactive_rules.policy.file import read_policy, shipped_policy
from proactive_rules.situation import Situation
from serving.policies import with_unmapped
from serving.risk_list import LANGUAGES, REASONS, TARGETS, ListFacts, reason_column

AS_OF = date(2011, 12, 10)
_STANDARD = standard_features()
#: A workspace that maps next to nothing: what the shipped policy reads is null.
COLUMNS = Columns(
    numbers=frozenset({"churn_risk", "complaint_risk", "last_outcome_days"}),
    texts=frozenset({"last_outcome", "complaint_band"}),
    unmapped=frozenset(one.name for one in _STANDARD if one.dtype == "number"),
    unmapped_texts=frozenset(one.name for one in _STANDARD if one.dtype == "text"),
)
FACTS = ListFacts(
    workspace="made-up",
    as_of=AS_OF,
    language="en",
    fingerprint="f" * 64,
    model_versions={"churn": "3", "complaint": None},
    policy=read_policy(shipped_policy(), columns=COLUMNS),
)
_SAID = {
    ("churn", "en"): "No purchase for {n} days; usually buys every 21",
    ("churn", "zh"): "已 {n} 天未购买；通常每 21 天购买一次",
    ("complaint", "en"): "{n} complaints in the last 90 days",
    ("complaint", "zh"): "近 90 天投诉 {n} 次",
}


def scores(count: int, seed: int = 1) -> pa.Table:
    """Score made-up customers, named c00000 and on."""
    rng = np.random.default_rng(seed)
    ids = [f"c{number:05}" for number in range(count)]
    churn, complaint = rng.beta(2, 4, count), rng.beta(1, 12, count)
    bands = np.array(["low", "medium", "high", "very_high"])
    columns = {
        "customer_id": ids,
        "lifecycle_stage": rng.choice(["new", "active", "loyal", "lapsing"], count),
        "segment": rng.choice(["consumer", "trade"], count),
        "region": rng.choice(["North", "South"], count),
        "language": pa.array(rng.choice(["en", "zh"], count), mask=rng.random(count) < 0.3),
        "churn_risk": churn,
        "churn_band": bands[np.searchsorted([0.3, 0.5, 0.7], churn)],
        "complaint_risk": complaint,
        "complaint_band": bands[np.searchsorted([0.1, 0.2, 0.3], complaint)],
        "amount_total_365d": rng.gamma(1.0, 400.0, count),
        "price_total": pa.nulls(count, pa.float64()),
        "leading_target": np.where(complaint > 0.15, "complaint", "churn"),
    }
    for target in TARGETS:
        codes = [["RECENCY", "GAP"], ["COMPLAINTS"]]
        columns[f"{target}_reason_codes"] = pa.array([codes[i % 2] for i in range(count)])
        for language in LANGUAGES:
            for place in REASONS:
                said = [_SAID[target, language].format(n=place + i % 90) for i in range(count)]
                missing = np.full(count, place == 3)
                columns[reason_column(target, language, place)] = pa.array(
                    said, pa.string(), mask=missing
                )
    return pa.table(columns)


def joined(count: int, scored: pa.Table | None = None) -> pa.Table:
    """Decide for the scored and add when each came on the list, as the night joins them."""
    scored = scores(count) if scored is None else scored
    table = made(scored).table
    return table.append_column("on_list_since", pa.array([AS_OF] * table.num_rows, pa.date32()))


def made(scored: pa.Table) -> Decided:
    """Decide for the scored under the shipped policy."""
    wanted = reads(FACTS.policy.conditions, COLUMNS)
    situation = Situation(
        customers=with_unmapped(scored, wanted), as_of=datetime(2011, 12, 10, tzinfo=UTC)
    )
    return decide(situation, FACTS.policy)
