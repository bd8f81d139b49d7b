"""Leases, subscriptions, policies: what runs, what ended, what it costs, what changed.

Aggregates `contracts`: all versions known before the cutoff, of which `current` ones could be
seen at it, `running` ones had not ended by it, and `running_before` ones ran a year before, as
known then.
"""

from typing import TYPE_CHECKING, Any

from features.catalogue.feature import Feature
from features.catalogue.moment import Moment, both, days_between, ratio, text_of
from features.point_in_time import instant

if TYPE_CHECKING:
    import ibis

#: Prices are compared with those of a year before.
PRICE_CHANGE_DAYS = 365


def _feature(what: str, statistic: str, unit: str, words: tuple[str, str], **more: Any) -> Feature:  # noqa: ANN401 - the record's own fields
    given = {
        "view": "contracts", "source": "contracts", "lowest": 0.0, "reason": "CONTRACT", **more,
    }  # fmt: skip
    return Feature(what=what, statistic=statistic, unit=unit, says=text_of(words), **given)


def _days_to_end(contracts: Moment) -> "ibis.Value":
    ends = contracts.rows.ends_at.min(where=contracts.rows.running)
    return days_between(instant(contracts.as_of), ends)


def _ended(contracts: Moment, days: int | None = None) -> "ibis.Value":
    ended = Moment(rows=contracts.rows, as_of=contracts.as_of, time="ended_at")
    return ended.within(days, both(contracts.rows.current, contracts.rows.ended_at.notnull()))


def _price_change(contracts: Moment) -> "ibis.Value":
    now = contracts.rows.price.sum(where=contracts.rows.running).cast("float64")
    before = contracts.rows.price.sum(where=contracts.rows.running_before).cast("float64")
    return ratio(now - before, before)


def _plan_changes(contracts: Moment) -> "ibis.Value":
    changed = Moment(rows=contracts.rows, as_of=contracts.as_of, time="changed_at")
    return contracts.count(changed.within(365, contracts.rows.plan_changed))


FEATURES: tuple[Feature, ...] = (
    _feature(
        "contracts_running", "count", "count", ("Contracts running", "有效合同数"), absent=0.0,
        expression=lambda contracts: contracts.count(contracts.rows.running),
    ),
    _feature(
        "contracts_ended", "count", "count", ("Contracts that ended so far", "已结束合同数"),
        absent=0.0, expression=lambda contracts: contracts.count(_ended(contracts)),
    ),
    _feature(
        "contracts_ended", "count", "count",
        ("Contracts that ended in a year", "最近一年结束的合同数"),
        window_days=365, absent=0.0,
        expression=lambda contracts: contracts.count(_ended(contracts, 365)),
    ),
    _feature(
        "contracts_started", "count", "count",
        ("Contracts that started in a year", "最近一年新签合同数"),
        window_days=365, absent=0.0,
        expression=lambda contracts: contracts.count(
            contracts.within(365, contracts.rows.current)
        ),
    ),
    _feature(
        "first_contract", "", "days", ("Days since the first contract began", "距首份合同天数"),
        reason="TENURE",
        expression=lambda contracts: contracts.days_since(
            contracts.rows.starts_at.min(where=contracts.rows.current)
        ),
    ),
    _feature(
        "contract_age", "", "days",
        ("Days since the newest running contract began", "最新有效合同已执行天数"),
        expression=lambda contracts: contracts.days_since(
            contracts.rows.starts_at.max(where=contracts.rows.running)
        ),
    ),
    _feature(
        "contract_end", "", "days",
        ("Days until the next running contract ends", "距最近到期合同的天数"),
        needs=("ends_at",), expression=_days_to_end,
    ),
    _feature(
        "contract_ended", "", "days",
        ("Days since the last contract ended", "距上份合同结束天数"),
        expression=lambda contracts: contracts.days_since(
            contracts.rows.ended_at.max(where=contracts.rows.current)
        ),
    ),
    _feature(
        "price", "total", "currency", ("Price per month of running contracts", "有效合同月费合计"),
        reason="PRICE", absent=0.0, needs=("price",),
        expression=lambda contracts: contracts.total("price", contracts.rows.running),
    ),
    _feature(
        "price", "change_rate", "rate",
        ("Change of the monthly price against a year before", "月费较一年前的变化率"),
        window_days=PRICE_CHANGE_DAYS, reason="PRICE", lowest=-1.0, needs=("price",),
        expression=_price_change,
    ),
    _feature(
        "plan_changes", "count", "count", ("Changes of plan in a year", "最近一年套餐变更次数"),
        window_days=365, absent=0.0, needs=("plan",), expression=_plan_changes,
    ),
)  # fmt: skip
