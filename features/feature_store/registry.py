"""Entity, views and services of Feast, generated from the catalogue, and the registry they live in.

The only place that imports Feast and that knows its configuration. It holds no feature and reads
no value: `features/offline.py` reads for training, `features/online.py` for one customer.
"""

import hashlib
import re
import sqlite3
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pyarrow as pa

from features.catalogue import Catalogue, Feature
from features.errors import BrokenRecord, Unavailable
from features.feature_store.elsewhere import elsewhere
from features.workspace import Workspace

ENTITY = "customer"
JOIN_KEY = "customer_id"
#: Arrow types of features, by their `dtype`.
ARROW_OF = {"number": pa.float64(), "text": pa.string()}
EVENT_TIME = "event_timestamp"
#: Column that keeps the order of training rows on their way through Feast.
ROW_NUMBER = "entity_row_number"
CREATED_TIME = "created"
#: Every service reads the features models may read; this one reads all there are.
SERVICE_OF_ALL = "all"
#: Training asks for the exact dates of snapshots. Longer than a night and shorter than the shortest
#: day there is (23 h), so that yesterday's snapshot never stands in for a customer missing today.
VIEW_LIFETIME = timedelta(hours=22)
_CONFIGURATION = Path(__file__).parents[1] / "feast_repo" / "feature_store.yaml"
#: Feast's join drops every column that ends in `_y`, and splits references at colons.
_PLAIN_NAME = re.compile(r"(?!.*_y{1,4}$)(?!.*__)[A-Za-z][A-Za-z0-9_]*")
_TAKEN_NAMES = {
    JOIN_KEY,
    EVENT_TIME,
    CREATED_TIME,
    "event_expire_timestamp",
    "entity_row_id",
    ROW_NUMBER,
    "rn",
}
_LOCK_SECONDS = 120.0


def import_feast() -> ModuleType:
    """Import Feast in 1 second instead of 4, and without its effects on the whole process."""
    if "feast" not in sys.modules:
        import typeguard

        checked = typeguard.typechecked
        # It would rewrite Feast's source as it loads.
        typeguard.typechecked = lambda target=None, **_: target or (lambda inner: inner)
        try:
            with warnings.catch_warnings():  # Feast sets filters for everybody
                _import_feast_modules()
        finally:
            typeguard.typechecked = checked
    import feast

    return feast


def _import_feast_modules() -> None:
    import feast.infra.offline_stores.duckdb
    import feast.infra.online_stores.sqlite
    import feast.infra.registry.sql  # later, typeguard would rewrite them

    _tell_readings_apart(feast.infra.registry.sql.SqlRegistry)


def _tell_readings_apart(registry: Any) -> None:  # noqa: ANN401 - feast's class, untyped
    """Give each reading of the SQL registry a version, as Feast's file registry has.

    Feast keeps answers by the address of what it read and by this version. Addresses are used
    again: without a version a reading now and then got the answers of one long gone, such as a view
    that was closed before it was applied anew.
    """
    read = registry.proto

    def proto(self: Any) -> Any:  # noqa: ANN401 - feast's class and message, untyped
        reading = read(self)
        reading.version_id = str(uuid4())
        return reading

    registry.proto = proto


def feast_folder(workspace: Workspace) -> Path:
    """Return the folder that holds registry, online store and published snapshots."""
    return workspace.state / "feast"


def open_store(workspace: Workspace) -> Any:  # noqa: ANN401 - feast.FeatureStore, untyped
    """Open the workspace's feature store as `feature_store.yaml` describes it."""
    import yaml

    feast = import_feast()
    folder = feast_folder(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    text = _CONFIGURATION.read_text(encoding="utf-8")
    place = workspace.folder.resolve().as_posix()
    settings = yaml.safe_load(text.replace("${FORESTAY_WORKSPACE}", place))
    if workspace.online_store:
        settings |= elsewhere(workspace)
    return feast.FeatureStore(config=feast.RepoConfig(**settings))


def feast_name(feature: str) -> str:
    """Return the name Feast knows a feature by: its own, unless Feast would trip over it.

    Examples
    --------
    >>> feast_name("recency_days")
    'recency_days'
    >>> feast_name("Monthly Charges")
    'Monthly_Charges_e6553a97'
    """
    if _PLAIN_NAME.fullmatch(feature) and feature not in _TAKEN_NAMES:
        return feature
    letters = re.sub(r"[^A-Za-z0-9]+", "_", feature).strip("_") or "feature"
    digest = hashlib.md5(feature.encode(), usedforsecurity=False).hexdigest()[:8]
    return f"{letters if letters[0].isalpha() else 'f_' + letters}_{digest}"


def reference(catalogue: Catalogue, name: str) -> str:
    """Return Feast's reference of a feature, ``view:feature``."""
    return f"{catalogue.feature(name).view}:{feast_name(name)}"


def published_glob(workspace: Workspace) -> str:
    """Return the pattern of the snapshot partitions that Feast reads."""
    folder = feast_folder(workspace).resolve()
    return (folder / "offline" / "as_of=*" / "bucket=*.parquet").as_posix()


def define(workspace: Workspace, catalogue: Catalogue) -> dict[str, Any]:
    """Return the Feast objects of a catalogue, by a name that is unique among them."""
    feast = import_feast()
    customer = feast.Entity(
        name=ENTITY,
        join_keys=[JOIN_KEY],
        value_type=feast.ValueType.STRING,
        description="one customer of this market",
    )
    source = feast.FileSource(
        name="snapshots",
        path=published_glob(workspace),
        timestamp_field=EVENT_TIME,
        created_timestamp_column=CREATED_TIME,
        field_mapping={
            name: feast_name(name) for name in catalogue.names if name != feast_name(name)
        },
    )
    views = {
        name: feast.FeatureView(
            name=name,
            entities=[customer],
            ttl=VIEW_LIFETIME,
            schema=_schema(features),
            source=source,
            online=True,
        )
        for name, features in catalogue.by_view().items()
        if features
    }
    services = _services(workspace, catalogue, views)
    return {
        "entity": customer,
        "source": source,
        **{f"view_{name}": view for name, view in views.items()},
        **{f"service_{service.name}": service for service in services},
    }


def _schema(features: Iterable[Feature]) -> list[Any]:
    from feast import Field
    from feast.types import Float64, String

    types = {"number": Float64, "text": String}
    fields = [
        Field(
            name=feast_name(feature.name),
            dtype=types[feature.dtype],
            description=feature.says.get("en", ""),
            tags={"unit": feature.unit or "none", "feature": feature.name},
        )
        for feature in features
    ]
    return [Field(name=JOIN_KEY, dtype=String), *fields]


def _services(workspace: Workspace, catalogue: Catalogue, views: dict[Any, Any]) -> list[Any]:
    feast = import_feast()
    everything = feast.FeatureService(name=SERVICE_OF_ALL, features=list(views.values()))
    for_models = [
        views[name][[feast_name(feature.name) for feature in features if feature.model]]
        for name, features in catalogue.by_view().items()
        if any(feature.model for feature in features)
    ]
    return [
        *(feast.FeatureService(name=target, features=for_models) for target in workspace.targets),
        everything,
    ]


def apply(workspace: Workspace, catalogue: Catalogue) -> None:
    """Register what the catalogue says, drop what it no longer says, and count what arrived.

    Idempotent; safe to run from several processes. A view left half loaded by a killed
    `feast materialize` would refuse every read, training included: it is opened again.

    Raises
    ------
    BrokenRecord : the registry does not hold what was put into it.
    Unavailable : another process held the registry for too long.
    """
    with alone(workspace, "registry"):
        wanted = define(workspace, catalogue)
        store = open_store(workspace)
        names = {item.name for item in wanted.values()}
        outdated = [item for item in _registered(store) if item.name not in names]
        _drop_closed_views(store)
        store.apply(list(wanted.values()), objects_to_delete=outdated, partial=False)
        _check_registry(workspace, wanted)


def _registered(store: Any) -> list[Any]:  # noqa: ANN401 - feast.FeatureStore
    return [*store.list_feature_views(), *store.list_feature_services()]


def _drop_closed_views(store: Any) -> None:  # noqa: ANN401 - feast.FeatureStore
    """Drop views that refuse reads, to be applied anew: a changed state alone is not stored."""
    from feast.feature_view import FeatureViewState as State

    for view in store.list_feature_views():
        if view.state not in {State.STATE_UNSPECIFIED, State.AVAILABLE_ONLINE}:
            store.delete_feature_view(view.name)


def _check_registry(workspace: Workspace, wanted: dict[str, Any]) -> None:
    found = {_outline(item) for item in _registered(open_store(workspace))}
    missing = {
        _outline(item) for key, item in wanted.items() if key.startswith(("view_", "service_"))
    } ^ found
    if missing:
        raise BrokenRecord(
            str(feast_folder(workspace) / "registry.db"),
            f"{len(missing)} views or services are not as they were registered",
            "the views and services of the catalogue, and no others",
            "delete .forestay/feast and run `forestay features` again",
        )


def _outline(item: Any) -> tuple[str, str, tuple[str, ...]]:  # noqa: ANN401 - a Feast object
    if hasattr(item, "features"):
        names = tuple(sorted(field.name for field in item.features))
    else:
        names = tuple(
            sorted(
                f"{part.name}:{field.name}"
                for part in item.feature_view_projections
                for field in part.features
            )
        )
    return type(item).__name__, item.name, names


@contextmanager
def alone(workspace: Workspace, task: str) -> Iterator[None]:
    """Hold a task of the feature store alone: concurrent applies lose objects.

    A lock of SQLite works wherever SQLite does and ends with its process, however that ends.
    """
    folder = feast_folder(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        folder / f"{task}.lock", timeout=_LOCK_SECONDS, isolation_level=None
    )
    with closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise Unavailable(
                str(folder),
                f"another process has been writing here for {_LOCK_SECONDS:.0f} seconds",
                "one writer at a time",
                "wait for the other run to end, then run the command again",
            ) from error
        yield
