# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The page of one model: what it is for, how good, on what, what drives it, who let it serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serving.audit.reports.model_words import METRICS, PICTURES, QUESTIONS
from serving.audit.reports.report import Bar, Cell, Picture, Report, Section, Table, words

if TYPE_CHECKING:
    from training.shown_model import ModelFacts


@dataclass(frozen=True, kw_only=True)
class ModelPage:
    """Everything the page is made from: what the version kept, and the question it answers."""

    name: str
    language: str
    kind: str
    horizon_days: int
    active_within_days: int
    protected: Sequence[str]
    facts: "ModelFacts"


def model_report(page: ModelPage) -> Report:
    """Lay out the page."""
    version, champion = page.facts.version, page.facts.champion
    auc = _interval(version.metrics, "test_roc_auc")
    state = (
        words("serves now", "正在服务") if version.champion else words("does not serve", "未服务")
    )
    return Report(
        title=words(f"Model {page.name} {version.version}", f"模型 {page.name} {version.version}"),
        subtitle=version.sha256,
        language=page.language,
        summary=[
            (words("state", "状态"), state),
            (words("ROC AUC on later dates", "后期数据 ROC AUC"), auc),
            (words("base rate", "基准率"), f"{champion.base_rate:.1%}"),
            (words("made", "生成时间"), f"{version.made_at:%Y-%m-%d %H:%M} UTC"),
        ],
        warnings=[words(one, one) for one in page.facts.warnings],
        sections=[
            _purpose(page), _quality(page), _truth(page), _drivers(page), _fairness(page),
            _history(page),
        ],
        footer=[
            words(
                "Figures belong to the procedure on dates the models had not seen. Contributions"
                " say what the model read, not what would happen if it were changed. Customers are"
                " compared with others of the same workspace only.",
                "指标为该训练流程在模型未见过的日期上的表现。贡献值说明模型读取的内容，而非改变后会发生什么。仅在同一工作区的客户之间比较。",
            )
        ],
    )  # fmt: skip


def _purpose(page: ModelPage) -> Section:
    facts, params = page.facts, page.facts.params
    asked = QUESTIONS[page.kind]
    return Section(
        heading=words("What it is for", "用途"),
        facts=[
            (
                words("question", "问题"),
                words(
                    f"{asked['en']} {page.horizon_days} days",
                    f"{asked['zh']} {page.horizon_days} 天",
                ),
            ),
            (
                words("asked about", "适用客户"),
                words(
                    f"customers active within {page.active_within_days} days",
                    f"{page.active_within_days} 天内活跃的客户",
                ),
            ),
            (words("learnt from", "训练日期"), _param(params, "trained_on")),
            (words("rows", "样本行数"), _count(facts.version.metrics.get("n_train"))),
            (words("tested as of", "测试日期"), _param(params, "tested_on")),
            (words("features", "特征数"), f"{len(facts.champion.feature_names)}"),
            (words("made of", "构成"), _made_of(params)),
            (words("fingerprint of the rows", "数据指纹"), _param(params, "dataset_fingerprint")),
            (words("fingerprint of the code", "代码指纹"), facts.tags.get("forestay.code", "–")),
            (words("environment", "环境"), facts.tags.get("environment", "–")),
        ],
    )


def _quality(page: ModelPage) -> Section:
    metrics = page.facts.version.metrics
    rows: list[Sequence[Cell]] = [
        [said, _interval(metrics, f"test_{name}"), _interval(metrics, f"baseline_test_{name}")]
        for name, said in METRICS.items()
    ]
    dates = [
        [
            one["as_of"], f"{one['rows']:,}", f"{one['cases']:.1%}", f"{one['said']:.1%}",
            _three(one["roc_auc"]), _three(one["baseline"]),
        ]
        for one in page.facts.dates
    ]  # fmt: skip
    return Section(
        heading=words("How good it is", "表现"),
        tables=[
            Table(
                caption=words(
                    "Mean over the test dates; in brackets the middle 95% of 1,000 bootstraps",
                    "测试日期平均值，方括号内为按客户自助抽样 1,000 次的 95% 区间",
                ),
                headings=[
                    words("metric", "指标"), words("this model's procedure", "本模型"),
                    words("plain RFM logistic", "普通 RFM 逻辑回归"),
                ],
                rows=rows,
                numbers=frozenset({1, 2}),
            ),
            Table(
                caption=words("Test date by test date", "逐测试日期"),
                headings=[
                    words("as of", "截至"), words("customers", "客户数"), words("cases", "实际"),
                    words("expected", "预期"), words("ROC AUC", "ROC AUC"),
                    words("baseline", "基线"),
                ],
                rows=dates,
                numbers=frozenset(range(1, 6)),
            ),
        ],
    )  # fmt: skip


def _truth(page: ModelPage) -> Section:
    calibrator = page.facts.champion.model.calibrator
    pictures = _pictures(page, ("calibration", "gain", "bands"))
    return Section(
        heading=words("Whether risks hold what they say", "风险是否名副其实"),
        facts=[
            (
                words("calibration", "校准"),
                f"sigmoid({calibrator.a:.4f} x margin {calibrator.b:+.4f})",
            )
        ],
        pictures=pictures,
    )


def _drivers(page: ModelPage) -> Section:
    facts = page.facts
    most = facts.importance[0][1] if facts.importance else 1.0
    bars = [
        Bar(name=name, share=value / (most or 1.0), value=f"{value:.3f}")
        for name, value in facts.importance[:16]
    ]
    return Section(
        heading=words("What drives it", "主要影响因素"),
        paragraphs=[
            words(
                f"Mean absolute contribution on the log-odds, of {facts.sampled:,} customers.",
                f"{facts.sampled:,} 位客户对数几率贡献的平均绝对值。",
            )
        ],
        bars=bars,
        pictures=_pictures(page, ("beeswarm", "dependence")),
    )


def _fairness(page: ModelPage) -> Section:
    judged = page.facts.champion.judged
    rows = [
        [
            one["kind"], one["name"], f"{one['rows']:,}", f"{one['said']:.1%}",
            f"{one['seen']['value']:.1%} [{one['seen']['low']:.1%}, {one['seen']['high']:.1%}]",
        ]
        for one in (*judged.get("bands", ()), *judged.get("groups", ()))
    ]  # fmt: skip
    protected = ", ".join(page.protected)
    said = (
        words(
            f"Protected, so no feature and no rule reads them: {protected}.",
            f"受保护、不作为特征也不用于规则：{protected}。",
        )
        if protected
        else words(
            "No column is declared as protected (`protected:` in forestay.yaml), so nothing can be"
            " said of such groups.",
            "forestay.yaml 未声明受保护列（`protected:`），因此无法评估相应群体。",
        )
    )
    return Section(
        heading=words("Whether it holds for every group", "对各群体是否成立"),
        paragraphs=[said],
        tables=[
            Table(
                caption=words(
                    "What was expected and what was seen, by band and group, with 95% intervals",
                    "各等级与群体的预期与实际（95% 区间）",
                ),
                headings=[
                    words("by", "类别"), words("group", "群体"), words("customers", "客户数"),
                    words("expected", "预期"), words("seen", "实际"),
                ],
                rows=rows,
                numbers=frozenset({2, 3, 4}),
            )
        ],
    )  # fmt: skip


def _history(page: ModelPage) -> Section:
    version = page.facts.version
    passed, failed = words("passed", "通过"), words("failed", "未通过")
    rows: list[Sequence[Cell]] = [
        [
            passed if check["passed"] else failed,
            str(check["name"]).replace("_", " "),
            str(check["words"]),
        ]
        for check in version.gate
    ]
    since = version.champion_since or "–"
    return Section(
        heading=words("Who let it serve", "上线审批"),
        facts=[
            (words("champion since", "上线时间"), since),
            (words("promoted by", "批准者"), version.promoted_by or "–"),
            (words("in place of version", "取代版本"), version.champion_before or "–"),
        ],
        tables=[
            Table(
                caption=words("The gate", "上线检查"),
                headings=[
                    words("result", "结果"),
                    words("check", "检查"),
                    words("found", "结果说明"),
                ],
                rows=rows,
            )
        ],
    )


def _pictures(page: ModelPage, names: Sequence[str]) -> list[Picture]:
    from training.shown_model import as_address

    kept = page.facts.pictures
    return [Picture(caption=PICTURES[n], data=as_address(kept[n])) for n in names if n in kept]


def _made_of(params: Mapping[str, str]) -> Cell:
    trees, weight = params.get("n_estimators"), params.get("weight of trees")
    if trees is None or weight is None:
        return words("not kept by this version", "该版本未保存")
    share = float(weight)
    return words(
        f"lines and {trees} trees of LightGBM (weight {share:.2f})",
        f"线性部分与 {trees} 棵 LightGBM 树（权重 {share:.2f}）",
    )


def _param(params: Mapping[str, str], name: str) -> Cell:
    return params.get(name) or words("not kept by this version", "该版本未保存")


def _count(value: float | None) -> Cell:
    return words("not kept", "未保存") if value is None else f"{value:,.0f}"


def _interval(metrics: Mapping[str, Any], name: str) -> str:
    value, low, high = (metrics.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return "–"
    return f"{value:.3f}" + ("" if low is None or high is None else f" [{low:.3f}, {high:.3f}]")


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
