"""What exists, as data: every feature with its name, unit, window, sentence and one expression.

Reading order: `feature` (the record), `moment` (the words of expressions), `rfm`, `interactions`,
`contracts`, `outreach`, `profile`, `lifecycle` (the features), `catalogue` (which of them a
workspace has). Nothing here touches rows.
"""

from features.catalogue.catalogue import Catalogue, catalogue_for, standard_features
from features.catalogue.feature import REASONS, VIEWS, WINDOWS, Feature

__all__ = [
    "REASONS",
    "VIEWS",
    "WINDOWS",
    "Catalogue",
    "Feature",
    "catalogue_for",
    "standard_features",
]
