"""The rules and alternatives of one decision, as sections of its page."""

from collections.abc import Sequence

from proactive_rules.why import Why
from serving.audit.reports.report import Cell, Section, Table, words


def rules(why: Why, chinese: Why) -> Section:
    """Show every rule that keeps contacts away, with its result."""
    rows = [
        [
            words("held", "成立") if rule.holds else words("did not hold", "不成立"),
            words(rule.words, other.words),
        ]
        for rule, other in zip(why.rules, chinese.rules, strict=True)
    ]
    return Section(
        heading=words("Rules that keep contacts away", "限制联系的规则"),
        tables=[
            Table(
                caption=words(
                    "Suppressions and frequency caps of the policy, with their result",
                    "策略中的抑制规则与频次上限及其结果",
                ),
                headings=[words("result", "结果"), words("rule", "规则")],
                rows=rows,
            )
        ],
    )


def alternatives(why: Why, chinese: Why) -> Section:
    """Show every treatment that was possible in principle, and why it was not taken."""
    rows: list[Sequence[Cell]] = []
    for one, other in zip(why.alternatives, chinese.alternatives, strict=True):
        done = words("done", "已采取")
        rows.append(
            [
                f"{one.action}, {one.channel}",
                done if one.taken else words(one.reason, other.reason),
                "" if one.taken else words(one.differ, other.differ),
            ]
        )
    return Section(
        heading=words("What else could have been done", "其他可选行动"),
        tables=[
            Table(
                caption=words(
                    "Every action through each of its channels, and why it was not taken",
                    "每项行动的各渠道及未采取的原因",
                ),
                headings=[
                    words("action", "行动"),
                    words("why not", "未采取原因"),
                    words("what would have had to differ", "需要具备的条件"),
                ],
                rows=rows,
            )
        ],
    )
