"""A run's model with everything that is known of how it came to be and how well it did."""

from collections.abc import Mapping
from dataclasses import dataclass

from features.workspace import Target
from training.dataset import Dataset
from training.judgement import Judgement
from training.model import RiskModel
from training.procedure import Recipe
from training.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who trains: a name for the records, and whether a key was shown for it."""

    name: str
    by_key: bool = False


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The served model of a run, how it was made and how the procedure was judged."""

    target: Target
    dataset: Dataset
    judgement: Judgement
    model: RiskModel
    recipe: Recipe
    warnings: tuple[Mapping[str, str], ...]
    rows: Rows
    author: Author
