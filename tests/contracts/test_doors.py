"""The Python door: what `training` promises is there, documented, and costs nothing to look at."""

import subprocess
import sys

import pytest

import training


@pytest.mark.parametrize("name", training.__all__)
def test_the_door_leads_where_it_says(name):
    """Every name is there and explains itself."""
    assert getattr(training, name).__doc__


def test_what_is_not_there_is_told():
    """A misspelt name is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = training.trian


def test_opening_the_door_loads_nothing_heavy():
    """`import training` brings along neither LightGBM nor MLflow nor Arrow."""
    heavy = "{'lightgbm', 'mlflow', 'pyarrow', 'sklearn', 'pandas'}"
    code = f"import sys, training; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
