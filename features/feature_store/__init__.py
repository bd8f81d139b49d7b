"""Feast's door: training sets, the online store and its reads. Nothing else of us speaks to Feast.

Snapshots are the truth and Feast reads them: `features/published.py` says which, the names and
services stand in `registry`, and `features/feast_repo/` is for Feast's command.
"""

from features.feature_store.offline import training_features
from features.feature_store.online import (
    Loaded,
    Materialized,
    materialize,
    online_features,
    read_online,
)
from features.feature_store.pushed import OnlineFeatures, empty_online, store_identity
from features.feature_store.registry import apply, open_store

__all__ = [
    "Loaded",
    "Materialized",
    "OnlineFeatures",
    "apply",
    "empty_online",
    "materialize",
    "online_features",
    "open_store",
    "read_online",
    "store_identity",
    "training_features",
]
