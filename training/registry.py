"""The models of a workspace: registered versions, and which of them is champion.

MLflow's registry holds them (`<workspace name>-<target>`). An alias has no history and its last
writer wins, so each promotion is also written to the version, and promotions wait for each other.
A version is verified by its hash before it may serve.
"""

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from features.errors import Conflict, NotReady
from features.workspace import Workspace
from training.champion import Champion, load_folder, load_judged
from training.tracking import Store, open_existing

CHAMPION = "champion"
#: Folder of our own files among a run's artifacts.
MODEL_FOLDER = "risk_model"
SHA256, NO_SKILL, SINCE, BEFORE, BY = (
    "sha256", "no_skill", "champion_since", "champion_before", "promoted_by",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One registered version, as `forestay models` shows it."""

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
    champion = _champion_version(store, name)
    found = store.client.search_model_versions(f"name = '{name}'")
    for version in sorted(found, key=lambda item: -int(item.version)):
        yield _model_version(store, version, target, champion)


def _model_version(
    store: Store,
    version: Any,  # noqa: ANN401 - MLflow is untyped
    target: str,
    champion: str | None,
) -> ModelVersion:
    tags = version.tags
    return ModelVersion(
        target=target,
        version=str(version.version),
        run_id=version.run_id,
        made_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
        champion=str(version.version) == champion,
        no_skill=tags.get(NO_SKILL) == "true",
        sha256=tags.get(SHA256, ""),
        champion_since=tags.get(SINCE, ""),
        champion_before=tags.get(BEFORE, ""),
        promoted_by=tags.get(BY, ""),
        gate=tuple(json.loads(tags.get("gate", "[]"))),
        metrics=store.client.get_run(version.run_id).data.metrics,
    )


def promote(workspace: Workspace, target: str, version: str, *, by: str) -> ModelVersion:
    """Make a version the champion, once its files are what was recorded, and write down by whom.

    Raises
    ------
    NotReady : there is no such version.
    Conflict : the version has no skill: such a model never serves.
    BrokenRecord : its files changed since they were made.
    """
    store = _store(workspace)
    name = model_name(workspace, target)
    with _one_at_a_time(store):
        chosen = _version(store, workspace, target, version)
        if chosen.no_skill:
            raise Conflict(
                f"{name} version {version}",
                "it has no skill: the interval of its ROC AUC contains .5",
                "a version that orders customers better than chance",
                "choose another version: `forestay models list`",
            )
        load_folder(store.artifacts_of(chosen.run_id, MODEL_FOLDER), chosen.sha256)
        _make_champion(store, name, version, by)
    return _version(store, workspace, target, version)


def rollback(workspace: Workspace, target: str, *, by: str) -> ModelVersion:
    """Make the champion before this one champion again.

    Raises
    ------
    Conflict : no champion came before.
    """
    store = _store(workspace)
    name = model_name(workspace, target)
    current = _champion_version(store, name)
    before = _version(store, workspace, target, current).champion_before if current else ""
    if not before:
        raise Conflict(
            f"models of {name}",
            "there is no earlier champion to go back to",
            "at least two promotions",
            "see `forestay models list`, or promote a version by its number",
        )
    with _one_at_a_time(store):
        chosen = _version(store, workspace, target, before)
        load_folder(store.artifacts_of(chosen.run_id, MODEL_FOLDER), chosen.sha256)
        _make_champion(store, name, before, by, keep_before=True)
    return _version(store, workspace, target, before)


def load_champion(workspace: Workspace, target: str) -> Champion | None:
    """Load the champion of a target, its hash verified first; None when there is none.

    Raises
    ------
    BrokenRecord : its files are missing or changed since they were made.
    """
    store = open_existing(workspace)
    version = _champion_version(store, model_name(workspace, target)) if store else None
    return None if version is None else load_version(workspace, target, version)


def load_version(workspace: Workspace, target: str, version: str) -> Champion:
    """Load any registered version, its hash verified first.

    Raises
    ------
    NotReady : there is no such version.
    BrokenRecord : its files are missing or changed since they were made.
    """
    store = _store(workspace)
    chosen = _version(store, workspace, target, version)
    folder = store.artifacts_of(chosen.run_id, MODEL_FOLDER)
    model, folds = load_folder(folder, chosen.sha256)
    return Champion(
        target=target, version=version, sha256=chosen.sha256, run_id=chosen.run_id, model=model,
        folds=folds, judged=load_judged(folder),
    )  # fmt: skip


def champion_versions(workspace: Workspace) -> Mapping[str, tuple[str, str]] | None:
    """Return version and hash of the champion of each target that has one; None without a store.

    Raises
    ------
    Unavailable : the store does not answer.
    """
    store = open_existing(workspace)
    if store is None:
        return None
    found = {}
    for target in workspace.targets:
        name = model_name(workspace, target)
        if version := _champion_version(store, name):
            tags = store.client.get_model_version(name, version).tags
            found[target] = (version, tags.get(SHA256, ""))
    return found


def champion_run(store: Store, name: str) -> str | None:
    """Return the run of the champion; None without one."""
    version = _champion_version(store, name)
    return store.client.get_model_version(name, version).run_id if version else None


def _make_champion(
    store: Store, name: str, version: str, by: str, *, keep_before: bool = False
) -> None:
    before = _champion_version(store, name)
    tags = {SINCE: datetime.now(UTC).isoformat(timespec="seconds"), BY: by}
    if not keep_before and before != version:
        tags[BEFORE] = before or ""
    for tag, value in tags.items():
        store.client.set_model_version_tag(name, version, tag, value)
    store.client.set_registered_model_alias(name, CHAMPION, version)


def _champion_version(store: Store, name: str) -> str | None:
    from mlflow.exceptions import MlflowException

    try:
        return str(store.client.get_model_version_by_alias(name, CHAMPION).version)
    except MlflowException:  # no such model, or no alias yet: MLflow tells neither apart
        return None


def _version(store: Store, workspace: Workspace, target: str, version: str) -> ModelVersion:
    known: Sequence[ModelVersion] = tuple(_versions(store, workspace, target))
    for found in known:
        if found.version == version:
            return found
    raise _no_version(workspace, target, version, [item.version for item in known])


def _no_version(workspace: Workspace, target: str, version: str, known: Sequence[str]) -> NotReady:
    return NotReady(
        f"models of {model_name(workspace, target)}",
        f"there is no version {version}",
        f"one of {', '.join(known)}" if known else "a trained model",
        "see `forestay models list`, or run `forestay train`",
    )


def _store(workspace: Workspace) -> Store:
    store = open_existing(workspace)
    if store is not None:
        return store
    raise NotReady(
        f"models of {workspace.name}",
        "none was trained yet",
        "a trained model",
        "run `forestay train`",
    )


@contextmanager
def _one_at_a_time(store: Store) -> Iterator[None]:
    """Let promotions wait for each other, on this machine."""
    if store.folder is None:
        yield
        return
    with (store.folder / "promotion.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
