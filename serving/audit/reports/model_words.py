# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""The words of a model's page: metrics, pictures, and the question of each kind of target."""

from serving.audit.reports.report import words

METRICS = {
    "roc_auc": words("ROC AUC", "ROC AUC"),
    "pr_auc": words("PR AUC", "PR AUC"),
    "top_decile_lift": words("lift of the top tenth", "前十分之一提升度"),
    "brier": words("Brier score", "Brier 分数"),
    "log_loss": words("log loss", "对数损失"),
    "ece": words("calibration error", "校准误差"),
}
PICTURES = {
    "calibration": words("Calibration on the test dates", "测试日期上的校准"),
    "gain": words("Gain on the test dates", "测试日期上的增益"),
    "bands": words("Bands: what was seen where it was said", "各等级：预期与实际"),
    "beeswarm": words(
        "Contributions of the sample's customers, by feature; red is a high value",
        "样本客户的特征贡献；红色为高值",
    ),
    "dependence": words(
        "Dependence on the ten features that matter most", "最重要的十个特征的依赖关系"
    ),
}
QUESTIONS = {
    "lapse": words(
        "who bought recently and will buy nothing within", "近期购买者是否不再购买，期限"
    ),
    "contract": words("whose contract will end within", "合同是否终止，期限"),
    "complaint": words("which active customers will complain within", "活跃客户是否投诉，期限"),
    "outcomes": words("for whom the outcome will be recorded within", "是否出现该结果，期限"),
}
