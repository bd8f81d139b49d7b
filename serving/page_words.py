# ruff: noqa: RUF001 - Chinese sentences have Chinese commas
"""The words of the list's page in English and Chinese: badges, headings, tiles."""

from collections.abc import Mapping

from proactive_rules.policy.sentences import NAMES

Words = Mapping[str, str]


def _w(en: str, zh: str) -> Words:
    return {"en": en, "zh": zh}


#: Words for codes that stand in the list's columns.
CODES: Mapping[str, Words] = {
    "very_high": _w("very high", "极高"),
    "high": _w("high", "高"),
    "medium": _w("medium", "中"),
    "low": _w("low", "低"),
    "contact": _w("contact", "联系"),
    "human_review": _w("human review", "人工复核"),
    "held_out": _w("held out", "对照组"),
    "leave_alone": _w("leave alone", "不打扰"),
    "potential": _w("potential", "潜在"),
    "new": _w("new", "新客户"),
    "active": _w("active", "活跃"),
    "loyal": _w("loyal", "忠诚"),
    "lapsing": _w("lapsing", "渐失"),
    "lost": _w("lost", "已流失"),
    **NAMES,
}
BANDS = ("very_high", "high", "medium", "low")
HEADINGS: tuple[Mapping[str, object], ...] = (
    {**_w("Customer", "客户"), "right": False, "kind": "who"},
    {**_w("Stage", "阶段"), "right": False, "kind": "stage"},
    {**_w("Churn risk", "流失风险"), "right": True, "kind": "churn"},
    {**_w("Complaint risk", "投诉风险"), "right": True, "kind": "complaint"},
    {**_w("Expected value", "预期价值"), "right": True, "kind": "worth"},
    {**_w("Decision", "决定"), "right": False, "kind": "what"},
    {**_w("Reasons", "原因"), "right": False, "kind": "why"},
    {**_w("On list since", "上榜日期"), "right": True, "kind": "since"},
)
LISTED = _w("customers listed", "名单客户")
CONTACTED = _w("to contact", "建议联系")
HELD_OUT = _w("held out to measure", "留作对照")
REVIEWED = _w("for a person to look at", "待人工复核")
LEFT_ALONE = _w("left alone", "不打扰")
MEAN_RISK: Mapping[str, Words] = {
    "churn": _w("mean churn risk", "平均流失风险"),
    "complaint": _w("mean complaint risk", "平均投诉风险"),
}
RISKS: Mapping[str, Words] = {
    "churn": _w("Customers by churn risk, with the bands", "流失风险分布与等级分界"),
    "complaint": _w(
        "Customers by complaint risk, with the bands",
        "投诉风险分布与等级分界",
    ),
}
ENTERED = _w("New on the list", "新上榜")
LEFT = _w("No longer on the list", "已离榜")
TO_CONTACT = _w("Newly to contact", "新增联系")
NOT_CONTACTED = _w("No longer to contact", "不再联系")
CAUSES: Mapping[str, Words] = {
    "data": _w("new data", "新数据"),
    "time": _w("time passed", "时间推移"),
    "model": _w("new model", "新模型"),
    "policy": _w("new policy", "新策略"),
    "outreach": _w("contacted already", "已联系"),
}


def first_rows(shown: int, total: int) -> Words:
    """Say that a file ends before the list does."""
    return _w(
        f"This page holds the first {shown:,} of {total:,} customers; the CSV and Parquet files"
        " hold all.",
        f"本页仅含前 {shown:,} 位客户（共 {total:,} 位）；CSV 与 Parquet 文件包含全部。",
    )
