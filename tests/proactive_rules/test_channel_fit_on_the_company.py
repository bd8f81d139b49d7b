"""What channel and hour fit are worth, judged by the truth of a simulated company."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from features.simulated import simulate
from features.simulated.answers import answer_chances
from features.simulated.customers import CHANNELS
from features.simulated.weeks import TIME_ZONE
from proactive_rules.timing.channel_fit import channel_fit

DAY = slice(9, 21)
ALLOWED = np.isin(np.arange(24), np.arange(24)[DAY])


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    """4,000 simulated customers as the company sees them, past sends, and the truth."""
    made = simulate(tmp_path_factory.mktemp("company"), customers=4000)
    register = pq.read_table(made.folder / "customers.parquet").sort_by("client_no")
    truth = pq.read_table(made.truth_folder / "responses.parquet")
    assert truth["customer_id"].to_pylist() == register["client_no"].to_pylist()
    contacts = pa_csv.read_csv(made.folder / "contacts.csv")
    return register, _responses(contacts, register), answer_chances(truth)


def _responses(contacts: pa.Table, register: pa.Table) -> pa.Table:
    """Sum what was sent and accepted, by channel and the hour on the customer's clock."""
    contacts = contacts.filter(pc.equal(contacts["arm"], "treated"))
    sent = pc.assume_timezone(contacts["sent"].cast(pa.timestamp("us")), TIME_ZONE)
    place = pc.index_in(contacts["client_no"], register["client_no"].combine_chunks())
    zones = register["time_zone"].take(place)
    hour = pc.hour(sent)
    for zone in pc.unique(zones).to_pylist():
        there = pc.hour(sent.cast(pa.timestamp("us", zone)))
        hour = pc.if_else(pc.equal(zones, zone), there, hour)
    accepted = pc.fill_null(pc.equal(contacts["answer"], "accepted"), fill_value=False)
    rows = pa.table(
        {
            "customer_id": contacts["client_no"],
            "channel": contacts["channel"],
            "hour": hour,
            "sent": pa.array(np.ones(len(contacts), dtype=np.int64)),
            "answered": accepted.cast(pa.int64()),
        }
    )
    keys = ["customer_id", "channel", "hour"]
    summed = rows.group_by(keys).aggregate([("sent", "sum"), ("answered", "sum")])
    return summed.select([*keys, "sent_sum", "answered_sum"]).rename_columns(rows.column_names)


def _who(register: pa.Table) -> pa.Table:
    names = ("client_no", "segment", "channel")
    return register.select(names).rename_columns(["customer_id", "segment", "preferred_channel"])


def _chosen(fit) -> tuple[np.ndarray, np.ndarray]:
    """Choose channel and hour of each customer by index x lift."""
    hour, lift = fit.best_hour(np.tile(ALLOWED, (len(fit.index), 1)))
    channel = (fit.index * lift).argmax(axis=1)
    return channel, hour[np.arange(len(hour)), channel]


def test_channel_fit_beats_one_channel_and_hour_for_all(company):
    """True chances of an answer: ours, the best for all with hindsight, the stated channel."""
    register, responses, truth = company
    everybody = np.arange(len(truth))
    channel, hour = _chosen(channel_fit(_who(register), responses, CHANNELS))
    ours = truth[everybody, channel, hour].mean()
    one_for_all = truth[:, :, DAY].mean(axis=0).max()
    stated = np.array([CHANNELS.index(name) for name in register["channel"].to_pylist()])
    stated_one_hour = truth[everybody, stated, DAY].mean(axis=0).max()
    oracle = truth[:, :, DAY].max(axis=(1, 2)).mean()
    # measured: 0.501 against 0.294, 0.388 and 0.577
    assert ours > 1.5 * one_for_all
    assert ours > 1.15 * stated_one_hour
    assert ours > 0.8 * oracle


def test_channel_fit_expects_what_is_true(company):
    """Where we expect a quarter more than usual, the truth has more, and most of what we expect."""
    register, responses, truth = company
    fit = channel_fit(_who(register), responses, CHANNELS)
    usual = truth[:, :, DAY].mean(axis=2)
    liked, not_liked = fit.index > 1.25, fit.index < 0.75
    assert usual[liked].mean() > 1.4 * usual[not_liked].mean()
    assert np.corrcoef(fit.response.ravel(), usual.ravel())[0, 1] > 0.4


def test_channel_fit_learns_that_some_answer_better_elsewhere(company):
    """Those whom it contacts elsewhere than stated do answer better there, on average."""
    register, responses, truth = company
    everybody = np.arange(len(truth))
    stated = np.array([CHANNELS.index(name) for name in register["channel"].to_pylist()])
    channel, _ = _chosen(channel_fit(_who(register), responses, CHANNELS))
    elsewhere = channel != stated
    usual = truth[:, :, DAY].mean(axis=2)
    assert elsewhere.sum() > 50
    there, here = usual[everybody, channel], usual[everybody, stated]
    assert there[elsewhere].mean() > here[elsewhere].mean()
