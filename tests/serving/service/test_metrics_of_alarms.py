"""What the newest list was warned of stands at /metrics, and is seen to end."""

from serving.service.metrics import Metrics


def _summary(*alarms):
    return {
        "watch": {"alarms": [{"code": code, "subject": subject} for code, subject in alarms]},
        "drift": {"churn": {"score": 0.12}},
    }


def _shown(gauge):
    return {
        tuple(sample.labels.values()): sample.value
        for metric in gauge.collect()
        for sample in metric.samples
    }


def test_an_alarm_is_one_while_it_lasts_and_zero_after():
    """So that a rule of Prometheus may be told that it is over."""
    metrics = Metrics()
    metrics.watched(_summary(("feed_silent", "orders")))
    assert _shown(metrics.alarms) == {("feed_silent", "orders"): 1}
    assert _shown(metrics.drift) == {("churn",): 0.12}
    metrics.watched(_summary(("unit_changed", "orders.amount")))
    assert _shown(metrics.alarms) == {
        ("feed_silent", "orders"): 0, ("unit_changed", "orders.amount"): 1,
    }  # fmt: skip
