"""Two weeks of nights: marketing opens the list each morning, the CRM reports what it did.

Through the command line only; the models are made up so that a night takes a second.
"""

import csv
import json
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import features.feature_store
import training.registry
from serving.cli.group import forestay
from tests.serving.small_shop import AS_OF, CHAMPIONS, write_shop

NIGHTS = 14
COOLDOWN, GRACE, DUE = timedelta(days=5), timedelta(days=2), timedelta(hours=48)
POLICY = """
version: spring
holdout: {global: 10%, key: spring}
consent: {when_unknown: {marketing: denied, service: allowed}}
limits: [{channel: any, max: 2, within: 10d}]
quiet_hours: {from: "21:00", to: "08:00"}
capacity: {email: 12/day}
reservation: 2d
suppress:
  - name: bought_lately
    when: "recency_days < 2"
    say: {en: "Bought within two days", zh: "两天内刚购买"}
actions:
  - name: reason_to_stay
    purpose: marketing
    for: churn
    channel: email
    when: "churn_risk >= cutoff"
    cost: 1.00
    effect: {declared: -0.10}
    owner: marketing
    due_in: 48h
    cooldown: 5d
    playbook: {en: "Give one reason to stay.", zh: "给出一个留下的理由。"}
    say: {en: "Drifting away", zh: "正在流失"}
"""


@dataclass
class Fortnight:
    """What happened: per night the list and its summary; per customer when a mail was sent."""

    folder: Path
    lists: dict = field(default_factory=dict)
    summaries: dict = field(default_factory=dict)
    sent: dict = field(default_factory=lambda: defaultdict(list))
    lost: set = field(default_factory=set)
    refused: str = ""

    def run(self, *arguments):
        """Call a command on the shop and read its JSON."""
        done = CliRunner().invoke(forestay, [*arguments, "--workspace", str(self.folder), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def night(self, day):
        """Run a night and read what marketing opens."""
        self.run("nightly", "--as-of", f"{day}")
        folder = self.folder / "lists" / f"{day}"
        self.lists[day] = pq.read_table(folder / "risk_list.parquet", partitioning=None).to_pylist()
        self.summaries[day] = json.loads((folder / "summary.json").read_text())

    def contacts(self, day):
        """Read the file marketing hands to the CRM."""
        path = self.folder / "lists" / f"{day}" / "contacts_email.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def report(self, day):
        """Send what was asked for at the planned hour, lose every fifth, report the rest."""
        rows = []
        for place, row in enumerate(self.contacts(day)):
            if place % 5 == 4:
                self.lost.add((row["customer_id"], day))
                continue
            at = datetime.fromisoformat(row["contact_at"]).astimezone(UTC)
            self.sent[row["customer_id"]].append(at)
            rows.append([row["decision_id"], row["customer_id"], at.isoformat(), row["action"]])
        path = self.folder / f"crm_{day}.csv"
        with path.open("w", newline="") as file:
            names = ["decision_id", "customer_id", "sent_at", "action", "channel"]
            csv.writer(file).writerows([names, *([*row, "email"] for row in rows)])
        if rows:
            taken = self.run("outcomes", str(path))
            assert taken["accepted"] == taken["matched"] == len(rows)

    def refuse(self, customer):
        """Let a customer withdraw consent."""
        self.refused = customer
        with (self.folder / "consents.csv").open("a", newline="") as file:
            csv.writer(file).writerow([customer, "email", False, f"{AS_OF + timedelta(days=5)}"])
        self.run("ingest")


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory):
    """Live the two weeks once."""
    folder = tmp_path_factory.mktemp("two-weeks") / "shop"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features.feature_store, "materialize", lambda *_, **__: None)
        patch.setattr(training.registry, "load_champion", lambda _, name: CHAMPIONS.get(name))
        write_shop(folder)
        (folder / "policy.yaml").write_text(POLICY)
        weeks = Fortnight(folder)
        weeks.run("ingest")
        assert weeks.run("rules", "check")["notes"] == []
        for number in range(NIGHTS):
            day = AS_OF + timedelta(days=number)
            weeks.night(day)
            weeks.report(day)
            if number == 5:
                weeks.refuse(weeks.contacts(AS_OF + timedelta(days=1))[0]["customer_id"])
        yield weeks
        shutil.rmtree(folder)


def _contacted(weeks, day):
    return [row for row in weeks.lists[day] if row["decision"] == "contact"]


def test_every_night_stays_within_its_places(fortnight):
    """Never more than twelve mails a day, less those that earlier nights still hold."""
    for day in fortnight.lists:
        held = fortnight.summaries[day]["limits"][0]["held"]
        assert len(_contacted(fortnight, day)) <= 12 - held
    assert sum(len(_contacted(fortnight, day)) for day in fortnight.lists) > 50


def test_nobody_is_written_to_again_before_the_cooldown_is_over(fortnight):
    """Counted from the hour the CRM really sent it, not from midnight."""
    for times in fortnight.sent.values():
        gaps = [later - earlier for earlier, later in pairwise(sorted(times))]
        # The decision came before the sending, so it looked back from an earlier instant.
        assert all(gap >= COOLDOWN for gap in gaps)


def test_nobody_gets_more_than_two_mails_in_ten_days(fortnight):
    """Rolling, over the whole two weeks."""
    for times in fortnight.sent.values():
        for at in times:
            assert sum(at - timedelta(days=10) < other <= at for other in times) <= 2


def test_a_lost_contact_holds_its_place_until_it_is_released_and_then_comes_back(fortnight):
    """Decided but never reported: untouched for due 48 h and two days of grace, then not done."""
    again = 0
    for customer, day in fortnight.lost:
        released = day + DUE + GRACE
        decided = [d for d in fortnight.lists if d > day and _is_contacted(fortnight, customer, d)]
        assert all(later >= released for later in decided)
        again += bool(decided)
    assert again > 0
    last = AS_OF + timedelta(days=NIGHTS - 1)
    assert fortnight.summaries[last]["earlier_contacts"]["not_done"] > 0
    codes = [warning["code"] for warning in fortnight.summaries[last]["warnings"]]
    assert "not_done" in codes


def _is_contacted(weeks, customer, day):
    return any(row["customer_id"] == customer for row in _contacted(weeks, day))


def test_who_withdraws_consent_is_never_written_to_again(fortnight):
    """From the night after, whatever the risk."""
    for number in range(6, NIGHTS):
        day = AS_OF + timedelta(days=number)
        assert not _is_contacted(fortnight, fortnight.refused, day)


def test_the_control_group_is_left_alone_all_the_time(fortnight):
    """Who is held out on any night is contacted on none."""
    held = {
        row["customer_id"] for rows in fortnight.lists.values() for row in rows if row["held_out"]
    }
    assert held
    assert not held & set(fortnight.sent)


def test_everybody_left_alone_has_a_reason(fortnight):
    """Each morning, in plain words."""
    for rows in fortnight.lists.values():
        assert all(row["why_not"] for row in rows if row["decision"] != "contact")
    words = Counter(row["why_not"] for rows in fortnight.lists.values() for row in rows)
    assert {"the same was done not long ago", "no consent for email"} <= set(words)


def test_the_summary_says_who_rests_after_a_contact(fortnight):
    """Since the last list: newly not contacted, because contacted already."""
    second = fortnight.summaries[AS_OF + timedelta(days=1)]["since_last"]["contacts"]["left"]
    assert second["outreach"] > 0


def test_why_tells_what_would_have_had_to_differ(fortnight):
    """For someone who rests: from when on it is possible again."""
    last = AS_OF + timedelta(days=NIGHTS - 1)
    resting = next(
        row["customer_id"]
        for row in fortnight.lists[last]
        if row["why_not"] == "the same was done not long ago"
    )
    told = fortnight.run("rules", "why", resting)
    mine = next(one for one in told["alternatives"] if one["action"] == "reason_to_stay")
    assert mine["code"] == "cooldown"
    free = datetime.strptime(mine["differ"][-16:], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert free.date() > last


def test_a_tighter_policy_is_seen_before_it_ships(fortnight):
    """Half the places: fewer contacts on the replayed nights, and nothing is changed by looking."""
    tighter = fortnight.folder / "tighter.yaml"
    tighter.write_text(POLICY.replace("12/day", "3/day"))
    before = sorted(path.name for path in (fortnight.folder / "lists").iterdir())
    told = fortnight.run("rules", "simulate", "--policy", str(tighter), "--nights", "3")
    kept, less = (one["decisions"]["contact"] for one in told["total"])
    assert less < kept
    assert sorted(path.name for path in (fortnight.folder / "lists").iterdir()) == before
    assert date.fromisoformat(told["nights"][-1]["as_of"]) >= AS_OF
