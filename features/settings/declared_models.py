"""The `models:` of a forestay.yaml: what the user says of training, per target.

`params` are LightGBM's own names, each within a range that makes sense; `except` are features the
model must not read; `trust` are suspects (columns that look as if they gave the answer away, or
`near_copies`) the user answers for. Whether the features exist is known only with the data.
"""

from collections.abc import Mapping

from features.settings.fields import Fields, nearest
from features.settings.yaml_lines import YamlNode
from features.workspace import ModelSettings, Target

#: LightGBM parameter -> lowest and highest value, and whether it is a whole number.
_PARAMS: Mapping[str, tuple[float, float, bool]] = {
    "n_estimators": (1, 5000, True),
    "num_leaves": (2, 1024, True),
    "max_depth": (-1, 64, True),
    "min_child_samples": (1, 100_000, True),
    "learning_rate": (0.001, 1.0, False),
    "lambda_l1": (0.0, 10_000.0, False),
    "lambda_l2": (0.0, 10_000.0, False),
    "min_split_gain": (0.0, 1000.0, False),
    "feature_fraction": (0.01, 1.0, False),
    "bagging_fraction": (0.01, 1.0, False),
    "bagging_freq": (0, 1000, True),
    "path_smooth": (0.0, 10_000.0, False),
    "max_bin": (2, 1023, True),
    "seed": (0, 2**31 - 1, True),
}


def read_models(fields: Fields, targets: Mapping[str, Target]) -> dict[str, ModelSettings]:
    """Read what is said of each target's model; a target that is not declared is a fault."""
    inner = fields.mapping("models")
    if inner is None:
        return {}
    found: dict[str, ModelSettings] = {}
    for name in ("churn", "complaint"):
        node = inner.given(name)
        if node is None:
            continue
        if name not in targets:
            inner.refuse(
                node, f"there is no target `{name}`", f"`{name}:` under `targets:`",
                "add the target, or remove its model",
            )  # fmt: skip
        found[name] = _model(Fields(node, fields.faults))
    inner.finish()
    return found


def _model(fields: Fields) -> ModelSettings:
    settings = ModelSettings(
        params=_params(fields),
        exclude=_names(fields, "except"),
        trust=_names(fields, "trust"),
    )
    fields.finish()
    return settings


def _names(fields: Fields, key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text, _ in fields.texts(key)))


def _params(fields: Fields) -> dict[str, float]:
    inner = fields.mapping("params")
    if inner is None:
        return {}
    found: dict[str, float] = {}
    for name, node in inner.node.entries.items():
        inner.given(name)
        if name not in _PARAMS:
            inner.refuse(
                node, f"no parameter `{name}` can be set{nearest(name, _PARAMS)}",
                "one of " + ", ".join(_PARAMS), "correct or remove it",
            )  # fmt: skip
        elif (value := _value(inner, name, node)) is not None:
            found[name] = value
    return found


def _value(fields: Fields, name: str, node: YamlNode) -> float | None:
    low, high, whole = _PARAMS[name]

    def parse(text: str) -> float:
        value = int(text) if whole else float(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    kind = "a whole number" if whole else "a number"
    return fields.parsed(node, parse, f"{kind} from {low:g} to {high:g}")
