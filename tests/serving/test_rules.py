"""`forestay rules`: check a policy, and replay nights under another, on the small shop."""

import json
import re

import pytest
from click.testing import CliRunner

import features.feature_store
import training.registry
from features.ingest import ingest
from features.settings import load_workspace
from serving.cli.group import forestay
from tests.serving.small_shop import CHAMPIONS, write_csv, write_shop

ACTION = """\
actions:
  - name: write
    purpose: marketing
    for: churn
    channel: email
    when: "{when}"
    cost: 1.00
    effect: {{declared: -0.20}}
    owner: marketing
    due_in: 24h
    cooldown: 5d
    playbook: {{en: "Write.", zh: "去信。"}}
    say: {{en: "Likely to leave", zh: "可能流失"}}
"""
CUSTOMERS = """\
  customers:
    uri: customers.csv
    columns: {customer_id: customer, segment: segment, vulnerable: vulnerable, channel: via}
    attributes: [vulnerable, channel]
targets:"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Ingest the small shop, with attributes of customers, and run one night."""
    folder = tmp_path_factory.mktemp("rules") / "shop"
    folder.mkdir()
    write_shop(folder)
    people = [(f"{n:020d}", "home", "yes" if n % 9 == 0 else "no", "web") for n in range(120)]
    write_csv(folder / "customers.csv", ["customer", "segment", "vulnerable", "via"], people)
    settings = (folder / "forestay.yaml").read_text()
    (folder / "forestay.yaml").write_text(settings.replace("targets:", CUSTOMERS))
    write_policy(folder / "policy.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
        patch.setattr(training.registry, "load_champion", lambda _, name: CHAMPIONS.get(name))
        ingest(load_workspace(folder))
        assert run(folder, "nightly").exit_code == 0
        yield folder


def write_policy(path, when="churn_risk >= cutoff", more="capacity: {email: 9/day}"):
    """Write a policy of one action."""
    path.write_text(f"version: 1\n{more}\n{ACTION.format(when=when)}")
    return path


def run(folder, *arguments):
    """Call a command on the shop."""
    return CliRunner().invoke(forestay, [*arguments, "--workspace", str(folder), "--json"])


def answer(folder, *arguments):
    """Call a command and read its JSON."""
    done = run(folder, *arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_check_describes_a_sound_policy_and_what_is_unusual(shop):
    """Nobody is held out, no cap: a reader should know before a night does."""
    found = answer(shop, "rules", "check")
    assert found["actions"][0]["name"] == "write"
    assert found["consent_mapped"] is True
    assert any("nobody is held out" in note for note in found["notes"])
    assert any("no frequency cap" in note for note in found["notes"])


def test_check_says_which_columns_this_workspace_lacks(shop):
    """A feature of the product that is not mapped here reads as null, and that is told."""
    other = write_policy(shop / "other.yaml", when="contract_end_days > 3")
    notes = answer(shop, "rules", "check", "--policy", str(other))["notes"]
    assert any("read as null: contract_end_days" in note for note in notes)


def test_rules_may_read_the_customers_own_attributes(shop):
    """`vulnerable` is a column of the user's; one called like a decision's own is not readable."""
    sound = write_policy(shop / "other.yaml", when="vulnerable = 'no'")
    assert answer(shop, "rules", "check", "--policy", str(sound))["notes"]
    unfit = write_policy(shop / "other.yaml", when="channel = 'web'")
    done = run(shop, "rules", "check", "--policy", str(unfit))
    assert done.exit_code == 1
    assert "no column `channel`" in json.loads(done.stdout)["error"]["problem"]


def test_a_fault_of_the_policy_stops_the_night_before_anything_is_written(shop):
    """Told with its line, exit 1, and the list stays as it was."""
    kept = (shop / "policy.yaml").read_text()
    before = (shop / "lists" / "latest" / "summary.json").read_bytes()
    write_policy(shop / "policy.yaml", when="churn_rsk > 1")
    done = run(shop, "nightly", "--supersede")
    (shop / "policy.yaml").write_text(kept)
    assert done.exit_code == 1
    assert "policy.yaml, line " in done.stdout
    assert (shop / "lists" / "latest" / "summary.json").read_bytes() == before


def test_the_policy_in_force_replayed_against_itself_moves_nobody(shop):
    """Night for night the same customers, and nothing in the workspace changes."""
    before = {p: p.read_bytes() for p in (shop / "lists").rglob("*") if p.is_file()}
    found = answer(
        shop, "rules", "simulate", "--policy", str(shop / "policy.yaml"), "--nights", "4"
    )
    assert found["same"] is True
    assert [(night["entered"], night["left"]) for night in found["nights"]] == [(0, 0)] * 4
    assert found["total"][0] == found["total"][1]
    assert {p: p.read_bytes() for p in (shop / "lists").rglob("*") if p.is_file()} == before


def test_a_replay_remembers_what_each_policy_sent_the_nights_before(shop):
    """With places for all, the first night takes everybody and the cooldown keeps the second."""
    wide = write_policy(shop / "wide.yaml", more="capacity: {email: 999/day}")
    found = answer(shop, "rules", "simulate", "--policy", str(wide), "--nights", "3")
    kept, other = (
        [n["policies"][p]["decisions"]["contact"] for n in found["nights"]] for p in (0, 1)
    )
    assert kept == [9, 9, 9]
    assert other[0] > 27
    assert other[1] < other[0] / 4


def test_the_page_of_a_replay_opens_anywhere_in_both_languages(shop):
    """No address outside, both policies named, English and Chinese."""
    wide = write_policy(shop / "wide.yaml", more="capacity: {email: 999/day}")
    page = answer(shop, "rules", "simulate", "--policy", str(wide), "--nights", "2")["page"]
    with open(page, encoding="utf-8") as file:  # noqa: PTH123 - a path as text
        html = file.read()
    assert not re.search(r"https?:|//[a-z]|<link|@import|url\(", html)
    assert 'lang="zh"' in html
    assert "wide.yaml" in html


@pytest.mark.parametrize("nights", ["0", "999"])
def test_a_number_of_nights_nobody_can_replay_is_refused(shop, nights):
    """Exit 1 and what would be right."""
    policy = str(shop / "policy.yaml")
    done = run(shop, "rules", "simulate", "--policy", policy, "--nights", nights)
    assert done.exit_code == 1
    assert "from 1 to 366" in done.stdout


def test_why_of_somebody_who_is_not_listed_says_so(shop):
    """Exit 1, no traceback, and the id is not repeated."""
    done = run(shop, "rules", "why", "nobody-of-that-name")
    assert done.exit_code == 1
    assert "not on it" in done.stdout
    assert "nobody-of-that-name" not in done.stdout
