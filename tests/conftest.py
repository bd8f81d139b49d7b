"""Fixtures every test may use: the real data, and a clean, silent process."""

import os
from pathlib import Path

import pytest

from features.settings import prepare_process

prepare_process()

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real data sets; skips without it, fails where services are required."""
    folder = Path(os.environ.get("FORESTAY_DATA", REPOSITORY.parent / "shared" / "data")).resolve()
    if folder.is_dir():
        return folder
    words = f"the real data are not at {folder}; set FORESTAY_DATA"
    if os.environ.get("FORESTAY_REQUIRE_SERVICES") == "1":
        pytest.fail(words)
    pytest.skip(words)
