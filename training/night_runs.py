"""What a night watched, kept in MLflow beside the models: one run a night."""

from collections.abc import Mapping

from features.workspace import Workspace
from training.tracking import open_existing


def log_night(
    workspace: Workspace, name: str, metrics: Mapping[str, float], tags: Mapping[str, str]
) -> None:
    """Keep the figures of a night as a run of `<workspace>-watch`, once, where there is a store."""
    from mlflow.entities import Metric, RunTag

    store = open_existing(workspace)
    if store is None:
        return
    experiment = store.experiment(f"{workspace.name}-watch")
    wanted = f"tags.`forestay.fingerprint` = '{tags['forestay.fingerprint']}'"
    if store.client.search_runs([experiment], wanted, max_results=1):
        return
    run = store.client.create_run(experiment, run_name=name)
    store.client.log_batch(
        run.info.run_id,
        metrics=[Metric(key, value, run.info.start_time, 0) for key, value in metrics.items()],
        tags=[RunTag(key, value) for key, value in tags.items()],
    )
    store.client.set_terminated(run.info.run_id)
