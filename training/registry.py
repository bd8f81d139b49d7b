"""The models of a workspace: registered versions, and loading one of them.

MLflow's registry holds them (`<workspace name>-<target>`); which of them serves is written in
`promotion.history`. A version is verified by its hash before anything of it is parsed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import NotReady
from features.workspace import Workspace
from training.champion import Champion, load_folder, load_judged
from training.promotion.history import Promotion, champion_of, promotions
from training.tracking import Store, open_existing

CHAMPION = "champion"
#: Folder of our own files among a run's artifacts.
MODEL_FOLDER = "risk_model"
SHA256, NO_SKILL, AUTHOR, BY_KEY = "sha256", "no_skill", "trained_by", "trained_by_key"


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One registered version, as `forestay models` shows it.

    Attributes
    ----------
    champion_since, champion_before, promoted_by : of its newest promotion; empty without one.
    trained_by, author_by_key : who made it, and whether they showed a key.
    """

    target: str
    version: str
    run_id: str
    made_at: datetime
    champion: bool
    no_skill: bool
    sha256: str
    champion_since: str
    champion_before: str
    promoted_by: str
    trained_by: str
    author_by_key: bool
    gate: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return asdict(self) | {"made_at": self.made_at.isoformat()}


def model_name(workspace: Workspace, target: str) -> str:
    """Name of experiment and registered model."""
    return f"{workspace.name}-{target}"


def register(store: Store, name: str, logged: str, run_id: str, tags: Mapping[str, str]) -> str:
    """Register a logged model as the next version and return its number.

    Parameters
    ----------
    store : where.
    name : of the registered model; made if need be.
    logged : uri of what was logged.
    run_id : the run it belongs to.
    tags : of the version; the hash of our own files among them.
    """
    from mlflow.exceptions import MlflowException

    try:
        store.client.get_registered_model(name)
    except MlflowException:
        store.client.create_registered_model(name)
    made = store.client.create_model_version(name, source=logged, run_id=run_id, tags=dict(tags))
    return str(made.version)


def list_models(workspace: Workspace, target: str | None = None) -> tuple[ModelVersion, ...]:
    """List registered versions, of one target or of all, the newest first."""
    store = open_existing(workspace)
    if store is None:
        return ()
    wanted = [target] if target else list(workspace.targets)
    return tuple(version for name in wanted for version in _versions(store, workspace, name))


def _versions(store: Store, workspace: Workspace, target: str) -> Iterator[ModelVersion]:
    name = model_name(workspace, target)
    history = promotions(workspace, target)
    found = store.client.search_model_versions(f"name = '{name}'")
    for version in sorted(found, key=lambda item: -int(item.version)):
        yield _model_version(store, version, target, history)


def _model_version(
    store: Store,
    version: Any,  # noqa: ANN401 - MLflow is untyped
    target: str,
    history: Sequence[Promotion],
) -> ModelVersion:
    tags = version.tags
    mine = [place for place, one in enumerate(history) if one.run_id == version.run_id]
    newest = history[mine[-1]] if mine else None
    return ModelVersion(
        target=target,
        version=str(version.version),
        run_id=version.run_id,
        made_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
        champion=newest is not None and newest is history[-1],
        no_skill=tags.get(NO_SKILL) == "true",
        sha256=tags.get(SHA256, ""),
        champion_since=newest.at if newest else "",
        champion_before=history[mine[-1] - 1].version if mine and mine[-1] else "",
        promoted_by=newest.by if newest else "",
        trained_by=tags.get(AUTHOR, ""),
        author_by_key=tags.get(BY_KEY) == "true",
        gate=tuple(json.loads(tags.get("gate", "[]"))),
        metrics=store.client.get_run(version.run_id).data.metrics,
    )


def load_champion(workspace: Workspace, target: str) -> Champion | None:
    """Load the champion of a target, its hash verified first; None when there is none.

    Raises
    ------
    BrokenRecord : its files are missing or changed since they were made.
    """
    promoted = champion_of(workspace, target)
    return None if promoted is None else load_promoted(workspace, promoted)


def load_promoted(workspace: Workspace, promoted: Promotion) -> Champion:
    """Load the model of a promotion; as `load_champion`."""
    folder = require_store(workspace).artifacts_of(promoted.run_id, MODEL_FOLDER)
    return _loaded(folder, promoted)


def load_version(workspace: Workspace, target: str, version: str) -> Champion:
    """Load any registered version, its hash verified first.

    Raises
    ------
    NotReady : there is no such version.
    BrokenRecord : its files are missing or changed since they were made.
    """
    store = require_store(workspace)
    chosen = find_version(store, workspace, target, version)
    return _loaded(store.artifacts_of(chosen.run_id, MODEL_FOLDER), chosen)


def _loaded(folder: Path, named: ModelVersion | Promotion) -> Champion:
    model, folds = load_folder(folder, named.sha256)
    return Champion(
        target=named.target, version=named.version, sha256=named.sha256, run_id=named.run_id,
        model=model, folds=folds, judged=load_judged(folder),
    )  # fmt: skip


def alias_of(store: Store, name: str) -> str | None:
    """Return the version that bears MLflow's champion alias; None without one."""
    from mlflow.exceptions import MlflowException

    try:
        return str(store.client.get_model_version_by_alias(name, CHAMPION).version)
    except MlflowException:  # no such model, or no alias yet: MLflow tells neither apart
        return None


def find_version(store: Store, workspace: Workspace, target: str, version: str) -> ModelVersion:
    """Return one registered version.

    Raises
    ------
    NotReady : there is no such version; the message lists those there are.
    """
    from mlflow.exceptions import MlflowException

    name = model_name(workspace, target)
    try:
        found = store.client.get_model_version(name, version)
    except MlflowException as error:
        known = [item.version for item in _versions(store, workspace, target)]
        raise _no_version(workspace, target, version, known) from error
    return _model_version(store, found, target, promotions(workspace, target))


def _no_version(workspace: Workspace, target: str, version: str, known: Sequence[str]) -> NotReady:
    return NotReady(
        f"models of {model_name(workspace, target)}",
        f"there is no version {version}",
        f"one of {', '.join(known)}" if known else "a trained model",
        "see `forestay models list`, or run `forestay train`",
    )


def require_store(workspace: Workspace) -> Store:
    """Open the store, which must be there.

    Raises
    ------
    NotReady : none was made yet. Unavailable : it does not answer.
    """
    store = open_existing(workspace)
    if store is not None:
        return store
    raise NotReady(
        f"models of {workspace.name}",
        "none was trained yet",
        "a trained model",
        "run `forestay train`",
    )
