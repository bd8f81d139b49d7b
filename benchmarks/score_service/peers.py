"""Servers of others for one part of the work: what they take beside it is not asked of them."""

import os
import sys
from pathlib import Path

from servers import asking, free_port, running
from timing import alternately, median, p99

from features.settings import load_workspace


def against_feast(folder: Path, scratch: Path, ids: list[str], seconds: float) -> None:
    """Print what Feast's own feature server takes for one customer, before anything is scored."""
    from features.accepted import open_accepted
    from features.catalogue import catalogue_for
    from features.feature_store.registry import reference

    workspace = load_workspace(folder)
    catalogue = catalogue_for(open_accepted(workspace), workspace)
    names = [reference(catalogue, one.name) for one in catalogue.features if one.model]
    port, repository = free_port(), Path(__file__).parents[2] / "features" / "feast_repo"
    command = [
        str(Path(sys.executable).with_name("feast")), "-c", str(repository), "serve",
        "-p", str(port), "--no-access-log",
    ]  # fmt: skip
    environment = {"FORESTAY_WORKSPACE": str(folder)}
    with running(command, port, "/health", scratch / "feast.log", environment):
        asked = {"features": names, "entities": {"customer_id": ids[:1]}}
        ask = asking(port, "", lambda _: asked, "/get-online-features")
        timed = alternately({"feast": lambda: ask([])}, seconds)
    print(f"\nfeast serve, features of one customer, nothing scored or recorded:"
          f" p50 {median(timed['feast']):.2f} ms, p99 {p99(timed['feast']):.2f}")  # fmt: skip


def against_mlflow(folder: Path, scratch: Path, seconds: float) -> None:
    """Print what MLflow's own server takes for one prediction of the churn model alone."""
    from training.registry import list_models
    from training.tracking import open_existing

    workspace = load_workspace(folder)
    model = next(one for one in list_models(workspace) if one.champion)
    store = open_existing(workspace)
    version = store.client.get_model_version(f"{workspace.name}-{model.target}", model.version)  # type: ignore[union-attr]
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("mlflow")), "models", "serve", "--env-manager", "local",
        "-m", version.source, "-p", str(port),
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"MLFLOW_TRACKING_URI": store.uri, "PATH": path}  # type: ignore[union-attr]
    with running(command, port, "/ping", scratch / "mlflow.log", environment):
        from training.registry import load_champion

        champion = load_champion(workspace, model.target)
        names = champion.model.trees.feature_name()  # type: ignore[union-attr]
        asked = {"dataframe_split": {"columns": names, "data": [[0.0] * len(names)]}}
        ask = asking(port, "", lambda _: asked, "/invocations")
        timed = alternately({"mlflow": lambda: ask([])}, seconds)
    print(f"\nmlflow models serve, one prediction, no features, no reasons, no record:"
          f" p50 {median(timed['mlflow']):.2f} ms, p99 {p99(timed['mlflow']):.2f}")  # fmt: skip
