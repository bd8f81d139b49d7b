# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The page of a retraining: promoted or not, why, how good, who moves, and what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from features.workspace import Workspace
from serving.audit.reports.model_words import METRICS
from serving.audit.reports.report import Cell, Report, Section, Table, words
from serving.models.figures import DASH, signed, with_interval
from serving.page_words import Words

if TYPE_CHECKING:
    from training.train_report import TrainReport

#: Names of an interval, and how metrics end.
_ENDS = {"value": "", "low": "_low", "high": "_high"}
#: Of a finding, codes that the page tells elsewhere.
_TOLD = frozenset({"not_promoted", "awaits_approval"})


@dataclass(frozen=True, kw_only=True)
class RetrainPage:
    """What the page is made from.

    Attributes
    ----------
    before : the champion until then, if there was one.
    difference, not_compared : beside it, or why that cannot be.
    """

    workspace: Workspace
    report: "TrainReport"
    why: str
    before: str | None
    difference: Mapping[str, Any] | None
    not_compared: str = ""

    @property
    def outcome(self) -> Words:
        """Say in one sentence what happened."""
        report = self.report
        if report.model_version is None:
            return words("no model was made: the data do not allow one", "未生成模型：数据不足")
        name = f"version {report.model_version}"
        if report.promoted:
            return words(f"{name} serves from now on", f"版本 {report.model_version} 已上线")
        if any(one["code"] == "awaits_approval" for one in report.warnings):
            return words(f"{name} waits for an approver", f"版本 {report.model_version} 等待批准")
        kept = f"; {self.before} serves on" if self.before else ""
        return words(
            f"{name} does not serve: the gate failed{kept}",
            f"版本 {report.model_version} 未上线：未通过检查",
        )


def retrain_report(page: RetrainPage) -> Report:
    """Lay out the page."""
    report = page.report
    auc = report.metrics.get("test_roc_auc")
    moved = page.difference["decisions"] if page.difference else None
    return Report(
        title=words(
            f"Retraining of {page.workspace.name}-{report.target}",
            f"重新训练 {page.workspace.name}-{report.target}",
        ),
        subtitle=page.outcome,
        language=page.workspace.language,
        summary=[
            (words("outcome", "结果"), page.outcome),
            (words("trained because", "训练原因"), page.why),
            (words("ROC AUC on later dates", "后期数据 ROC AUC"),
             DASH if auc is None else _interval(report.metrics, "roc_auc")),
            (
                words("enter and leave the next contacts", "下次联系名单增减"),
                DASH if moved is None
                else f"+{moved['entered']['count']:,} / −{moved['left']['count']:,}",
            ),
        ],
        warnings=[
            words(one["message"], one["message"])
            for one in report.warnings
            if one["code"] not in _TOLD
        ],
        sections=[_gate(page), _quality(page), _beside(page), _next(page)],
        footer=[
            words(
                "Test figures belong to the procedure, on dates the models had not seen; nothing"
                " was chosen on them.",
                "测试指标为训练流程在未见日期上的表现，未据其作任何选择。",
            )
        ],
    )  # fmt: skip


def _gate(page: RetrainPage) -> Section:
    passed, failed = words("passed", "通过"), words("FAILED", "未通过")
    rows: list[Sequence[Cell]] = [
        [passed if one["passed"] else failed, str(one["name"]).replace("_", " "), one["words"]]
        for one in page.report.gate
    ]
    return Section(
        heading=words("Why", "原因"),
        tables=[
            Table(
                caption=words("The gate", "上线检查"),
                headings=[
                    words("result", "结果"), words("check", "检查"), words("found", "结果说明"),
                ],
                rows=rows,
            )
        ],
    )  # fmt: skip


def _quality(page: RetrainPage) -> Section:
    report = page.report
    rows: list[Sequence[Cell]] = [
        [said, _interval(report.metrics, name), _interval(report.baseline, name)]
        for name, said in METRICS.items()
    ]
    days = ", ".join(str(one["as_of"]) for one in report.per_test_as_of)
    return Section(
        heading=words("How good it is", "表现"),
        paragraphs=[
            words(
                f"Learnt from {report.n_train:,} rows, tested on {report.n_test:,} of {days}.",
                f"训练 {report.n_train:,} 行，测试 {report.n_test:,} 行（{days}）。",
            )
        ],
        tables=[
            Table(
                caption=words("Mean over the test dates", "测试日期平均值"),
                headings=[
                    words("metric", "指标"), words("this model's procedure", "本模型"),
                    words("plain RFM logistic", "普通 RFM 逻辑回归"),
                ],
                rows=rows,
                numbers=frozenset({1, 2}),
            )
        ],
    )  # fmt: skip


def _beside(page: RetrainPage) -> Section:
    heading = words("Beside the champion until then", "与此前模型对比")
    if page.before is None:
        return Section(
            heading=heading,
            paragraphs=[words("No model served before.", "此前没有上线模型。")],
        )
    if page.difference is None:
        told = (
            f"Not compared with version {page.before}: {page.not_compared or 'no model was made'}."
        )
        return Section(heading=heading, paragraphs=[words(told, told)])
    found = page.difference
    rows: list[Sequence[Cell]] = [
        [said, signed(found["metrics"][name]["difference"])] for name, said in METRICS.items()
    ]
    moved = found["decisions"]
    return Section(
        heading=heading,
        paragraphs=[
            words(
                f"On {found['rows']:,} customers and dates in common with version {page.before}. As"
                f" of {moved['as_of']}, {moved['entered']['count']:,} customers would enter the"
                f" contacts and {moved['left']['count']:,} leave them.",
                f"与版本 {page.before} 共同的 {found['rows']:,} 条记录。截至 {moved['as_of']}，"
                f"{moved['entered']['count']:,} 位客户进入、{moved['left']['count']:,} 位移出。",
            )
        ],
        tables=[
            Table(
                caption=words("This model less the champion until then", "本模型减此前模型"),
                headings=[words("metric", "指标"), words("difference", "差异")],
                rows=rows,
                numbers=frozenset({1}),
            )
        ],
    )


def _next(page: RetrainPage) -> Section:
    target, version = page.report.target, page.report.model_version
    if page.report.promoted:
        told = words(
            f"Nothing: the next list is made with it. Back: forestay models rollback {target}",
            f"无需操作：下一份名单将使用该模型。回退：forestay models rollback {target}",
        )
    elif version is None:
        told = words(
            "Bring what the warnings ask for, and train again.", "补齐所需数据后重新训练。"
        )
    elif any(one["code"] == "awaits_approval" for one in page.report.warnings):
        told = words(
            f"An approver reads this page and runs: forestay models promote {target} {version}",
            f"请批准者阅读本页并运行：forestay models promote {target} {version}",
        )
    else:
        told = words(
            "The champion serves on. Look at the failed checks above: bring more or newer data, or"
            " set `models:` otherwise, and train again.",
            "原模型继续服务。请查看上方未通过的检查，补充数据或调整 `models:` 后重新训练。",
        )
    return Section(heading=words("What to do next", "下一步"), paragraphs=[told])


def _interval(metrics: Mapping[str, float | None], name: str) -> str:
    named = {end: metrics.get(f"test_{name}{tail}") for end, tail in _ENDS.items()}
    return with_interval(named, 3)
