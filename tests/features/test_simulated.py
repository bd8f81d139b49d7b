"""The simulated company: seeded, believable, and honest about its truth."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from features.errors import BadInput
from features.simulated import answers, company, simulate
from features.simulated.answers import answer_chances, local_hours
from features.simulated.customers import CHANNELS, SEGMENTS, draw_people
from features.simulated.districts import DISTRICTS, draw_failures
from features.simulated.leaving import ACTIONS, response
from features.simulated.weeks import END, START

CUSTOMERS = 4000
TEST_DATE = date(2026, 8, 1)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One company of the demo's size."""
    return simulate(tmp_path_factory.mktemp("demo"), customers=CUSTOMERS)


@pytest.fixture
def ask(demo):
    """Ask SQL of the company's files; `{orders}` stands for the orders file."""
    names = {path.stem: f"'{path}'" for path in demo.folder.rglob("*.*") if path.suffix != ".yaml"}
    names["true_customers"] = f"'{demo.truth_folder / 'customers.parquet'}'"
    names["customers"] = f"'{demo.folder / 'customers.parquet'}'"
    with duckdb.connect(config={"threads": 2}) as connection:
        yield lambda query: connection.sql(query.format(**names)).fetchnumpy()


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_simulate_same_seed_gives_same_bytes(tmp_path):
    """Two simulations with one seed are equal in every byte of every file."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        simulate(folder, customers=300, seed=11)
    assert _bytes(first) == _bytes(second)


def test_simulate_other_seed_gives_another_company(tmp_path):
    """The seed decides: another one gives other orders."""
    for seed in (1, 2):
        simulate(tmp_path / str(seed), customers=200, seed=seed)
    first, second = (_bytes(tmp_path / str(seed)) for seed in (1, 2))
    assert first["orders.parquet"] != second["orders.parquet"]


def test_simulate_chunks_share_failures_but_no_ids(tmp_path, monkeypatch):
    """Chunks of customers have ids of their own, and are struck by the same failures."""
    monkeypatch.setattr(company, "CHUNK", 400)
    made = simulate(tmp_path, customers=1000)
    customers = pq.read_table(made.folder / "customers.parquet")
    assert len(set(customers["client_no"].to_pylist())) == len(customers) == 1000
    rows = duckdb.sql(f"""
        SELECT topic, district, date_trunc('week', opened) AS week,
               count(DISTINCT left(case_no, 5)) AS chunks, count(*) AS struck
        FROM '{made.folder}/interactions.parquet' WHERE kind = 'failure'
        GROUP BY ALL HAVING struck > 30""").fetchnumpy()
    assert len(rows["chunks"])
    assert (rows["chunks"] >= 2).all()


def test_simulate_maps_only_columns_that_its_files_have(demo):
    """Every name in forestay.yaml is a column of its file, and nothing of the truth is mapped."""
    sources = yaml.safe_load((demo.folder / "forestay.yaml").read_text())["sources"]
    for table, source in sources.items():
        path = demo.folder / source["uri"]
        assert "truth" not in source["uri"], table
        columns = set(duckdb.sql(f"SELECT * FROM '{path}' LIMIT 1").columns)
        words = " ".join(source["columns"].values()).replace("*", " ").replace("/", " ").split()
        assert {word for word in words if not word.isdigit()} <= columns, table


def test_simulate_truth_lies_apart(demo):
    """What only the simulation knows is under truth/ alone."""
    assert {path.name for path in demo.truth_folder.iterdir()} == {
        "chances.parquet", "customers.parquet", "responses.parquet",
    }  # fmt: skip
    hidden = {"sleeping", "persuadable", "dissatisfaction", "restlessness", "peak_hour"}
    for path in demo.folder.glob("*.parquet"):
        assert not hidden & set(pq.read_schema(path).names)


@pytest.mark.parametrize(
    ("file", "time"),
    [("orders", "ordered"), ("interactions", "opened"), ("contracts", "starts"),
     ("contacts", "sent"), ("consents", "changed"), ("interactions", "closed"),
     ("orders", "entered"), ("contacts", "answered")],
)  # fmt: skip
def test_simulate_nothing_happens_after_the_end(ask, file, time):
    """The company cannot know the future: no instant lies after the last day."""
    newest = ask(f"SELECT max({time})::DATE AS day FROM {{{file}}}")["day"][0]
    assert newest <= np.datetime64(END)


def test_simulate_present_is_the_last_evening(ask):
    """The newest order is of the last day, so that the first list is of the day after."""
    found = ask("SELECT max(ordered)::DATE AS newest, min(ordered)::DATE AS oldest FROM {orders}")
    assert found["newest"][0] == np.datetime64(END)
    assert found["oldest"][0] == np.datetime64(START)


def test_draw_failures_strikes_few_districts_at_a_time():
    """In a week in which something breaks, most districts are spared."""
    share = draw_failures(np.random.default_rng(3)).share
    struck = (share > 0).any(axis=2).sum(axis=1)
    assert 0 < np.median(struck) <= len(DISTRICTS) / 3


def test_simulate_failures_are_of_the_customers_own_district(ask):
    """Who is struck lives in the struck district."""
    found = ask("""SELECT count(*) AS wrong
                   FROM {interactions} i JOIN {customers} c USING (client_no)
                   WHERE i.kind = 'failure' AND i.district <> c.district""")
    assert found["wrong"][0] == 0


def test_simulate_household_shares_district_and_one_lease(ask):
    """Members of a household live together, and one of them holds the lease."""
    found = ask("""
        SELECT household, count(DISTINCT district) AS districts,
               count(DISTINCT l.client_no) AS holders
        FROM {customers} c LEFT JOIN {contracts} l USING (client_no) GROUP BY household""")
    assert found["districts"].max() == 1
    assert found["holders"].max() == 1


def test_simulate_has_potential_customers_who_never_bought(ask):
    """A few customers are registered and have not ordered anything."""
    found = ask("""SELECT avg((client_no NOT IN (SELECT client_no FROM {orders}))::INT) AS share
                   FROM {customers}""")
    assert 0.05 < found["share"][0] < 0.30


def test_simulate_held_out_customers_got_nothing(ask):
    """A row of somebody held out has no answer; about a quarter of outreach is held out."""
    found = ask("""SELECT count(answer) AS answers FROM {contacts} WHERE arm = 'held_out'""")
    share = ask("""SELECT avg((arm = 'held_out')::INT) AS share FROM {contacts}
                   WHERE sent >= DATE '2025-01-01'""")
    assert found["answers"][0] == 0
    assert 0.2 < share["share"][0] < 0.3


def test_simulate_some_corrections_are_known_later(ask):
    """Complaints first filed as contacts come again under the same number, recorded later."""
    found = ask("""SELECT count(*) AS cases FROM {interactions} a JOIN {interactions} b
                   ON a.case_no = b.case_no AND a.recorded < b.recorded
                   WHERE a.kind = 'contact' AND b.kind = 'complaint'""")
    assert found["cases"][0] > 0


def test_simulate_dirt_is_little(ask):
    """Bad rows exist in orders, dealings and contacts, far fewer than one in a hundred."""
    for query in (
        "SELECT avg((unit_price IS NULL)::INT) AS share FROM {orders}",
        "SELECT avg((client_no IS NULL)::INT) AS share FROM {interactions}",
        "SELECT avg((coalesce(score, 0) > 10)::INT) AS share FROM {interactions}",
        "SELECT avg((cost LIKE '%,%')::INT) AS share FROM {contacts}",
    ):
        assert 0 < ask(query)["share"][0] < 0.01


def test_simulate_second_ids_are_used_until_they_are_merged(ask):
    """App accounts occur in usage only before the company tied them to their customers."""
    found = ask("""SELECT count(*) AS rows, count(*) FILTER (opened >= merged) AS late
                   FROM {interactions} JOIN {aliases} ON account = interactions.client_no""")
    assert found["rows"][0] > 0
    assert found["late"][0] == 0


@pytest.fixture
def answering(demo, ask):
    """Chances of answering (customers, channels, 24), and all stated channels and segments."""
    chances = answer_chances(pq.read_table(demo.truth_folder / "responses.parquet"))
    seen = ask("SELECT channel, segment FROM {customers} ORDER BY client_no")
    stated = np.array([CHANNELS.index(name) for name in seen["channel"]])
    return chances, stated, seen["segment"]


def test_simulate_a_quarter_answers_best_elsewhere_than_stated(answering):
    """What customers state is mostly, not always, where they answer best."""
    chances, stated, segment = answering
    elsewhere = chances[:, :, answers.SENDING_HOURS].mean(axis=2).argmax(axis=1) != stated
    assert 0.2 < elsewhere.mean() < 0.3
    for name in SEGMENTS:
        assert 0.1 < elsewhere[segment == name].mean() < 0.4, name


def test_simulate_hours_differ_by_segment(answering):
    """Seniors answer in the morning, families before supper, students at night, and all more."""
    chances, _, segment = answering
    best = {name: chances[segment == name].mean(axis=(0, 1)) for name in SEGMENTS}
    hours = {name: int(curve.argmax()) for name, curve in best.items()}
    assert hours["senior"] < 11 < hours["expat"] < 15 < hours["family"] < hours["student"]
    assert all(curve.max() > 2 * curve[3] for curve in best.values())


def test_simulate_contacts_try_other_channels_and_all_hours(ask):
    """A good part of past contacts went elsewhere than stated, never against a given refusal."""
    found = ask("""
        SELECT k.channel <> c.channel AS other, hour(sent) AS hour, coalesce(first, TRUE) AS allowed
        FROM {contacts} k JOIN {customers} c USING (client_no)
        LEFT JOIN (SELECT client_no, channel, arg_min(granted, changed) AS first
                   FROM {consents} GROUP BY ALL) o
        ON o.client_no = k.client_no AND o.channel = k.channel AND NOT k.channel = c.channel""")
    assert 0.2 < found["other"].mean() < 0.4
    assert found["allowed"].mean() > 0.99  # whose first consent is missing may withdraw later
    hours, counts = np.unique(found["hour"], return_counts=True)
    assert hours.tolist() == list(range(9, 21))
    assert counts.max() < 1.3 * counts.min()


def test_simulate_contacts_are_answered_as_the_truth_says(ask, answering):
    """Where the truth sees twice the chance, past contacts have about twice the answers."""
    seen = ask("""SELECT client_no, channel, hour(sent) AS hour,
                         coalesce(answer = 'accepted', FALSE) AS answered
                  FROM {contacts} JOIN (SELECT client_no, time_zone FROM {customers})
                  USING (client_no) WHERE arm = 'treated' AND time_zone = 'Europe/Amsterdam'""")
    who = np.array([int(name[1:]) for name in seen["client_no"]])
    channel = np.array([CHANNELS.index(name) for name in seen["channel"]])
    chance = answering[0][who, channel, seen["hour"]]
    low, high = np.quantile(chance, [0.25, 0.75])
    few, many = seen["answered"][chance < low].mean(), seen["answered"][chance > high].mean()
    expected = chance[chance > high].mean() / chance[chance < low].mean()
    assert 0.7 * expected < many / few < 1.2 * expected


def test_local_hours_follow_the_customers_own_clock():
    """Ten in the morning is later in Shanghai: five in winter, four in summer."""
    sent = np.array(["2026-01-15T10:30", "2026-07-15T10:30"], dtype="datetime64[us]")
    assert local_hours(sent, np.array([True, True])).tolist() == [17, 16]
    assert local_hours(sent, np.array([False, False])).tolist() == [10, 10]


def test_simulate_how_people_answer_changes_nothing_else(tmp_path, monkeypatch):
    """Other habits change contacts, whose consent is withdrawn, and their truth: no other byte."""
    simulate(tmp_path / "usual", customers=300)
    monkeypatch.setattr(answers, "_EXPLORES", 0.9)
    monkeypatch.setattr(answers, "_DIFFER", 1.0)
    simulate(tmp_path / "other", customers=300)
    usual, other = _bytes(tmp_path / "usual"), _bytes(tmp_path / "other")
    changed = {name for name, content in usual.items() if other[name] != content}
    assert {"contacts.csv", "truth/responses.parquet"} <= changed
    assert changed <= {"contacts.csv", "consents.csv", "truth/responses.parquet"}


def test_response_wakes_sleeping_customers_and_helps_others():
    """A contact drives away only those who leave because contacted, and helps only the others."""
    people = draw_people(0, 2000, 5, np.random.default_rng(5))
    for action in ACTIONS[1:]:
        helped, woken, _ = response(people, action, np.full(len(people), 0.5))
        assert (woken[people.sleeping] > 0).all()
        assert (woken[~people.sleeping] == 0).all()
        assert (helped[people.sleeping] == 0).all()
        assert helped[~people.sleeping].mean() > 0.1


def test_truth_shows_some_helped_and_some_harmed(ask):
    """Some would stay because of a contact, some leave because of it, and the truth says who."""
    found = ask(f"""
        SELECT leave_service_recovery - leave_none AS effect, leaves_because_contacted AS harmed,
               sleeping FROM {{chances}} JOIN {{true_customers}} USING (customer_id)
        WHERE here AND as_of = DATE '{TEST_DATE}'""")
    assert (found["effect"] < -0.02).mean() > 0.1
    assert 0.05 < found["harmed"].mean() < 0.4
    assert found["sleeping"][found["harmed"]].all()


def test_truth_chances_agree_with_what_happened(ask):
    """Of those still there, as many left in 90 days as the truth expected, give or take."""
    found = ask(f"""
        SELECT avg(leave_none) AS expected,
               avg(coalesce(left_on >= as_of AND left_on < as_of + 90, FALSE)::INT) AS happened
        FROM {{chances}} JOIN {{true_customers}} USING (customer_id)
        WHERE here AND as_of BETWEEN DATE '2025-02-01' AND DATE '{TEST_DATE}'""")
    assert found["happened"][0] == pytest.approx(found["expected"][0], abs=0.025)


_SIMPLE_FEATURES = """
    WITH bought AS (SELECT DISTINCT client_no, order_no, ordered FROM {{orders}} WHERE NOT refund),
    past AS (
        SELECT client_no, DATE '{day}' - max(ordered)::DATE AS recency,
            count(*) FILTER (ordered >= DATE '{day}' - 90) AS quarter,
            count(*) FILTER (ordered >= DATE '{day}' - 365) AS year
        FROM bought WHERE ordered < DATE '{day}' GROUP BY client_no HAVING recency <= 180)
    SELECT recency, quarter, year, (client_no NOT IN (
        SELECT client_no FROM bought
        WHERE ordered >= DATE '{day}' AND ordered < DATE '{day}' + 90))::INT AS churned
    FROM past"""


def test_simulate_churn_looks_like_life(ask):
    """A plain model of three features finds churn about as well as on real purchase logs."""
    train, test = (ask(_SIMPLE_FEATURES.format(day=day)) for day in (date(2026, 5, 1), TEST_DATE))
    columns = [
        np.log1p(np.stack([rows["recency"], rows["quarter"], rows["year"]], axis=1).astype(float))
        for rows in (train, test)
    ]
    scale = StandardScaler().fit(columns[0])
    model = LogisticRegression().fit(scale.transform(columns[0]), train["churned"])
    chance = model.predict_proba(scale.transform(columns[1]))[:, 1]
    assert 0.10 < test["churned"].mean() < 0.35
    assert 0.72 < roc_auc_score(test["churned"], chance) < 0.85


def test_simulate_complaints_look_like_life(ask):
    """Of those who lately dealt with the company, 4 to 12% complain within 30 days."""
    found = ask(f"""
        WITH active AS (
            SELECT client_no FROM {{orders}} WHERE ordered BETWEEN DATE '{TEST_DATE}' - 90
                AND DATE '{TEST_DATE}'
            UNION SELECT client_no FROM {{interactions}} WHERE opened BETWEEN
                DATE '{TEST_DATE}' - 90 AND DATE '{TEST_DATE}')
        SELECT avg((client_no IN (SELECT client_no FROM {{interactions}}
            WHERE kind = 'complaint' AND client_no IS NOT NULL AND opened >= DATE '{TEST_DATE}'
            AND opened < DATE '{TEST_DATE}' + 30))::INT) AS rate FROM active""")
    assert 0.04 < found["rate"][0] < 0.12


@pytest.mark.parametrize("customers", [1, 2, 7, 40])
def test_simulate_a_handful_of_customers(tmp_path, customers):
    """Even the smallest company has all its files."""
    made = simulate(tmp_path, customers=customers)
    assert made.counts["customers.parquet"] == customers
    assert {path.name for path in tmp_path.iterdir()} >= {"forestay.yaml", "aliases.csv", "truth"}


def test_simulate_without_customers_is_refused(tmp_path):
    """No customers make no company, and nothing is written."""
    with pytest.raises(BadInput, match="1 or more"):
        simulate(tmp_path / "none", customers=0)
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_simulate_200_000_customers_in_bounded_memory(tmp_path):
    """Memory follows the chunk: 200,000 customers need less than 1 GiB."""
    code = (
        "import resource, sys; from pathlib import Path; from features.simulated import simulate;"
        "simulate(Path(sys.argv[1]), customers=200_000);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1024**2
