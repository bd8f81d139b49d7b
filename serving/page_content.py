"""What the page of a list says around its rows: tiles, pictures, warnings, notes."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese commas

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from serving.histogram import Histogram, histogram
from serving.list_files import SHOWN_ROWS
from serving.night import Night
from serving.page import Page
from serving.page_words import (
    CAUSES,
    CONTACTED,
    ENTERED,
    HELD_OUT,
    LEFT,
    LEFT_ALONE,
    LISTED,
    MEAN_RISK,
    NOT_CONTACTED,
    RISKS,
    TO_CONTACT,
    Words,
    first_rows,
)
from serving.risk_list import LANGUAGES, TARGETS
from serving.sureness import sureness


def page_of(night: Night, decided: pa.Table, summary: Mapping[str, Any]) -> Page:
    """Gather everything the page shows but its rows."""
    says = {language: night.policy.sentences(language) for language in LANGUAGES}
    return Page(
        workspace=night.workspace.name,
        as_of=night.as_of.isoformat(),
        language=night.workspace.language,
        currency=night.workspace.currency,
        total=decided.num_rows,
        tiles=_tiles(summary["counts"]),
        warnings=_warnings(summary, decided.num_rows),
        histograms=_histograms(decided, summary["cut_offs"]),
        sureness=sureness(summary["judged"]),
        actions=night.policy.actions,
        changes=_changes(summary["since_last"]),
        notes=_notes(summary),
        why_not={code: {one: says[one][code] for one in LANGUAGES} for code in says["en"]},
    )


def _tiles(counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    decisions = counts["decisions"]
    tiles = [
        (counts["listed"], LISTED),
        (decisions["contact"], CONTACTED),
        (decisions["held_out"], HELD_OUT),
        (decisions["leave_alone"], LEFT_ALONE),
    ]
    risks = [
        {"value": f"{mean:.1%}", "words": MEAN_RISK[target]}
        for target, mean in counts["mean_risk"].items()
        if mean is not None
    ]
    return [{"value": f"{number:,}", "words": words} for number, words in tiles] + risks


def _warnings(summary: Mapping[str, Any], total: int) -> list[Words]:
    cut = [first_rows(SHOWN_ROWS, total)] if total > SHOWN_ROWS else []
    return [{"en": item["en"], "zh": item["zh"]} for item in summary["warnings"]] + cut


def _histograms(
    decided: pa.Table, cut_offs: Mapping[str, Mapping[str, float]]
) -> Sequence[Histogram]:
    pictures = (
        histogram(decided[f"{target}_risk"], cut_offs.get(target, {}), RISKS[target])
        for target in TARGETS
    )
    return [picture for picture in pictures if picture]


def _changes(since_last: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if since_last is None:
        return []
    lines = [
        (ENTERED, since_last["listed"]["entered"]),
        (LEFT, since_last["listed"]["left"]),
        (TO_CONTACT, since_last["contacts"]["entered"]),
        (NOT_CONTACTED, since_last["contacts"]["left"]),
    ]
    return [
        {"words": words, "value": f"{sum(causes.values()):,}", "causes": _causes(causes)}
        for words, causes in lines
    ]


def _causes(causes: Mapping[str, int]) -> Words:
    return {
        language: " · ".join(
            f"{CAUSES[name][language]} {count:,}" for name, count in causes.items()
        )
        for language in LANGUAGES
    }


def _notes(summary: Mapping[str, Any]) -> list[Words]:
    versions = {t: model["version"] for t, model in summary["models"].items() if model}
    models = ", ".join(f"{target} {version}" for target, version in versions.items()) or "-"
    policy, fingerprint = summary["policy"]["version"], summary["fingerprint"]
    notes: list[Words] = [
        {
            "en": "Risks are calibrated probabilities; reasons say what raises a risk, not what"
            " would lower it. Expected value: risk x value of a year x assumed effect - cost.",
            "zh": "风险为校准后的概率；原因说明风险因何升高，不代表改变它即可降低风险。"
            "预期价值 = 风险 × 年价值 × 假定效果 - 成本。",
        },
        {
            "en": f"Models: {models}. Policy: {policy}. Fingerprint: {fingerprint}.",
            "zh": f"模型：{models}。策略：{policy}。指纹：{fingerprint}。",
        },
    ]
    if summary["attributes_as_of_today"]:
        notes.append(
            {
                "en": "Segment, region and language are taken as of today.",
                "zh": "分群、地区与语言取当前值。",
            }
        )
    return notes
