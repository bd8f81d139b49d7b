# ruff: noqa: RUF001 - Chinese sentences have their own punctuation
"""Purchases: recency, frequency, money, rhythm, trend, range and returns.

Aggregates `orders`, where lines that share an order are one row (`placed_at`, `amount`,
`quantity`, `gap_days` since the purchase day before), and `lines` for what is per line.
"""

from typing import TYPE_CHECKING, Any

from features.catalogue.feature import WINDOWS, Feature, since
from features.catalogue.moment import Moment, both, ratio, text_of, trend

if TYPE_CHECKING:
    import ibis

#: Lifetime last, as it reads in a table.
_WINDOWS_AND_LIFE = (*WINDOWS, None)


def _feature(what: str, statistic: str, unit: str, words: tuple[str, str], **more: Any) -> Feature:  # noqa: ANN401 - the record's own fields
    given = {"view": "rfm", "source": "orders", "lowest": 0.0, **more}
    return Feature(what=what, statistic=statistic, unit=unit, says=text_of(words), **given)


def _bought(orders: Moment) -> "ibis.Value":
    """Claim that a row is a purchase: an order with return lines only is none."""
    return orders.rows.placed_at.notnull()


def _orders_count(days: int | None) -> Feature:
    english, chinese = since(days)
    return _feature(
        "orders", "count", "count", (f"Orders {english}", f"{chinese}订单数"),
        window_days=days, reason="FREQUENCY", absent=0.0,
        expression=lambda orders: orders.count(orders.within(days, _bought(orders))),
    )  # fmt: skip


def _amount_total(days: int | None) -> Feature:
    english, chinese = since(days)
    return _feature(
        "amount", "total", "currency", (f"Amount spent {english}", f"{chinese}消费金额"),
        window_days=days, reason="SPEND", absent=0.0, lowest=None, needs=("amount",),
        expression=lambda orders: orders.total("amount", orders.within(days, _bought(orders))),
    )  # fmt: skip


def _orders_trend(days: int) -> Feature:
    return _feature(
        "orders", "trend", "ratio",
        (f"Orders of {days} days against the {days} days before, -1 to 1",
         f"最近{days}天订单数与前{days}天相比（-1至1）"),
        window_days=days, reason="TREND", lowest=-1.0, highest=1.0,
        expression=lambda orders: trend(
            orders.count(orders.within(days)), orders.count(orders.previously(days))
        ),
    )  # fmt: skip


def _returns_count(days: int) -> Feature:
    english, chinese = since(days)
    return _feature(
        "returns", "count", "count", (f"Returns {english}", f"{chinese}退货次数"),
        window_days=days, reason="RETURNS", absent=0.0, needs=("is_return",),
        expression=lambda orders: orders.count(_returned(orders, days)),
    )  # fmt: skip


def _returned(orders: Moment, days: int) -> "ibis.Value":
    return Moment(rows=orders.rows, as_of=orders.as_of, time="returned_at").within(days)


def _gap_deviation(orders: Moment) -> "ibis.Value":
    """Sample deviation of the gaps from exact sums, so that no engine rounds on the way."""
    gap, gapped = orders.rows.gap_days, _gapped(orders)
    count, total = orders.count(gapped), gap.sum(where=gapped)
    squares = (gap * gap).sum(where=gapped)
    spread = (count * squares - total * total).cast("float64")
    return (spread / (count * (count - 1)).cast("float64").nullif(0.0)).sqrt()


def _gapped(orders: Moment, days: int | None = None) -> "ibis.Value":
    """Claim that an order opened a new purchase day after an earlier one."""
    return orders.within(days, orders.rows.gap_days > 0)


def _gap_against_usual(orders: Moment) -> "ibis.Value":
    return ratio(_last_gap(orders), orders.mean("gap_days", _gapped(orders)))


def _last_gap(orders: Moment) -> "ibis.Value":
    """Gap of the newest purchase day; one order opens it, so there are no ties to break."""
    return orders.rows.gap_days.argmax(orders.rows.placed_at, where=_gapped(orders))


def _recency_against_usual(orders: Moment) -> "ibis.Value":
    return orders.days_since(orders.rows.placed_at.max()) / orders.mean("gap_days", _gapped(orders))


RHYTHM = (
    _feature(
        "recency", "", "days", ("Days since the last order", "距上次下单天数"),
        reason="RECENCY",
        expression=lambda orders: orders.days_since(orders.rows.placed_at.max()),
    ),
    _feature(
        "first_order", "", "days", ("Days since the first order", "距首次下单天数"),
        reason="TENURE",
        expression=lambda orders: orders.days_since(orders.rows.placed_at.min()),
    ),
    _feature(
        "purchase_days", "count", "count", ("Different days with a purchase", "有购买的天数"),
        reason="FREQUENCY", absent=0.0,
        expression=lambda orders: orders.count(
            both(_bought(orders), orders.rows.gap_days.isnull() | (orders.rows.gap_days > 0))
        ),
    ),
    _feature(
        "gap", "mean", "days", ("Usual days between purchases", "平均购买间隔天数"),
        reason="RECENCY", lowest=1.0,
        expression=lambda orders: orders.mean("gap_days", _gapped(orders)),
    ),
    _feature(
        "gap", "mean", "days",
        ("Usual days between purchases in a year", "最近一年平均购买间隔天数"),
        window_days=365, reason="RECENCY", lowest=1.0,
        expression=lambda orders: orders.mean("gap_days", _gapped(orders, 365)),
    ),
    _feature(
        "gap", "deviation", "days",
        ("How much the days between purchases vary", "购买间隔的波动天数"),
        reason="RECENCY", expression=_gap_deviation,
    ),
    _feature(
        "gap", "last", "days", ("Days between the last two purchases", "最近两次购买的间隔天数"),
        reason="RECENCY", lowest=1.0,
        expression=_last_gap,
    ),
    _feature(
        "gap", "last_ratio", "ratio", ("Last gap against the usual gap", "最近间隔与平均间隔之比"),
        reason="RECENCY", expression=_gap_against_usual,
    ),
    _feature(
        "recency", "gap_ratio", "ratio",
        ("Days since the last order against the usual gap", "距上次下单天数与平均间隔之比"),
        reason="RECENCY", expression=_recency_against_usual,
    ),
)  # fmt: skip

MONEY = (
    _feature(
        "amount", "mean", "currency", ("Mean amount of an order in a year", "最近一年平均订单金额"),
        window_days=365, reason="SPEND", lowest=None, needs=("amount",),
        expression=lambda orders: orders.mean("amount", orders.within(365, _bought(orders))),
    ),
    _feature(
        "amount", "max", "currency", ("Largest order in a year", "最近一年最大订单金额"),
        window_days=365, reason="SPEND", lowest=None, needs=("amount",),
        expression=lambda orders: orders.rows.amount.max(where=orders.within(365)),
    ),
    _feature(
        "amount", "last", "currency", ("Amount of the last order", "最近一次订单金额"),
        reason="SPEND", lowest=None, needs=("amount",),
        expression=lambda orders: orders.last("amount", _bought(orders)),
    ),
    _feature(
        "amount", "trend", "ratio",
        ("Amount of 90 days against the 90 days before, -1 to 1",
         "最近90天消费金额与前90天相比（-1至1）"),
        window_days=90, reason="TREND", lowest=-1.0, highest=1.0, needs=("amount",),
        expression=lambda orders: trend(
            orders.total("amount", orders.within(90)),
            orders.total("amount", orders.previously(90)),
        ),
    ),
)  # fmt: skip

RANGE = (
    _feature(
        "quantity", "mean", "pieces", ("Mean pieces of an order in a year", "最近一年平均每单件数"),
        window_days=365, reason="ASSORTMENT", lowest=None, needs=("quantity",),
        expression=lambda orders: orders.mean("quantity", orders.within(365, _bought(orders))),
    ),
    _feature(
        "categories", "count", "count",
        ("Different products in a year", "最近一年购买的商品种类数"),
        window_days=365, reason="ASSORTMENT", absent=0.0, needs=("category",), source="lines",
        expression=lambda lines: lines.rows.category.nunique(
            where=lines.within(365, ~lines.rows.is_return)
        ),
    ),
    _feature(
        "order_channels", "count", "count",
        ("Ways of buying used in a year", "最近一年使用的购买渠道数"),
        window_days=365, reason="ASSORTMENT", absent=0.0, needs=("channel",), source="lines",
        expression=lambda lines: lines.rows.channel.nunique(
            where=lines.within(365, ~lines.rows.is_return)
        ),
    ),
)  # fmt: skip

RETURNS = (
    _returns_count(90),
    _returns_count(365),
    _feature(
        "returns", "rate", "rate", ("Returns per order in a year", "最近一年退货率"),
        window_days=365, reason="RETURNS", needs=("is_return",),
        expression=lambda orders: ratio(
            orders.count(_returned(orders, 365)), orders.count(orders.within(365))
        ),
    ),
    _feature(
        "returns", "total", "currency", ("Value of returns in a year", "最近一年退货金额"),
        window_days=365, reason="RETURNS", absent=0.0, needs=("is_return", "amount"),
        expression=lambda orders: orders.total("returned_amount", _returned(orders, 365)).abs(),
    ),
)  # fmt: skip

FEATURES: tuple[Feature, ...] = (
    *RHYTHM,
    *(_orders_count(days) for days in _WINDOWS_AND_LIFE),
    *(_amount_total(days) for days in _WINDOWS_AND_LIFE),
    *MONEY,
    _orders_trend(30),
    _orders_trend(90),
    *RANGE,
    *RETURNS,
)
