"""What the page of a list says around its rows: tiles, pictures, warnings, notes."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese commas

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from proactive_rules.policy.sentences import both_languages
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
    REVIEWED,
    RISKS,
    TO_CONTACT,
    Words,
    first_rows,
)
from serving.policy_words import cutoff_lines, limit_lines
from serving.risk_list import LANGUAGES, TARGETS
from serving.sureness import sureness


def page_of(night: Night, decided: pa.Table, summary: Mapping[str, Any]) -> Page:
    """Gather everything the page shows but its rows."""
    action_words = {action.name: dict(action.say) for action in night.policy.actions}
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
        actions=_actions(night, decided),
        limits=limit_lines(summary["limits"], night.workspace.currency),
        cut_offs=cutoff_lines(summary["action_cut_offs"], action_words),
        changes=_changes(summary["since_last"]),
        notes=_notes(summary),
        why_not=both_languages(night.policy),
        action_words=action_words,
    )


def _tiles(counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    decisions = counts["decisions"]
    tiles = [
        (counts["listed"], LISTED),
        (decisions["contact"], CONTACTED),
        (decisions["human_review"], REVIEWED),
        (decisions["held_out"], HELD_OUT),
        (decisions["leave_alone"], LEFT_ALONE),
    ]
    risks = [
        {"value": f"{mean:.1%}", "words": MEAN_RISK[target]}
        for target, mean in counts["mean_risk"].items()
        if mean is not None
    ]
    return [{"value": f"{number:,}", "words": words} for number, words in tiles] + risks


def _actions(night: Night, decided: pa.Table) -> list[dict[str, Any]]:
    """Tell what tonight's actions ask for, the most frequent first; all where none is done."""
    chosen = decided.filter(pc.is_valid(decided["owner"]))
    counts = {
        one["values"]: one["counts"]
        for one in pc.value_counts(chosen["action"].combine_chunks()).to_pylist()
    }
    wanted = [action for action in night.policy.actions if action.name in counts]
    return [
        {
            "action": action,
            "count": counts.get(action.name, 0),
            "hours": f"{action.due_in.total_seconds() / 3600:g}",
        }
        for action in sorted(
            wanted or night.policy.actions, key=lambda one: (-counts.get(one.name, 0), one.name)
        )
    ]


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
