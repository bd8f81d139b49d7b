"""Entity, views and services of a workspace, for Feast's own command and its web page.

::

    FORESTAY_WORKSPACE=$PWD/my-shop feast -c features/feast_repo apply

Forestay registers the same objects (`features.feature_store.apply`) and never imports this module.
"""

from pathlib import Path

from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.feature_store.registry import define
from features.settings import load_workspace, value_of

_workspace = load_workspace(Path(value_of("FORESTAY_WORKSPACE") or "."))
# Feast collects what it finds under names of a module, however many there are.
globals().update(define(_workspace, catalogue_for(open_accepted(_workspace), _workspace)))
