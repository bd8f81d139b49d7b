"""Figures for Prometheus: labels are routes of the table, statuses and names of ours, no others."""

import re
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from features.settings import value_of

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_STATUS = re.compile(rb'"status": "([a-z_]+)"')
_RISK = re.compile(rb'"(churn|complaint)":\{"risk":([0-9.eE+-]+)')


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        """Begin at nothing; where there are several workers, their figures are added up."""
        self._alarmed: set[tuple[str, str]] = set()
        self._shared = value_of("PROMETHEUS_MULTIPROC_DIR") is not None
        self.registry = None if self._shared else CollectorRegistry()
        self.seconds = Histogram(
            "forestay_request_seconds", "Time to answer", ["route"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.requests = Counter(
            "forestay_requests", "Answers by route and status", ["route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.risks = Histogram(
            "forestay_risk", "Calibrated risks that were told", ["target"],
            buckets=tuple(n / 10 for n in range(1, 11)), registry=self.registry,
        )  # fmt: skip
        self.results = Counter(
            "forestay_results", "Customers answered, by status", ["status"], registry=self.registry
        )
        self.degraded = Counter(
            "forestay_degraded_results", "Customers answered while something was away",
            registry=self.registry,
        )  # fmt: skip
        self.feature_age = Gauge(
            "forestay_feature_age_seconds", "Age of the features of the newest night",
            registry=self.registry, multiprocess_mode="mostrecent",
        )  # fmt: skip
        self.score_age = Gauge(
            "forestay_score_age_seconds", "Time since the newest night was published",
            registry=self.registry, multiprocess_mode="mostrecent",
        )  # fmt: skip

        self.alarms = Gauge(
            "forestay_alarm", "1 for each alarm of the newest list", ["code", "subject"],
            registry=self.registry, multiprocess_mode="mostrecent",
        )  # fmt: skip
        self.drift = Gauge(
            "forestay_score_drift", "Population stability index of the risks of the newest list",
            ["target"], registry=self.registry, multiprocess_mode="mostrecent",
        )  # fmt: skip

    def watched(self, summary: Mapping[str, Any]) -> None:
        """Show what the newest list was warned of; what is over is 0, so that it is seen to end."""
        for labels in self._alarmed:
            self.alarms.labels(*labels).set(0)
        for one in summary.get("watch", {}).get("alarms", []):
            self._alarmed.add((one["code"], one["subject"]))
            self.alarms.labels(one["code"], one["subject"]).set(1)
        for target, found in summary.get("drift", {}).items():
            self.drift.labels(target).set(found.get("score", float("nan")))

    def told(self, text: bytes) -> None:
        """Count one result by its status, and its risks."""
        for status in _STATUS.findall(text):
            self.results.labels(status.decode()).inc()
        for target, risk in _RISK.findall(text):
            self.risks.labels(target.decode()).observe(float(risk))

    def text(self) -> bytes:
        """Write everything in the text format of Prometheus."""
        registry = self.registry or CollectorRegistry()
        if self._shared:
            MultiProcessCollector(registry)
        return bytes(generate_latest(registry))
