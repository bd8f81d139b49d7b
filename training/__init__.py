"""First floor, west: features and labels in, a calibrated, explained, registered model out.

Reading order: `labels` (the questions), `splits` (which dates answer them), `dataset`, `suspicion`
(what gives the answer away), `encode`, `rhythm` and `linear`, `fit`, `stack`, `calibrate` and
`segments`, `model` (one sum of all of them), `procedure` (what is chosen on earlier origins),
`judgement`, `observed` and `experiment`, `promotion`, `registry` and `champion`, `explain`.

For a notebook the door is::

    from pathlib import Path
    from training import load_champion, load_workspace, prepare_process, read_training_set

    prepare_process()                                   # before anything heavy is imported
    shop = load_workspace(Path("my-shop"))
    rows = read_training_set(shop, "churn")             # Arrow: features, label, as_of, fold
    champion = load_champion(shop, "churn")             # None where no model has skill
    scores = champion.score(rows)                       # margin, risk, contributions, base

and `train(shop, "churn")` does what `forestay train` does and returns its report.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from features.settings import load_workspace, prepare_process
    from training.dataset import read_training_set
    from training.experiment import train
    from training.registry import list_models, load_champion

__all__ = [
    "list_models",
    "load_champion",
    "load_workspace",
    "prepare_process",
    "read_training_set",
    "train",
]

#: Where each name lives; heavy libraries come along only when it is used.
_HOMES = {
    "list_models": "training.registry",
    "load_champion": "training.registry",
    "load_workspace": "features.settings",
    "prepare_process": "features.settings",
    "read_training_set": "training.dataset",
    "train": "training.experiment",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever lives under that name
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'training' has no attribute {name!r}")
