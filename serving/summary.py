# ruff: noqa: RUF001 - Chinese sentences have Chinese commas
"""What a list says about itself: counts, cut-offs, changes, drift, fingerprints; never the time.

Plain data in, plain data out; the page and the command line show the same.
"""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from proactive_rules.decide import Decided
from proactive_rules.decision_table import DECISIONS
from serving.night import Night
from serving.page_words import BANDS
from serving.policy_words import policy_warnings
from serving.risk_list import TARGETS

if TYPE_CHECKING:
    from training.champion import Champion

#: A level of risk that was set for one season holds so many days before and after.
SEASON_DAYS, DAYS_OF_A_YEAR = 45, 365
#: Scores or features have drifted beyond doubt above this (Siddiqi 2006).
DRIFTED = 0.25
_SPOKEN = {"churn": "流失", "complaint": "投诉"}


def summarise(
    night: Night, made: Decided, extra: Mapping[str, Any], *, consent_checked: bool
) -> dict[str, Any]:
    """Say everything about a list that is not in its rows.

    Parameters
    ----------
    made : the decisions, with risks and bands, and what they share.
    extra : `since_last`, `drift`, `watch`, `supersedes` and `shown_rows`, as the night found them.
    """
    from training.bands import cutoffs

    policy, decided, run = night.policy, made.table, made.run
    return {
        "workspace": night.workspace.name,
        "as_of": night.as_of.isoformat(),
        "currency": night.workspace.currency,
        "fingerprint": night.fingerprint,
        "made_from": night.made_from,
        "supersedes": extra["supersedes"],
        "counts": _counts(night, decided),
        "bands": {t: counted(decided, f"{t}_band", BANDS) for t in TARGETS},
        "cut_offs": {t: cutoffs(c.base_rate) for t, c in sorted(night.champions.items())},
        "judged": {t: c.judged for t, c in sorted(night.champions.items())},
        "models": {t: _model(night.champions.get(t)) for t in TARGETS},
        "policy": {
            "version": policy.label,
            "fingerprint": policy.fingerprint,
            "file": night.in_force.path.name if night.in_force.path else "shipped",
        },
        "limits": run["limits"],
        "allocation": run["allocation"],
        "action_cut_offs": run["cutoffs"],
        "holdout": run["controls"],
        "human_review": run["review"],
        "fairness": run["fairness"],
        "earlier_contacts": run["before"],
        "since_last": extra["since_last"],
        "drift": extra["drift"],
        "watch": extra["watch"],
        "consent_checked": consent_checked,
        "attributes_as_of_today": "customers" in night.accepted.tables,
        "stale_sources": [source.label for source in night.stale],
        "warnings": _warnings(night, extra, consent_checked=consent_checked) + policy_warnings(run),
        "rows_in_excel_and_page": extra["shown_rows"],
    }


def counted(table: pa.Table, name: str, values: tuple[str, ...]) -> dict[str, int]:
    """Count the rows of each value, in the order given."""
    found = pc.value_counts(table[name].combine_chunks()).to_pylist()
    by_value = {item["values"]: item["counts"] for item in found}
    return {value: by_value.get(value, 0) for value in values}


def _counts(night: Night, decided: pa.Table) -> dict[str, Any]:
    chosen = decided.filter(pc.equal(decided["decision"], "contact"))
    return {
        "listed": decided.num_rows,
        "with_risk": {t: decided.num_rows - decided[f"{t}_risk"].null_count for t in TARGETS},
        "mean_risk": {t: pc.mean(decided[f"{t}_risk"]).as_py() for t in TARGETS},
        "decisions": counted(decided, "decision", DECISIONS),
        "contacts": counted(chosen, "channel", night.policy.channels),
        "why_not": dict(
            sorted(
                (item["values"], item["counts"])
                for item in pc.value_counts(decided["why_not"].combine_chunks()).to_pylist()
                if item["values"] is not None
            )
        ),
    }


def _model(champion: "Champion | None") -> dict[str, Any] | None:
    if champion is None:
        return None
    return {
        "version": champion.version,
        "sha256": champion.sha256,
        "base_rate": champion.base_rate,
        "out_of_fold": champion.folds is not None,
    }


def _warnings(
    night: Night, extra: Mapping[str, Any], *, consent_checked: bool
) -> list[dict[str, str]]:
    found = [
        {"code": one["code"], "en": one["en"], "zh": one["zh"]} for one in extra["watch"]["alarms"]
    ]
    found += [
        _warning(
            "stale_source",
            f"{source.label} is older than it should be; the list is marked stale.",
            f"{source.label} 数据过旧，名单已标记。",
        )
        for source in night.stale
    ]
    found += [
        _warning(
            "no_model",
            f"There is no {target} model with skill, so {target} risks are empty.",
            f"没有达标的{_SPOKEN[target]}模型，相应风险为空。",
        )
        for target in night.workspace.targets
        if target not in night.champions
    ]
    found += _ahead_of_data(night)
    found += [told for t, c in sorted(night.champions.items()) for told in _old_season(night, t, c)]
    if not consent_checked:
        found.append(
            _warning(
                "consent_not_checked",
                "Consent was not checked: no consents source is mapped.",
                "未核对客户同意：未映射 consents 数据源。",
            )
        )
    found += [
        _drifted(target, psi)
        for target, psi in extra["drift"].items()
        if psi.get("score", 0.0) > DRIFTED
    ]
    return found


def _ahead_of_data(night: Night) -> list[dict[str, str]]:
    """Tell of a date the data do not reach: without their newest days everyone seems quiet."""
    from training.splits.present import nightly_as_of

    newest = nightly_as_of(night.workspace, night.accepted)
    if night.as_of <= newest:
        return []
    return [
        _warning(
            "ahead_of_data",
            f"The data end before {newest}; what happened since then is not in this list.",
            f"数据截至{newest}之前，名单不含此后发生的情况。",
        )
    ]


def _old_season(night: Night, target: str, champion: "Champion") -> list[dict[str, str]]:
    """Tell of a level of risk that was set for another season of the year."""
    told = champion.judged.get("base_rate", {}).get("season_of")
    if not told:
        return []
    of = date.fromisoformat(told)
    apart = (night.as_of - of).days % DAYS_OF_A_YEAR
    if min(apart, DAYS_OF_A_YEAR - apart) <= SEASON_DAYS:
        return []
    return [
        _warning(
            "season_is_over",
            f"The level of {target} risks was set for the season of {of:%d %B}: train again.",
            f"{_SPOKEN[target]}风险水平按{of:%m月%d日}前后的季节设定，请重新训练。",
        )
    ]


def _drifted(target: str, psi: Mapping[str, float]) -> dict[str, str]:
    worst = sorted(psi.items(), key=lambda item: (-item[1], item[0]))
    names = ", ".join([n for n, value in worst if value > DRIFTED and n != "score"][:3]) or "-"
    return _warning(
        "drift",
        f"Today's {target} risks differ from those the model learnt on; features: {names}.",
        f"当前{_SPOKEN[target]}风险分布已偏离训练数据；相关特征：{names}。",
    )


def _warning(code: str, english: str, chinese: str) -> dict[str, str]:
    return {"code": code, "en": english, "zh": chinese}
