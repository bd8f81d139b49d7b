"""The registry: champions come and go, are verified, and are found after a move."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from features.errors import BrokenRecord, Conflict, NotReady
from features.workspace import Workspace
from tests.training.made_rows import CHURN, made_dataset, made_table, made_workspace
from training.experiment import TrainReport, train_on
from training.fitted import Author
from training.promotion.golden import prove
from training.promotion.history import promotions
from training.promotion.promote import promote, rollback
from training.registry import MODEL_FOLDER, list_models, load_champion
from training.tracking import open_store


def test_a_new_workspace_has_no_champion_and_no_store(tmp_path: Path) -> None:
    """Asking costs nothing: no database is made."""
    market = made_workspace(tmp_path)
    assert load_champion(market, "churn") is None
    assert list_models(market) == ()
    assert not (tmp_path / "mlruns").exists()


def test_another_target_has_no_champion(market: Workspace) -> None:
    """A store with churn models knows none of complaints."""
    assert load_champion(market, "complaint") is None


def test_versions_are_listed_newest_first(two: Workspace) -> None:
    """With champion, metrics and who promoted them."""
    newest, oldest = list_models(two)
    assert [(v.version, v.champion) for v in (newest, oldest)] == [("2", True), ("1", False)]
    assert newest.metrics["test_roc_auc"] > 0.5
    assert (newest.promoted_by, newest.champion_before) == ("gate", "1")
    assert newest.as_dict()["made_at"] == newest.made_at.isoformat()


def test_rollback_goes_to_the_champion_before_and_no_further(two: Workspace) -> None:
    """From 2 to 1; before 1 there was none."""
    assert rollback(two, "churn", by="someone").version == "1"
    champion = load_champion(two, "churn")
    assert champion is not None
    assert champion.version == "1"
    with pytest.raises(Conflict, match="no earlier champion"):
        rollback(two, "churn", by="someone")


def test_promotion_writes_down_by_whom(two: Workspace) -> None:
    """An alias has no history, so we keep one."""
    found = promote(two, "churn", "1", by="ana")
    assert (found.promoted_by, found.champion_before, found.champion) == ("ana", "2", True)
    assert found.champion_since.endswith("+00:00")


def test_a_version_without_skill_cannot_be_promoted(market: Workspace) -> None:
    """Not even by hand."""
    train_on(made_dataset(made_table(skill=0.0)), market, CHURN)
    with pytest.raises(Conflict, match="has_skill: ROC AUC"):
        promote(market, "churn", "2", by="ana")


def test_an_unknown_version_is_named(market: Workspace) -> None:
    """The message lists those there are."""
    with pytest.raises(NotReady, match=r"no version 9(.|\n)*one of 1"):
        promote(market, "churn", "9", by="ana")


def test_a_champion_is_loaded_without_mlflow(
    market: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its promotion names run and hash; whoever only scores does not wait for MLflow's import."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    champion = load_champion(market, "churn")
    assert champion is not None
    assert champion.version == "1"


def test_changed_files_are_refused(market: Workspace) -> None:
    """One changed digit of a leaf would score wrongly in silence."""
    path = next((market.folder / "mlruns").glob("artifacts/*/*/artifacts/risk_model/model.json"))
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"base_rate":0.', '"base_rate":0.1'), encoding="utf-8")
    with pytest.raises(BrokenRecord, match="content changed"):
        load_champion(market, "churn")


def test_lost_files_are_refused(market: Workspace) -> None:
    """A registered model whose files are gone is an error, not an empty list."""
    for path in (market.folder / "mlruns" / "artifacts").glob("*/*/artifacts/risk_model"):
        shutil.rmtree(path)
    with pytest.raises(BrokenRecord, match="no risk_model"):
        load_champion(market, "churn")


def test_a_damaged_database_is_named(market: Workspace) -> None:
    """It is the user's file that must be restored, not a bug."""
    (market.folder / "mlruns" / "mlflow.db").write_bytes(b"garbage" * 900)
    with pytest.raises(BrokenRecord, match="no SQLite database"):
        list_models(market)


def test_a_moved_workspace_goes_on_training(two: Workspace, again: TrainReport) -> None:
    """New artifacts land in the new place, and MLflow's own records point there."""
    client = open_store(two).client
    runs = client.search_runs([client.get_experiment_by_name("shop-churn").experiment_id])
    assert again.run_id in {run.info.run_id for run in runs}
    for run in runs:
        assert run.info.artifact_uri.startswith((two.folder / "mlruns").as_uri())
        assert client.list_artifacts(run.info.run_id, "plots")


def test_a_second_person_approves_and_nobody_else(market: Workspace) -> None:
    """Neither who shows no key of an approver, nor the author; then the history names who did."""
    strict = replace(market, promotion="second_person")
    ana = Author(name="ana", by_key=True)
    assert not train_on(made_dataset(), strict, CHURN, author=ana).promoted
    with pytest.raises(Conflict, match="ben is no approver"):
        promote(strict, "churn", "2", by="ben")
    with pytest.raises(Conflict, match="ana trained it"):
        promote(strict, "churn", "2", by="ana", approves=True)
    train_on(made_dataset(), strict, CHURN)
    with pytest.raises(Conflict, match="who trained it is not known"):
        promote(strict, "churn", "3", by="ben", approves=True)
    assert promote(strict, "churn", "2", by="ben", approves=True).champion
    newest = promotions(strict, "churn")[-1]
    assert (newest.by, newest.evidence["trained_by"], newest.evidence["instead_of"]) == (
        "ben", "ana", "1",
    )  # fmt: skip
    assert {check["passed"] for check in newest.evidence["checks"]} == {True}


def test_golden_rows_name_nobody_and_find_another_arithmetic(market: Workspace) -> None:
    """Drawn column by column; a leaf that says a little more is seen."""
    champion = load_champion(market, "churn")
    folder = open_store(market).artifacts_of(champion.run_id, MODEL_FOLDER)
    assert prove(champion.model, folder).off == 0
    line = champion.model.linear
    other = replace(champion.model, linear=replace(line, intercept=line.intercept + 1e-9))
    assert prove(other, folder).off > 1e-12
