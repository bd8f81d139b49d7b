"""MLflow's store opened quietly: runs, metrics, artifacts. `registry.py` keeps the models.

The store is SQLite under `mlruns/` (or the user's server). MLflow records absolute paths, so a
moved workspace would lose its artifacts: they are found by run id below the store's folder, and
the records are set right when the store is opened. Nothing MLflow stores is ever unpickled.
"""

import logging
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from features.errors import BrokenRecord, Unavailable
from features.settings import mlflow_tracking_uri
from features.workspace import Workspace

SQLITE = "sqlite:///"
ARTIFACTS = "artifacts"
#: Where MLflow keeps absolute paths: table, column.
_PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
#: Metrics MLflow takes in one call.
AT_ONCE = 1000
TEST_DATES_TAG = "forestay.test_as_of"


@dataclass(frozen=True, kw_only=True)
class Store:
    """An opened store; `folder` is None where it is a server's."""

    uri: str
    folder: Path | None

    @cached_property
    def client(self) -> Any:  # noqa: ANN401 - MLflow is untyped
        """Return MLflow's client, made when it is asked for: who only reads files needs none.

        Raises
        ------
        Unavailable : the store does not answer.
        """
        return _client(self.uri)

    def experiment(self, name: str) -> str:
        """Return the id of the experiment of that name, made if need be."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return found.experiment_id
        location = None if self.folder is None else (self.folder / ARTIFACTS / name).as_uri()
        return self.client.create_experiment(name, artifact_location=location)

    def artifacts_of(self, run_id: str, path: str) -> Path:
        """Return a folder of a run's artifacts on this machine.

        Raises
        ------
        BrokenRecord : the store knows the run, but its files are gone. Unavailable : it is a
            server's, and does not answer.
        """
        if self.folder is None:
            return _downloaded(self, run_id, path)
        for found in self.folder.glob(f"{ARTIFACTS}/*/{run_id}/artifacts/{path}"):
            return found
        raise BrokenRecord(
            f"run {run_id} in {self.folder}",
            f"its artifacts have no {path}",
            f"{ARTIFACTS}/.../{run_id}/artifacts/{path}",
            "restore mlruns from a backup, or run `forestay train`",
        )


def open_store(workspace: Workspace) -> Store:
    """Open the workspace's store, made if need be."""
    uri = mlflow_tracking_uri(workspace)
    database = _database(uri)
    if database is None:
        return Store(uri=uri, folder=None)
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        _set_paths_right(database, database.parent)
    except sqlite3.OperationalError:  # locked, or a full disk: the file itself is whole
        raise
    except sqlite3.DatabaseError as error:
        raise BrokenRecord(
            str(database),
            "it is damaged, or no SQLite database",
            "the database that MLflow wrote",
            "restore mlruns from a backup, or move it away and run `forestay train`",
        ) from error
    return Store(uri=uri, folder=database.parent)


def open_existing(workspace: Workspace) -> Store | None:
    """Open the store if there is one: making one takes seconds that no reading command needs."""
    return open_store(workspace) if store_is_there(workspace) else None


def store_is_there(workspace: Workspace) -> bool:
    """Whether a store was made; a server's is taken to be there."""
    database = _database(mlflow_tracking_uri(workspace))
    return database is None or database.exists()


def _database(uri: str) -> Path | None:
    """Return the file of an SQLite store; None for a server."""
    return Path(uri.removeprefix(SQLITE)).absolute() if uri.startswith(SQLITE) else None


def _client(uri: str) -> Any:  # noqa: ANN401 - MLflow is untyped
    with _quiet():
        import mlflow
        from mlflow.exceptions import MlflowException

        logging.getLogger("mlflow").setLevel(logging.ERROR)  # importing it made it talkative
        try:
            client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_experiments(max_results=1)
        except MlflowException as error:
            raise Unavailable(
                "MLFLOW_TRACKING_URI",
                f"MLflow's store does not answer ({type(error).__name__})",
                "a database or server that can be reached",
                "check the address and try again",
            ) from error
    return client


#: Warnings MLflow and its libraries give about themselves while they are imported or opened.
_ABOUT_THEMSELVES = (
    ".*noload",  # SQLAlchemy 2.1 deprecates a strategy that MLflow's tables still name
    ".*Any type hint is inferred as AnyType",  # MLflow's own agent classes
)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let MLflow be imported and opened without the chatter; its errors stay."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for words in _ABOUT_THEMSELVES:
            warnings.filterwarnings("ignore", message=words)
        yield
    logging.getLogger("mlflow").setLevel(logging.ERROR)


def _set_paths_right(database: Path, folder: Path) -> None:
    """Rewrite recorded artifact paths to where the store stands now, after a move.

    Our experiments lie at `<store>/artifacts/<name>`, which tells where the store was; MLflow has
    no way to move one (https://github.com/mlflow/mlflow/issues/3144).
    """
    if not database.exists():
        return
    here = folder.as_uri()
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "experiments" not in tables:
            return
        ends = "SELECT name, artifact_location FROM experiments"
        known = connection.execute(ends).fetchall()
        stores = {
            at.removesuffix(f"/{ARTIFACTS}/{name}")
            for name, at in known
            if at and at.endswith(f"/{ARTIFACTS}/{name}")
        }
        moved = [at for at in stores if at.startswith("file://") and at != here]
        for table, column in (pair for pair in _PATHS if pair[0] in tables):
            for old in moved:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} LIKE ?",
                    (here, len(old) + 1, f"{old}/{ARTIFACTS}/%"),
                )


def _downloaded(store: Store, run_id: str, path: str) -> Path:
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR

    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(value=False)
    return Path(store.client.download_artifacts(run_id, path))


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that is going on."""

    store: Store
    run_id: str
    experiment_id: str

    def log(
        self,
        *,
        params: Mapping[str, object],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
    ) -> None:
        """Record parameters, metrics and tags, in one call each; values that are no number not."""
        import math

        import mlflow

        mlflow.log_params({name: str(value)[:6000] for name, value in params.items()})
        mlflow.log_metrics({n: v for n, v in metrics.items() if math.isfinite(v)})
        mlflow.set_tags(dict(tags))

    def log_curve(self, name: str, values: Sequence[float]) -> None:
        """Record a curve, a value a step."""
        from mlflow.entities import Metric

        points = [Metric(name, value, 0, step) for step, value in enumerate(values)]
        for start in range(0, len(points), AT_ONCE):
            self.store.client.log_batch(self.run_id, metrics=points[start : start + AT_ONCE])

    def log_dataset(self, name: str, digest: str, source: Mapping[str, str]) -> None:
        """Name the data by their fingerprint; none of them is copied."""
        import mlflow
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.meta_dataset import MetaDataset

        data = MetaDataset(CodeDatasetSource(tags=dict(source)), name=name, digest=digest[:32])
        mlflow.log_input(data, context="training")

    def log_folder(self, folder: Path, path: str) -> None:
        """Copy a folder's files into the run's artifacts."""
        import mlflow

        mlflow.log_artifacts(str(folder), path)

    def looks_at(self, test_as_of: Sequence[str]) -> dict[str, int]:
        """Count the runs, this one included, that have judged on each test date."""
        counts = dict.fromkeys(test_as_of, 0)
        token = None
        while True:
            page = self.store.client.search_runs([self.experiment_id], page_token=token)
            for run in page:
                for day in run.data.tags.get(TEST_DATES_TAG, "").split(","):
                    if day in counts:
                        counts[day] += 1
            token = page.token
            if not token:
                return counts


@contextmanager
def start_run(store: Store, experiment: str, test_as_of: Sequence[str]) -> Iterator[Run]:
    """Open a run that is marked with the test dates before anything looks at them.

    A run that breaks stays in the store as failed: its look at the test dates still counts.
    """
    with _quiet():
        import mlflow.lightgbm
        import mlflow.pyfunc  # logging a model would load it later, aloud

    experiment_id = store.experiment(experiment)
    tags = {TEST_DATES_TAG: ",".join(test_as_of)}
    with _pointed_at(store.uri), mlflow.start_run(experiment_id=experiment_id, tags=tags) as run:
        yield Run(store=store, run_id=run.info.run_id, experiment_id=experiment_id)


@contextmanager
def _pointed_at(uri: str) -> Iterator[None]:
    """Point MLflow's fluent calls at a store, and leave the process as it was.

    `set_tracking_uri` writes the environment, which would turn the next workspace to this store.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_TRACKING_URI

    before = MLFLOW_TRACKING_URI.get()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
        if before:
            MLFLOW_TRACKING_URI.set(before)
