"""Pictures, and the page that shows them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.progress import SILENT
from tests.training.made_rows import DAYS, NAMES, WINDOWS, made_dataset
from training.judgement import Judgement, judge
from training.model import RiskModel
from training.model_card import Card, write_card
from training.plots import draw_all
from training.procedure import Wishes, fit_model
from training.rows import Rows


@pytest.fixture(scope="module")
def judged() -> tuple[RiskModel, Judgement]:
    """Return a model and its judgement, with a text column and missing values."""
    dataset = made_dataset()
    rows = Rows.of(dataset.table, NAMES)
    with SILENT.step("", total=2) as step:
        return fit_model(rows, DAYS[-3:], WINDOWS)[0], judge(rows, dataset, WINDOWS, Wishes(), step)


def test_four_pictures_are_drawn_the_same_each_time(
    judged: tuple[RiskModel, Judgement], tmp_path: Path
) -> None:
    """Gain, calibration, bands and drivers, to the byte."""
    model, found = judged
    again = [draw_all(tmp_path / name, found, model) for name in ("first", "second")]
    names = ["gain.png", "calibration.png", "bands.png", "shap_summary.png"]
    assert [path.name for path in again[0]] == names
    assert [p.read_bytes() for p in again[0]] == [p.read_bytes() for p in again[1]]


def test_pictures_of_a_model_without_rows_of_one_label(
    judged: tuple[RiskModel, Judgement], tmp_path: Path
) -> None:
    """A test period without a case still gives pictures, not a crash."""
    model, found = judged
    none = found.predictions.where(found.predictions.labels == 0)
    few = replace(found, predictions=none, baseline_risk=np.full(len(none.labels), 0.1), bands=())
    assert len(draw_all(tmp_path, few, model)) == 4


def test_the_card_is_one_self_contained_page(
    judged: tuple[RiskModel, Judgement], tmp_path: Path
) -> None:
    """Figures of both, pictures inside, nothing loaded from elsewhere, markup of users escaped."""
    model, found = judged
    pictures = draw_all(tmp_path, found, model)
    card = Card(
        title="Model card: <shop>", question="Will they leave?", facts=[("trees", "3")],
        ours=found.ours, baseline=found.baseline, warnings=["few"], checks=[],
        pictures=pictures, cross_validated=False, observed=found.bands,
    )  # fmt: skip
    write_card(card, tmp_path / "card.html")
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "&lt;shop&gt;" in page
    assert page.count("data:image/png;base64") == 4
    assert "http" not in page
    assert f"{found.ours.metrics['roc_auc'].value:.3f}" in page
    assert f"{found.bands[0].seen.value:.1%} [" in page
