"""The best choice of at most one option a customer, under common limits."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from proactive_rules.allocation import Problem, allocate


def small(value, use, limit, **rest):
    """Return a problem of one class and one variant; `use` is (K, R)."""
    value = np.array(value, float)
    given = {
        "value": value,
        "variant": np.zeros(value.shape),
        "group": np.zeros(len(value)),
        "use": np.array([[use]], float),
        "limit": limit,
        "region": [-1],
        "weight": [0.0],
    }
    return Problem(**(given | rest))


def two_regions(value, *, places, spread):
    """Return a problem of one option: the first half of the customers in region 0, then 1."""
    half = len(value) // 2
    return Problem(
        value=[[v] for v in value], variant=np.zeros((len(value), 1)),
        group=[0] * half + [1] * half, use=np.ones((2, 1, 1, 1)), limit=[places],
        region=[0, 1], weight=[1 / half] * 2, spread=spread,
    )  # fmt: skip


# ---- by hand


def test_allocate_takes_two_small_ones_for_a_large_one():
    """A budget of 10 buys 6 + 6 for 5 each, where the best single one, 10 for 10, would fill it."""
    done = allocate(small([[10, -9], [-9, 6], [-9, 6]], use=[[10], [5]], limit=[10.0]))
    assert (done.choice.tolist(), done.value, done.gap) == ([-1, 1, 1], 12.0, 0.0)


def test_allocate_gives_one_option_a_customer():
    """Both options are worth their while; nobody gets both."""
    done = allocate(small([[5, 4]], use=[[1], [1]], limit=[9.0]))
    assert (done.choice.tolist(), done.value) == ([0], 5.0)


def test_allocate_respects_two_limits_at_once():
    """Letters are cheap and calls few: one call (9), then letters at 2 each until 5 are spent.

    4 for the call leaves one letter; two calls do not fit the one place.
    """
    value = [[9, 3], [8, 3], [7, 3]]
    done = allocate(small(value, use=[[4, 1], [1, 0]], limit=[6.0, 1.0]))
    assert (done.choice.tolist(), done.value) == ([0, 1, 1], 15.0)
    assert done.used.tolist() == [6.0, 1.0]


def test_price_is_what_one_more_unit_is_worth():
    """2.5 places hold two (10 + 8); the third, worth 6, sets the price and gets the next place."""
    value = [[10], [8], [6], [4]]
    done, more = (allocate(small(value, use=[[1]], limit=[limit])) for limit in (2.5, 3.5))
    assert done.price.tolist() == pytest.approx([6.0])
    assert more.value - done.value == pytest.approx(done.price[0])


def test_price_of_nothing_is_what_the_first_unit_is_worth():
    """Without an hour nobody is called; the first would win 9 for 3 hours, less the letter's 3."""
    done = allocate(small([[9, 3], [7, 3]], use=[[3], [0]], limit=[0.0]))
    assert done.choice.tolist() == [1, 1]
    assert done.price.tolist() == [2.0]


def test_price_of_what_is_plenty_is_nothing():
    """Neither an infinite limit nor one that is not reached costs anything."""
    done = allocate(small([[9], [7]], use=[[1, 1]], limit=[np.inf, 5.0]))
    assert (done.value, done.price.tolist(), done.used.tolist()) == (16.0, [0.0, 0.0], [2.0, 2.0])


def test_surcharge_is_all_prices_of_one_choice():
    """At 6 a place, whoever is worth more keeps something, and whoever is worth less does not."""
    done = allocate(small([[10], [8], [6], [4]], use=[[1]], limit=[2.5]))
    reduced = np.array([10, 8, 6, 4]) - done.surcharge[0, 0, 0]
    assert reduced.tolist() == pytest.approx([4, 2, 0, -2])


def test_surcharge_of_what_can_never_fit_is_infinite():
    """An option that costs more than the whole budget has no finite price."""
    done = allocate(small([[99, 5]], use=[[11], [1]], limit=[10.0]))
    assert done.surcharge[0, 0].tolist() == [np.inf, 0.0]


def test_variants_take_different_limits():
    """Two of three need a person's review, and there is one hour: 10 + 3, not 10 + 9."""
    problem = Problem(
        value=[[10], [9], [3]], variant=[[1], [1], [0]], group=[0, 0, 0],
        use=[[[[0.0]], [[1.0]]]], limit=[1.0], region=[-1], weight=[0.0],
    )  # fmt: skip
    assert allocate(problem).choice.tolist() == [0, -1, 0]


def test_spread_of_zero_gives_both_regions_the_same_share():
    """Two places for 10 and 9 of one region become 10 and 2, one of each."""
    value = [10, 9, 2, 1]
    assert allocate(two_regions(value, places=2, spread=None)).value == 19.0
    done = allocate(two_regions(value, places=2, spread=0.0))
    assert (done.choice.tolist(), done.value) == ([0, -1, 0, -1], 12.0)
    assert done.share.tolist() == [0.5, 0.5]


def test_share_price_charges_the_region_ahead_and_grants_the_one_behind():
    """Half a place short of the third, fairness moves 8 from the first region to the second."""
    done = allocate(two_regions([10, 9, 8, 3, 2, 1], places=3.0, spread=0.5))
    assert done.share_price[0] > 0 > done.share_price[1]
    assert done.share_price.sum() == pytest.approx(0.0)


def test_fairness_never_pays_for_a_contact_of_no_value():
    """The second region has nobody worth a contact, so with a spread of 0 nobody gets one."""
    done = allocate(two_regions([10, 9, -2, 0], places=2, spread=0.0))
    assert (done.choice.tolist(), done.value, done.gap) == ([-1] * 4, 0.0, 0.0)


def test_regions_that_are_not_compared_hold_nobody_back():
    """A class of region -1, and a region without customers, count in no comparison."""
    problem = Problem(
        value=[[5.0], [4.0]], variant=[[0], [0]], group=[0, 1], use=np.ones((3, 1, 1, 1)),
        limit=[9.0], region=[0, -1, 1], weight=[1.0, 1.0, 1.0], spread=0.0,
    )  # fmt: skip
    done = allocate(problem)
    assert (done.value, done.share.tolist()) == (9.0, [1.0, 0.0])


@pytest.mark.parametrize(
    ("value", "use", "limit", "rest", "expected"),
    [
        pytest.param(np.zeros((0, 1)), [[1]], [1], {}, 0, id="no customers"),
        pytest.param(np.zeros((2, 0)), np.zeros((0, 1)), [1], {}, 0, id="no options"),
        pytest.param([[-np.inf], [-np.inf]], [[1]], [1], {}, 0, id="nothing allowed"),
        pytest.param([[0], [-1]], [[1]], [1], {}, 0, id="nothing worth it"),
        pytest.param([[3], [4]], np.zeros((1, 0)), [], {}, 7, id="no limits"),
        pytest.param([[3], [4]], [[1, 2]], [0, 0], {}, 0, id="limits of zero"),
        pytest.param([[3], [4]], [[1]], [np.inf], {}, 7, id="infinite limit"),
        pytest.param([[3], [4]], [[0]], [0], {}, 7, id="no cost"),
        pytest.param([[3], [4]], [[1]], [1], {"region": [0], "spread": 0.0}, 4, id="one region"),
        pytest.param([[1e-6], [1e6]], [[1]], [2], {}, 1e6 + 1e-6, id="tiny beside huge"),
        pytest.param([[2e-6], [3e-6]], [[1e-6]], [1e-6], {}, 3e-6, id="all tiny"),
        pytest.param([[0.1]] * 10, [[0.1]], [0.3], {}, 0.3, id="three tenths, up to rounding"),
    ],
)
def test_allocate_at_the_edge(value, use, limit, rest, expected):
    """Empty, closed, boundless, tiny: the answer is the obvious one, and certain."""
    done = allocate(small(value, use, limit, **rest))
    assert done.value == pytest.approx(expected, rel=1e-12)
    assert done.gap == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("spread", [1.0, 7.0])
def test_a_spread_of_everything_holds_nobody_back(spread):
    """Shares are never further apart than 1."""
    assert allocate(two_regions([10, 9, 2, 1], places=2, spread=spread)).value == 19.0


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ({"group": [1]}, "a group is out of range"),
        ({"variant": [[1]]}, "a variant is out of range"),
        ({"limit": [1.0, 2.0]}, r"limit must be \(R,\)"),
        ({"limit": [-1.0]}, "a limit is below zero"),
        ({"value": [[np.nan]]}, "a value is inf or NaN"),
        ({"value": [1.0]}, r"value must be \(n, K\)"),
    ],
)
def test_problem_refuses_what_does_not_fit(rest, words):
    """Kernels read without looking, so what they read is looked at before."""
    with pytest.raises(ValueError, match=words):
        small(**{"value": [[1.0]], "use": [[1]], "limit": [1.0]} | rest)


# ---- for any problem


@st.composite
def problems(draw, *, customers=12, whole=True):
    """Draw small problems; whole numbers make the optimum exact, and ties many."""
    n, options = draw(st.integers(1, customers)), draw(st.integers(1, 3))
    classes, variants = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    limits = draw(st.integers(0, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    value = random.integers(-4, 30, (n, options)).astype(float)
    use = random.integers(0, 4, (classes, variants, options, limits)).astype(float)
    limit = random.integers(0, 2 * n + 2, limits).astype(float)
    if not whole:
        value, use = value * random.random(value.shape), use * random.random(use.shape)
    value[random.random(value.shape) < 0.2] = -np.inf
    limit[random.random(limits) < 0.2] = np.inf
    return Problem(
        value=value, variant=random.integers(0, variants, value.shape),
        group=random.integers(0, classes, n), use=use, limit=limit,
        region=random.integers(-1, 3, classes),
        weight=random.choice([0, 0.125, 0.25, 0.5], classes),
        spread=draw(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0])),
    )  # fmt: skip


def taken(problem, choice):
    """Count again, from the choice alone: value, used, shares apart."""
    value, used, share = 0.0, np.zeros(len(problem.limit)), {}
    for i, c in enumerate(problem.group.tolist()):
        if problem.region[c] >= 0:
            share.setdefault(problem.region[c], 0.0)
        if (k := choice[i]) >= 0:
            assert problem.value[i, k] > 0
            value += problem.value[i, k]
            used += problem.use[c, problem.variant[i, k], k]
            if problem.region[c] >= 0:
                share[problem.region[c]] += problem.weight[c]
    return value, used, max(share.values(), default=0) - min(share.values(), default=0)


def is_feasible(problem, choice):
    """Say whether a choice respects limits and fairness, up to rounding."""
    _, used, apart = taken(problem, choice)
    fair = problem.spread is None or apart <= problem.spread + 1e-9
    return fair and bool((used <= problem.limit * (1 + 1e-9)).all())


def by_solver(problem):
    """Solve the whole formulation, written down plainly: one row a customer, a limit, a pair."""
    n, options = problem.value.shape
    column = np.arange(n * options).reshape(n, options)
    rows, sides = [], []
    for i in range(n):
        rows.append(np.isin(column, column[i]).ravel())
        sides.append(1.0)
    for r in np.flatnonzero(np.isfinite(problem.limit)):
        use = [
            problem.use[problem.group[i], problem.variant[i, k], k, r]
            for i, k in itertools.product(range(n), range(options))
        ]
        rows.append(use)
        sides.append(problem.limit[r])
    region = problem.region[problem.group]
    for g, h in itertools.permutations(np.unique(region[region >= 0]), 2):
        side = np.where(region == g, 1.0, np.where(region == h, -1.0, 0.0))
        rows.append(np.repeat(side * problem.weight[problem.group], options))
        sides.append(np.inf if problem.spread is None else problem.spread)
    worth = np.maximum(problem.value, 0).ravel()
    return -milp(
        -worth,
        constraints=LinearConstraint(np.array(rows, float), -np.inf, sides),
        integrality=1,
        bounds=Bounds(0, worth > 0),
        options={"mip_rel_gap": 0},
    ).fun


@given(problems())
@settings(max_examples=150, deadline=None)
def test_for_any_problem_the_value_is_the_optimum(problem):
    """A solver that is given everything at once finds nothing better, and the bound says so."""
    done = allocate(problem)
    assert done.value == pytest.approx(by_solver(problem), abs=1e-6)
    assert done.gap == pytest.approx(0, abs=1e-9)


@given(problems(customers=4))
@settings(max_examples=60, deadline=None)
def test_for_any_four_customers_no_choice_of_all_is_better(problem):
    """All choices there are, tried one after the other."""
    best = max(
        taken(problem, choice)[0]
        for choice in itertools.product(*([-1, *np.flatnonzero(row > 0)] for row in problem.value))
        if is_feasible(problem, choice)
    )
    assert allocate(problem).value == pytest.approx(best)


@given(problems(customers=60, whole=False))
@settings(max_examples=100, deadline=None)
def test_for_any_problem_the_choice_is_feasible_and_below_its_bound(problem):
    """Limits, fairness and value, counted again from the choice."""
    done = allocate(problem)
    value, used, _ = taken(problem, done.choice)
    assert is_feasible(problem, done.choice)
    assert done.value == pytest.approx(value)
    assert done.used == pytest.approx(used)
    assert 0 <= done.value <= done.bound
    assert (done.price >= 0).all()


@given(problems(customers=30, whole=False), st.randoms())
@settings(max_examples=60, deadline=None)
def test_for_any_order_of_the_rows_everybody_gets_the_same(problem, random):
    """Where no two values are alike, shuffled rows get what they got."""
    order = list(range(len(problem.group)))
    random.shuffle(order)
    shuffled = shuffle(problem, order)
    assert allocate(shuffled).choice.tolist() == allocate(problem).choice[order].tolist()


def shuffle(problem, order):
    """Return the same problem with its rows in another order."""
    names = ("use", "limit", "region", "weight", "spread")
    rows = {name: getattr(problem, name)[order] for name in ("value", "variant", "group")}
    return Problem(**rows, **{name: getattr(problem, name) for name in names})


# ---- many customers


def market(customers, *, seed=7, spread=0.05):
    """Return a problem of 10 options: budget, 3 channels, 2 owners, review, 8 regions."""
    random = np.random.default_rng(seed)
    channel, owner = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2], [-1, -1, 0, -1, -1, 0, 0, 1, 1, 1]
    cost = np.array([0.1, 1, 0.5, 0.2, 1.1, 0.6, 4, 4.5, 6, 3])
    use = np.zeros((8, 2, 10, 7))
    use[..., 0] = cost
    use[:, :, range(10), np.add(channel, 1)] = 1
    for option in np.flatnonzero(np.array(owner) >= 0):
        use[:, :, option, 4 + owner[option]] = 0.25
    use[:, 1, :, 6] = 0.1
    region = random.choice(8, customers, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    worth = random.lognormal(1, 1, customers)[:, None] * random.lognormal(0, 0.6, (customers, 10))
    value = worth * (0.7 + 0.08 * region)[:, None] - 0.3 * cost
    value[random.random(value.shape) < 0.15] = -np.inf
    return Problem(
        value=value, variant=random.random(value.shape) < 0.2, group=region, use=use,
        limit=customers * np.array([0.12, 0.15, 0.04, 0.01, 0.008, 0.004, 0.006]),
        region=np.arange(8), weight=1 / np.bincount(region), spread=spread,
    )  # fmt: skip


def test_allocate_of_20_000_customers_is_within_a_thousandth_in_any_order():
    """The bound certifies it, and shuffled rows are worth the same."""
    problem = market(20_000)
    done = allocate(problem)
    assert is_feasible(problem, done.choice)
    assert done.gap <= 0.001
    order = np.random.default_rng(1).permutation(20_000)
    assert allocate(shuffle(problem, order)).value == pytest.approx(done.value, rel=1e-12)


@pytest.mark.slow
def test_allocate_of_100_000_customers_is_within_a_five_thousandth():
    """The more customers, the less the last one matters."""
    problem = market(100_000)
    done = allocate(problem)
    assert is_feasible(problem, done.choice)
    assert done.gap <= 0.0002


def test_allocate_among_customers_who_are_alike_is_exact():
    """Five values only: thousands are undecided together, but there are few kinds of them."""
    random = np.random.default_rng(0)
    value = random.integers(1, 6, (20_000, 2)).astype(float)
    problem = Problem(
        value=value, variant=random.integers(0, 2, value.shape), group=np.arange(20_000) % 4,
        use=random.integers(1, 5, (4, 2, 2, 2)), limit=[5_000.0, 6_000.0],
        region=range(4), weight=[1 / 5_000] * 4, spread=0.05,
    )  # fmt: skip
    done = allocate(problem)
    assert is_feasible(problem, done.choice)
    assert done.gap <= 1e-5


# ---- the process around


def _printed(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_door_loads_neither_compiler_nor_solver():
    """Commands that decide nothing pay nothing."""
    heavy = "{'numba', 'scipy.optimize'}"
    code = f"import sys, proactive_rules.allocation; print(sorted({heavy} & set(sys.modules)))"
    assert _printed(code) == ["[]"]


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="only POSIX forks")
def test_forked_process_allocates_like_its_parent():
    """Threads of the parent are not missed, and nothing but the answer is printed."""
    code = """if True:
        import os, sys
        import numpy as np
        from proactive_rules.allocation import Problem, allocate
        n = 40_000
        many = Problem(value=1 + np.arange(n)[:, None] / n, variant=np.zeros((n, 1)),
                       group=np.zeros(n), use=np.ones((1, 1, 1, 1)), limit=[100.0],
                       region=[-1], weight=[0.0])
        print((allocate(many).choice >= 0).sum(), flush=True)
        if os.fork() == 0:
            print((allocate(many).choice >= 0).sum(), flush=True)
            os._exit(0)
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
    """
    assert _printed(code) == ["100", "100"]
