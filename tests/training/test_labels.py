"""Labels by hand: each question on a history of one line, edges of windows included."""

from datetime import UTC, date, datetime, timedelta

import pytest

from features.errors import NotReady
from features.workspace import Target, Workspace
from tests.oracles.accepted_by_hand import write_accepted
from training.labels import labels, population

DAY = date(2011, 3, 10)
AS_OF = datetime(2011, 3, 10, tzinfo=UTC)
PRESENT = datetime(2011, 12, 9, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


def _at(days, beside=timedelta(0)):
    return AS_OF + timedelta(days=days) + beside


def _row(when, *, customer="a", known=None, gone=None, **values):
    return values | {"customer_id": customer, "known_at": known or when, "superseded_at": gone}


def _order(when, order="1", **more):
    return _row(when, ordered_at=when, order_id=order, **more)


def _call(when, kind="complaint", **more):
    return _row(when, occurred_at=when, kind=kind, **more)


def _contract(starts, ends=None, cancelled=None, **more):
    return _row(starts, starts_at=starts, ends_at=ends, cancelled_at=cancelled, **more)


def _outcome(when, outcome="churn", **more):
    return _row(when, occurred_at=when, outcome=outcome, **more)


def _profile(when, **more):
    return _row(when, observed_at=when, **more)


def _target(kind, name="churn", **spans):
    return Target(name=name, kind=kind, **{"horizon_days": 30, "active_within_days": 60} | spans)


def _workspace(folder, target):
    return Workspace(folder=folder, name="tiny", sources={}, targets={target.name: target})


@pytest.fixture
def ask(tmp_path):
    """Answer a target for customer a at AS_OF: 1, 0, or None when not asked."""

    def answer(target, present=PRESENT, **world):
        accepted = write_accepted(tmp_path, world, data_until=present)
        found = labels(_workspace(tmp_path, target), accepted, target, [DAY]).to_pylist()
        return {row["customer_id"]: row["label"] for row in found}.get("a")

    return answer


LAPSE = _target("lapse")


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        pytest.param([_order(_at(-10))], 1, id="buys-nothing"),
        pytest.param([_order(_at(-10)), _order(_at(0), "2")], 0, id="buys-as-it-opens"),
        pytest.param(
            [_order(_at(-10)), _order(_at(30, -MICRO), "2")], 0, id="buys-at-the-last-moment"
        ),
        pytest.param([_order(_at(-10)), _order(_at(30), "2")], 1, id="buys-as-it-closes"),
        pytest.param([_order(_at(-60))], 1, id="active-since-exactly-60-days"),
        pytest.param([_order(_at(-60, -MICRO))], None, id="no-longer-active"),
        pytest.param([_order(_at(0))], None, id="first-order-at-the-cutoff"),
        pytest.param([_order(_at(-10), is_return=True)], None, id="a-return-is-no-order"),
        pytest.param(
            [_order(_at(-10)), _order(_at(5), "2", is_return=True)], 1, id="a-return-is-no-purchase"
        ),
        pytest.param([_order(_at(-10)), _order(_at(5))], 1, id="a-later-line-of-an-earlier-order"),
        pytest.param([_order(_at(-10), known=_at(0))], None, id="not-known-at-the-cutoff"),
        pytest.param(
            [_order(_at(-10)), _order(_at(5), "2", known=_at(200))], 0, id="known-late-but-by-now"
        ),
        pytest.param(
            [_order(_at(-10)), _order(_at(5), "2", gone=_at(9))], 1, id="a-purchase-corrected-away"
        ),
        pytest.param([_order(_at(-10), gone=_at(0))], 1, id="seen-at-the-cutoff-corrected-since"),
        pytest.param(
            [_order(_at(-10), gone=_at(0, -MICRO))], None, id="corrected-before-the-cutoff"
        ),
    ],
)
def test_lapse(ask, orders, expected):
    """Lapse asks active buyers, as seen then, and answers by the orders known now."""
    assert ask(LAPSE, orders=orders) == expected


def test_lapse_skips_the_lead_days(ask):
    """An order in the lead days neither answers nor counts."""
    target = _target("lapse", lead_days=7)
    assert ask(target, orders=[_order(_at(-1)), _order(_at(3), "2")]) == 1
    assert ask(target, orders=[_order(_at(-1)), _order(_at(36), "2")]) == 0


GRACE = _target("contract", grace_days=5)


@pytest.mark.parametrize(
    ("contracts", "expected"),
    [
        pytest.param([_contract(_at(-99))], 0, id="open-ended"),
        pytest.param([_contract(_at(-99), _at(10))], 1, id="runs-out"),
        pytest.param([_contract(_at(-99), None, _at(10))], 1, id="cancelled"),
        pytest.param([_contract(_at(-99), _at(90), _at(10))], 1, id="cancelled-before-its-end"),
        pytest.param([_contract(_at(-99), _at(10), _at(40))], 0, id="cancelled-after-its-end"),
        pytest.param([_contract(_at(-99), _at(0))], None, id="ended-at-the-cutoff"),
        pytest.param([_contract(_at(-99), None, _at(0))], 1, id="cancelled-at-the-cutoff"),
        pytest.param([_contract(_at(-99), None, _at(0, -MICRO))], None, id="cancelled-before"),
        pytest.param([_contract(_at(-99), _at(30))], 0, id="ends-as-the-window-closes"),
        pytest.param([_contract(_at(0))], None, id="starts-at-the-cutoff"),
        pytest.param(
            [_contract(_at(-99), _at(10)), _contract(_at(15), _at(99))], 0, id="renewed-in-grace"
        ),
        pytest.param(
            [_contract(_at(-99), _at(10)), _contract(_at(15, MICRO))], 1, id="back-after-grace"
        ),
        pytest.param(
            [_contract(_at(-99), _at(29)), _contract(_at(34))], 0, id="renewed-after-the-window"
        ),
        pytest.param([_contract(_at(-99), _at(10)), _contract(_at(-50))], 0, id="another-goes-on"),
        pytest.param(
            [_contract(_at(-99), _at(10)), _contract(_at(-50), _at(10))], 1, id="both-end-at-once"
        ),
        pytest.param(
            [_contract(_at(-99), _at(10)), _contract(_at(12), _at(20))],
            1,
            id="the-renewal-ends-too",
        ),
        pytest.param(
            [_contract(_at(-99), _at(10)), _contract(_at(12), _at(99), _at(12))],
            1,
            id="a-renewal-cancelled-before-it-began",
        ),
        pytest.param(
            [_contract(_at(-99), _at(10)), _contract(_at(12), customer="b")],
            1,
            id="somebody-else-starts",
        ),
        pytest.param(
            [
                _contract(_at(-99), _at(10), gone=_at(5)),
                _contract(_at(-99), _at(400), known=_at(5)),
            ],
            0,
            id="prolonged-by-a-later-version",
        ),
        pytest.param(
            [
                _contract(_at(-99), gone=_at(5)),
                _contract(_at(-99), None, _at(-3), known=_at(5)),
            ],
            0,
            id="had-left-before-but-nobody-knew",
        ),
    ],
)
def test_contract(ask, contracts, expected):
    """Contract asks who is under contract, as seen then; yes when cover breaks off for good."""
    assert ask(GRACE, contracts=contracts) == expected


def test_contract_end_without_grace_takes_a_seamless_renewal(ask):
    """Without days of grace a contract that starts as the other ends still carries on."""
    target = _target("contract")
    old = _contract(_at(-99), _at(10))
    assert ask(target, contracts=[old, _contract(_at(10))]) == 0
    assert ask(target, contracts=[old, _contract(_at(10, MICRO))]) == 1


COMPLAINT = _target("complaint", "complaint")


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param({"interactions": [_call(_at(-10), "contact")]}, 0, id="silence"),
        pytest.param({"interactions": [_call(_at(-10)), _call(_at(0))]}, 1, id="as-it-opens"),
        pytest.param({"interactions": [_call(_at(-10)), _call(_at(30))]}, 0, id="as-it-closes"),
        pytest.param(
            {"interactions": [_call(_at(-10)), _call(_at(5), "contact")]}, 0, id="another-kind"
        ),
        pytest.param(
            {"interactions": [_call(_at(5))], "orders": [_order(_at(-10))]}, 1, id="active-by-order"
        ),
        pytest.param({"interactions": [_call(_at(5))]}, None, id="not-active"),
        pytest.param(
            {
                "interactions": [
                    _call(_at(-9), "contact"),
                    _call(_at(5), "contact", gone=_at(8)),
                    _call(_at(5), known=_at(8)),
                ]
            },
            1,
            id="turns-bad-later",
        ),
    ],
)
def test_complaint(ask, world, expected):
    """Complaint asks who bought or came, and answers by the kinds known now."""
    assert ask(COMPLAINT, **world) == expected


def test_complaint_window_of_72_hours(ask):
    """Three days are 72 hours, to the microsecond."""
    target = _target("complaint", "complaint", horizon_days=3)
    came = _call(_at(-1), "contact")
    assert ask(target, interactions=[came, _call(_at(3, -MICRO))]) == 1
    assert ask(target, interactions=[came, _call(_at(3))]) == 0


OUTCOME = _target("outcomes")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        pytest.param([_outcome(_at(5), customer="b")], 0, id="everyone-with-a-profile"),
        pytest.param([_outcome(_at(5))], 1, id="in-the-window"),
        pytest.param([_outcome(_at(5), "complaint")], 0, id="another-outcome"),
        pytest.param([_outcome(_at(-5))], None, id="already-had-it"),
        pytest.param([_outcome(_at(-5)), _outcome(_at(5))], None, id="had-it-and-has-it-again"),
        pytest.param([_outcome(_at(-5), "complaint"), _outcome(_at(5))], 1, id="had-another"),
        pytest.param([_outcome(_at(30))], 0, id="as-the-window-closes"),
    ],
)
def test_outcomes(ask, outcomes, expected):
    """Outcomes ask everyone with a profile who has not already had it."""
    calls = [_call(_at(-1), "contact", customer="c")]
    profiles = [_profile(_at(-1)), _profile(_at(-1), customer="b")]
    assert ask(OUTCOME, outcomes=outcomes, profiles=profiles, interactions=calls) == expected


def test_outcomes_of_a_plain_table_count_as_complete(ask):
    """Profiles of one day: outcomes after the present count, the window need not have closed."""
    world = {"profiles": [_profile(_at(-1))], "outcomes": [_outcome(_at(29))]}
    assert ask(OUTCOME, present=_at(-1), **world) == 1


def test_population_of_a_plain_table_leaves_out_who_has_the_outcome(tmp_path):
    """What has come true is not listed as a risk, though the model learns from it."""
    world = {
        "profiles": [_profile(_at(-1), customer=name) for name in "abc"],
        "outcomes": [_outcome(_at(5), customer="b"), _outcome(_at(5), "complaint", customer="c")],
    }
    accepted = write_accepted(tmp_path, world, data_until=_at(-1))
    workspace = _workspace(tmp_path, OUTCOME)
    assert population(workspace, accepted, OUTCOME, DAY)["customer_id"].to_pylist() == ["a", "c"]
    assert labels(workspace, accepted, OUTCOME, [DAY])["label"].to_pylist() == [0, 1, 0]


def test_labels_are_sorted_and_typed_over_dates_and_buckets(tmp_path):
    """Rows come by date and customer, whatever bucket they were in."""
    world = {"orders": [_order(_at(-10), customer=name) for name in "badc"]}
    accepted = write_accepted(tmp_path, world, data_until=PRESENT)
    later = DAY + timedelta(days=1)
    found = labels(_workspace(tmp_path, LAPSE), accepted, LAPSE, [later, DAY])
    assert [str(t) for t in found.schema.types] == ["string", "date32[day]", "int8"]
    assert found["as_of"].to_pylist() == [DAY] * 4 + [later] * 4
    assert found["customer_id"].to_pylist() == list("abcdabcd")


def test_labels_refuse_a_date_whose_window_is_open(tmp_path):
    """A window that has not closed would call customers lapsed who buy tomorrow."""
    accepted = write_accepted(tmp_path, {"orders": [_order(_at(-1))]}, data_until=_at(30, -MICRO))
    with pytest.raises(NotReady, match="final only at 2011-04-09 00:00 UTC"):
        labels(_workspace(tmp_path, LAPSE), accepted, LAPSE, [DAY])


def test_labels_need_the_table_of_their_target(tmp_path):
    """Without accepted orders nobody can lapse, and the message says what to map."""
    accepted = write_accepted(tmp_path, {"interactions": []}, data_until=PRESENT)
    with pytest.raises(NotReady, match="need the table orders"):
        population(_workspace(tmp_path, LAPSE), accepted, LAPSE, DAY)
