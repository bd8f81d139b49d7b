# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The page of a period: what was decided, what was done otherwise, what changed and by whom."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.audit.reports.report import Bar, Cell, Report, Section, Table, words
from serving.page_words import CODES, Words


@dataclass(frozen=True, kw_only=True)
class PeriodPage:
    """Everything the page is made from.

    Attributes
    ----------
    nights : of each recorded night: as_of, at, actor, models, policy, counts (`decision`, `action`,
        `channel`, `segment`, `count`).
    overrides : contacts made otherwise than decided: day, decided, done, by how many.
    promotions : of models: when, which, by whom, in place of which.
    acts : other entries of the ledger in the period: when, who, what.
    verified : what the ledger's verification proved, or where it failed.
    """

    first: date
    last: date
    language: str
    workspace: str
    nights: Sequence[Mapping[str, Any]]
    overrides: Sequence[tuple[str, str, str, int]]
    promotions: Sequence[tuple[str, str, str, str]]
    acts: Sequence[tuple[str, str, Words]]
    verified: Words


def period_report(page: PeriodPage) -> Report:
    """Lay out the page."""
    totals = _totals(page, "decision")
    return Report(
        title=words(f"Decisions of {page.workspace}", f"{page.workspace} 的决定"),
        subtitle=words(f"{page.first} to {page.last}", f"{page.first} 至 {page.last}"),
        language=page.language,
        summary=[
            (words("nights on record", "记录在案的夜数"), f"{len(page.nights)}"),
            (words("decisions", "决定"), f"{sum(totals.values()):,}"),
            *((CODES[name], f"{count:,}") for name, count in totals.items()),
        ],
        warnings=() if page.nights else (words("No night is on record.", "没有记录在案的夜次。"),),
        sections=[_decisions(page), _nights(page), _overrides(page), _changes(page), _acts(page)],
        footer=[page.verified],
    )


def _totals(page: PeriodPage, name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for night in page.nights:
        for one in night["counts"]:
            found[one.get(name)] += one["count"]
    return Counter(dict(found.most_common()))


def _decisions(page: PeriodPage) -> Section:
    cells: Counter[tuple[str, ...]] = Counter()
    for night in page.nights:
        for one in night["counts"]:
            key = (one["decision"], one.get("action") or "–", one.get("segment") or "–")
            cells[key] += one["count"]
    totals = _totals(page, "decision")
    most = max(totals.values(), default=1)
    bars = [
        Bar(name=CODES[name], share=count / most, value=f"{count:,}")
        for name, count in totals.items()
    ]
    rows: list[Sequence[Cell]] = [
        [CODES[decision], action, segment, f"{count:,}"]
        for (decision, action, segment), count in sorted(cells.items(), key=lambda c: -c[1])
    ]
    return Section(
        heading=words("What was decided", "决定"),
        bars=bars,
        tables=[
            Table(
                caption=words("By decision, action and segment", "按决定、行动与客户群"),
                headings=[
                    words("decision", "决定"), words("action", "行动"), words("segment", "客户群"),
                    words("customers", "客户数"),
                ],
                rows=rows,
                numbers=frozenset({3}),
                folded=15,
            )
        ],
    )  # fmt: skip


def _nights(page: PeriodPage) -> Section:
    names = ("contact", "human_review", "held_out", "leave_alone")
    rows = []
    for night in page.nights:
        counts: Counter[str] = Counter()
        for one in night["counts"]:
            counts[one["decision"]] += one["count"]
        models = ", ".join(f"{t} {m['version']}" for t, m in night["models"].items())
        said = [f"{counts[name]:,}" for name in names]
        rows.append([night["as_of"], *said, models, night["policy"]["version"], night["actor"]])
    return Section(
        heading=words("Night by night", "逐夜"),
        tables=[
            Table(
                caption=words("Decisions, models, policy of each night", "每夜的决定、模型与策略"),
                headings=[
                    words("night", "日期"),
                    *(CODES[name] for name in names),
                    words("models", "模型"), words("policy", "策略"), words("run by", "执行者"),
                ],
                rows=rows,
                numbers=frozenset(range(1, 5)),
                folded=31,
            )
        ],
    )  # fmt: skip


def _overrides(page: PeriodPage) -> Section:
    return Section(
        heading=words("Done otherwise than decided", "与决定不同的执行"),
        paragraphs=[
            words(
                "Contacts that were reported with the number of a decision, but with another"
                " action or channel, or although nothing was to be done.",
                "回报中带有决定编号，但行动或渠道不同，或本不应联系的记录。",
            )
        ],
        tables=[
            Table(
                caption=words("Overrides", "人工更改"),
                headings=[
                    words("night", "日期"), words("decided", "决定"), words("done", "实际"),
                    words("customers", "客户数"),
                ],
                rows=[[day, decided, done, f"{n:,}"] for day, decided, done, n in page.overrides],
                numbers=frozenset({3}),
            )
        ],
    )  # fmt: skip


def _changes(page: PeriodPage) -> Section:
    rows: list[Sequence[Cell]] = []
    for before, night in zip(page.nights, page.nights[1:], strict=False):
        for name, said in _changed(before, night):
            rows.append([night["as_of"], night["actor"], name, said])
    promoted: list[Sequence[Cell]] = [
        [when, who, words("model promoted", "模型上线"), f"{which} ({before or '–'})"]
        for when, which, who, before in page.promotions
    ]
    return Section(
        heading=words("Changes of model and policy", "模型与策略变更"),
        tables=[
            Table(
                caption=words(
                    "Promotions, and what a night used that the one before did not",
                    "模型上线，以及与前一夜不同的模型或策略",
                ),
                headings=[
                    words("when", "时间"), words("who", "人员"), words("what", "内容"),
                    words("which", "详情"),
                ],
                rows=[*promoted, *rows],
            )
        ],
    )  # fmt: skip


def _changed(before: Mapping[str, Any], night: Mapping[str, Any]) -> Sequence[tuple[Words, str]]:
    found = []
    if before["policy"] != night["policy"]:
        said = f"{before['policy']['version']} -> {night['policy']['version']}"
        fingerprint = night["policy"]["fingerprint"][:12]
        found.append((words("policy", "策略"), f"{said} ({fingerprint})"))
    for target in sorted({*before["models"], *night["models"]}):
        one, other = (n["models"].get(target, {}) for n in (before, night))
        if one.get("sha256") != other.get("sha256"):
            versions = f"{one.get('version', '–')} -> {other.get('version', '–')}"
            found.append((words("model in use", "使用的模型"), f"{target} {versions}"))
    return found


def _acts(page: PeriodPage) -> Section:
    return Section(
        heading=words("Looks, erasures, expiries, new keys", "查看、删除、过期与密钥更换"),
        tables=[
            Table(
                caption=words("What else the ledger holds of the period", "账本中该期间的其他记录"),
                headings=[words("when", "时间"), words("who", "人员"), words("what", "内容")],
                rows=[list(one) for one in page.acts],
                folded=30,
            )
        ],
    )
