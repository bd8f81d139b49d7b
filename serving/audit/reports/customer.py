# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The page of one customer: what a person may ask to see about themselves, in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.audit.reports.report import Cell, Report, Section, Table, words
from serving.audit.shown import Shown
from serving.page_words import CODES, Words


@dataclass(frozen=True, kw_only=True)
class CustomerPage:
    """Everything the page is made from.

    Attributes
    ----------
    decisions : records, oldest first, each told in English and in Chinese.
    known : name of each feature in plain words, and its value, of the newest record.
    contacts, consents : rows as accepted.
    looks : who looked at the records: when, who, by which command.
    """

    customer_id: str
    language: str
    decisions: Sequence[tuple[Shown, Shown]]
    known: Sequence[tuple[Words, str]]
    contacts: Sequence[Mapping[str, Any]]
    consents: Sequence[Mapping[str, Any]]
    looks: Sequence[tuple[str, str, str]]


def customer_report(page: CustomerPage) -> Report:
    """Lay out the page."""
    return Report(
        title=words("What we hold about a customer", "关于一位客户的全部信息"),
        subtitle=page.customer_id,
        language=page.language,
        summary=[
            (words("decisions on record", "记录在案的决定"), f"{len(page.decisions)}"),
            (words("contacts", "联系次数"), f"{len(page.contacts)}"),
            (words("looks at the records", "记录被查看"), f"{len(page.looks)}"),
        ],
        warnings=(),
        sections=[_decisions(page), _known(page), _contacts(page), _consents(page), _looks(page)],
        footer=[
            words(
                "A computer estimated the chances and chose; a person may be asked to look again."
                " You may object to being profiled, and ask for everything here to be erased.",
                "概率与选择由计算机得出，可要求人工复核。您可以反对画像，也可要求删除此处的全部信息。",
            )
        ],
    )


def _decisions(page: CustomerPage) -> Section:
    rows: list[Sequence[Cell]] = []
    for shown, chinese in reversed(page.decisions):
        bands = [
            f"{words_of['en']}: {CODES[one.band]['en']}"
            for one in shown.sums
            for words_of in [_ASKED[one.target]]
        ]
        bands_zh = [f"{_ASKED[one.target]['zh']}：{CODES[one.band]['zh']}" for one in shown.sums]
        rows.append(
            [
                f"{shown.as_of}",
                words(shown.why.sentence, chinese.why.sentence),
                "; ".join(shown.reasons),
                words("; ".join(bands), "；".join(bands_zh)),
                shown.decision_id,
            ]
        )
    return Section(
        heading=words("What was decided", "作出的决定"),
        tables=[
            Table(
                caption=words(
                    "Every decision that is still on record, the newest first",
                    "仍在保存期内的全部决定，最新在前",
                ),
                headings=[
                    words("day", "日期"), words("decision", "决定"), words("because", "原因"),
                    words("how likely it seemed", "估计可能性"), words("its number", "编号"),
                ],
                rows=rows,
                folded=20,
            )
        ],
    )  # fmt: skip


_ASKED = {
    "churn": words("no longer buying", "不再购买"),
    "complaint": words("a complaint", "投诉"),
}


def _known(page: CustomerPage) -> Section:
    return Section(
        heading=words("What was known", "已知信息"),
        tables=[
            Table(
                caption=words("As of the newest decision", "截至最近一次决定"),
                headings=[words("what", "内容"), words("value", "数值")],
                rows=[[name, value] for name, value in page.known],
                numbers=frozenset({1}),
                folded=20,
            )
        ],
    )


def _contacts(page: CustomerPage) -> Section:
    names = ("sent_at", "action", "channel", "outcome")
    rows = [[_said(one.get(name)) for name in names] for one in page.contacts]
    return Section(
        heading=words("How we got in touch", "联系记录"),
        tables=[
            Table(
                caption=words("Contacts, and what came of them", "联系及其结果"),
                headings=[
                    words("when", "时间"), words("what for", "目的"), words("how", "方式"),
                    words("answer", "结果"),
                ],
                rows=rows,
            )
        ],
    )  # fmt: skip


def _consents(page: CustomerPage) -> Section:
    yes, no = words("agreed", "同意"), words("refused", "拒绝")
    rows: list[Sequence[Cell]] = [
        [_said(one["changed_at"]), str(one["channel"]), yes if one["granted"] else no]
        for one in page.consents
    ]
    return Section(
        heading=words("What you agreed to", "同意情况"),
        tables=[
            Table(
                caption=words("Answers, the newest of each channel counts", "各渠道以最新答复为准"),
                headings=[words("when", "时间"), words("channel", "渠道"), words("answer", "答复")],
                rows=rows,
            )
        ],
    )


def _looks(page: CustomerPage) -> Section:
    return Section(
        heading=words("Who looked", "查看记录"),
        tables=[
            Table(
                caption=words("Looks at these records before this page", "此前对这些记录的查看"),
                headings=[words("when", "时间"), words("who", "人员"), words("how", "方式")],
                rows=[list(one) for one in page.looks],
                folded=20,
            )
        ],
    )


def _said(value: Any) -> str:  # noqa: ANN401 - an instant, a text or nothing
    if value is None:
        return "–"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, date) else str(value)
