"""An older model is asked about later dates, and only where it could not know the answers."""

from datetime import timedelta

import numpy as np

from features.workspace import Workspace
from tests.training.made_rows import DAYS, HORIZON, closed_by, made_table
from training.promotion.same_dates import with_later_dates
from training.registry import load_champion

LAST = DAYS[-1]


def _days(kept):
    return {day.astype(object) for day in np.unique(kept.predictions.as_of)}


def test_a_date_is_asked_about_once_all_label_windows_had_closed(market: Workspace) -> None:
    """The served model learnt from the last date: a day before its window closed is too early."""
    champion = load_champion(market, "churn")
    early, late = LAST + timedelta(days=HORIZON - 1), LAST + timedelta(days=HORIZON)
    found = with_later_dates(None, champion, made_table(days=(early, late)), closed_by)
    assert found is not None
    assert _days(found) == {late}


def test_what_the_run_said_itself_is_kept(market: Workspace) -> None:
    """Its own test dates were predicted by models that had not seen them; the served one has."""
    champion = load_champion(market, "churn")
    late = LAST + timedelta(days=HORIZON)
    only = with_later_dates(None, champion, made_table(days=(late,)), closed_by)
    assert only is not None
    again = with_later_dates(only, champion, made_table(days=(late,)), closed_by)
    assert again is only


def test_a_model_that_reads_what_is_gone_is_not_asked(market: Workspace) -> None:
    """Its features are no longer in the rows: it says nothing of new dates."""
    champion = load_champion(market, "churn")
    rows = made_table(days=(LAST + timedelta(days=HORIZON),)).drop_columns(["recency_days"])
    assert with_later_dates(None, champion, rows, closed_by) is None
