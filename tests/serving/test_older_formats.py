"""Records that an older version wrote are verified, read and made again by this one.

Each folder of `ledgers/` holds a small night as that version wrote it, keys included (of people who
never were). When a format is raised, the old folder stays and a new one is added.
"""

import shutil
from pathlib import Path

import pytest

import training.registry
from features.settings import load_workspace
from serving.audit.reading import Records
from serving.audit.record import FORMAT
from serving.audit.replay import replay_night
from serving.ledger import verify
from tests.serving.small_shop import AS_OF, CHAMPIONS, write_shop

KEPT = sorted((Path(__file__).parent / "ledgers").glob("format-*"))


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.name)
def test_a_night_of_an_older_version_is_verified_and_made_again(kept, tmp_path, monkeypatch):
    """The same to the last bit, with the model of that time."""
    monkeypatch.setattr(training.registry, "load_version", lambda _, name, __: CHAMPIONS[name])
    write_shop(tmp_path)
    workspace = load_workspace(tmp_path)
    workspace.ledger_file.parent.mkdir(parents=True)
    shutil.copy(kept / "ledger.sqlite", workspace.ledger_file)
    shutil.copytree(kept / "keys", workspace.ledger_keys)
    for key in workspace.ledger_keys.iterdir():
        key.chmod(0o600)
    records = Records(workspace)
    assert not verify(records.ledger).faults
    found = replay_night(records, workspace, AS_OF)
    assert found.asked > 20
    assert found.differences == ()
    assert found.is_same


def test_every_format_has_a_night_that_is_kept():
    """Raising the number without keeping a night of it fails here."""
    assert [path.name for path in KEPT] == [f"format-{n}" for n in range(1, FORMAT + 1)]
