"""How sure a number is: published values, coverage, and one answer for numbers, arrays and the engine's columns."""

from __future__ import annotations

import math
import subprocess
import sys
import tracemalloc

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import t as student

from crmlib import statistics

LEVELS = st.floats(0.5, 0.999)


@st.composite
def counts(draw):
    base = draw(st.integers(1, 5000))
    return draw(st.integers(0, base)), base


def within(interval, low, high, *, slack=1e-12):
    return low - slack <= interval[0] <= interval[1] <= high + slack


# Shares


@pytest.mark.parametrize(
    ("count", "base", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_that_of_newcombe_1998(count, base, low, high):
    assert statistics.wilson(count, base) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("pair", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 10), 0.6075, 1.0),
        ((0, 10, 0, 10), -0.2775, 0.2775),
    ],
)
def test_the_difference_of_shares_is_that_of_newcombe_1998(pair, low, high):
    assert statistics.newcombe(*pair) == pytest.approx((low, high), abs=5e-5)


@given(counts(), LEVELS)
def test_wilson_holds_the_share_and_stays_between_0_and_1(pair, level):
    count, base = pair
    low, high = statistics.wilson(count, base, level=level)
    assert 0 <= low <= count / base <= high <= 1


@given(counts())
def test_wilson_looks_alike_from_the_other_side(pair):
    count, base = pair
    low, high = statistics.wilson(count, base)
    assert statistics.wilson(base - count, base) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts(), st.integers(2, 50))
def test_more_cases_make_a_narrower_interval(pair, times):
    narrow, wide = (statistics.wilson(n * pair[0], n * pair[1]) for n in (times, 1))
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


@given(counts(), counts())
def test_a_difference_of_shares_changes_its_sign_with_its_order(first, second):
    low, high = statistics.newcombe(*first, *second)
    assert statistics.newcombe(*second, *first) == pytest.approx((-high, -low), abs=1e-12)
    assert within((low, high), -1, 1)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.37, 0.5])
def test_wilson_covers_what_it_promises_on_average(share):
    covered = []
    for base in range(40, 140, 5):
        low, high = statistics.wilson(np.arange(base + 1), base)
        covered.append(binom.pmf(np.arange(base + 1), base, share)[(low <= share) & (share <= high)].sum())
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


# Net scores


def test_twelve_promoters_of_twelve_are_no_certain_hundred():
    low, high = statistics.adjusted_wald(1.0, 0.0, 12)
    assert 100 * low == pytest.approx(54.2, abs=0.05)
    assert high == 1
    assert statistics.adjusted_wald(1.0, 0.0, 12, pseudo_answers=0) == (1, 1)


@given(counts(), st.floats(0, 1), LEVELS)
def test_the_interval_of_a_net_score_holds_it(pair, part, level):
    promoters = pair[0] / pair[1]
    detractors = (1 - promoters) * part
    low, high = statistics.adjusted_wald(promoters, detractors, pair[1], level=level)
    assert -1 <= low <= promoters - detractors <= high <= 1
    mirrored = statistics.adjusted_wald(detractors, promoters, pair[1], level=level)
    assert mirrored == pytest.approx((-high, -low), abs=1e-12)


# All kinds alike


def test_numbers_arrays_and_columns_of_the_engine_have_the_same_interval():
    table = pd.DataFrame({"k": [0, 3, 10, 40], "n": [10, 10, 10, 160], "error": [1.0, 0.5, 0.0, 2.0]})
    p, d = table.k / table.n, (table.n - table.k) / (2 * table.n)
    inside = ibis.memtable(table)
    ip, id_ = inside.k / inside.n, (inside.n - inside.k) / (2 * inside.n)
    for ours, theirs in (
        (statistics.wilson(table.k, table.n), statistics.wilson(inside.k, inside.n)),
        (statistics.newcombe(table.k, table.n, 3, 20), statistics.newcombe(inside.k, inside.n, 3, 20)),
        (statistics.adjusted_wald(p, d, table.n), statistics.adjusted_wald(ip, id_, inside.n)),
        (statistics.wald(table.k, table.error), statistics.wald(inside.k, inside.error)),
    ):
        answered = inside.select(k="k", n="n", low=theirs[0], high=theirs[1]).order_by("n", "k").to_pandas()
        for side, values in zip(("low", "high"), ours, strict=True):
            assert answered[side].tolist() == pytest.approx(list(values), abs=1e-12)
    for row in table.itertuples():
        assert statistics.wilson(row.k, row.n) == pytest.approx(
            [float(side[row.Index]) for side in statistics.wilson(table.k, table.n)], abs=1e-15
        )


def test_what_is_not_known_has_no_interval():
    low, high = statistics.wilson(pd.Series([1.0, 0.0]), pd.Series([2.0, np.nan]))
    assert np.isnan([low[1], high[1]]).all()
    column = ibis.memtable(pd.DataFrame({"k": [1.0], "n": [None]}, dtype="float64"))
    unknown = column.select(low=statistics.wilson(column.k, column.n.nullif(column.n))[0]).to_pandas()
    assert unknown.low.isna().all()


# Means, counts and functions of estimates


def test_a_mean_has_the_interval_of_its_cases():
    values = np.random.default_rng(1).gamma(2.0, 10.0, 300)
    low, high = statistics.mean_of_sums(values.sum(), (values**2).sum(), len(values))
    reach = student.ppf(0.975, 299) * values.std(ddof=1) / math.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach), rel=1e-6)
    assert np.isnan(statistics.mean_of_sums(5.0, 25.0, 1)).all()
    longer = statistics.mean_of_sums(values.sum(), (values**2).sum(), len(values), cubes=(values**3).sum())
    assert longer[0] > low
    assert longer[1] > high
    alike = statistics.mean_of_sums(3 * 0.1, 3 * 0.01, 3, cubes=3 * 0.001)
    assert alike == pytest.approx((0.1, 0.1))
    mirrored = statistics.mean_of_sums(-values.sum(), (values**2).sum(), len(values), cubes=-(values**3).sum())
    assert mirrored == pytest.approx((-longer[1], -longer[0]))


@pytest.mark.parametrize(("spread", "cases", "least", "before"), [(0.8, 30, 0.92, 0.90), (1.2, 100, 0.915, 0.90)])
def test_the_interval_of_a_mean_of_money_holds_it_though_few_amounts_are_large(spread, cases, least, before):
    runs = 4000
    amounts = np.random.default_rng(7).lognormal(4, spread, (runs, cases))
    truth = math.exp(4 + spread**2 / 2)

    def held(cubes):
        low, high = statistics.mean_of_sums(
            amounts.sum(axis=1), (amounts**2).sum(axis=1), np.full(runs, cases), cubes=cubes
        )
        return ((low <= truth) & (truth <= high)).mean()

    error = 3 * math.sqrt(0.92 * 0.08 / runs)
    assert held((amounts**3).sum(axis=1)) >= least + 0.01 - error
    assert held(None) <= before + 0.01 + error


def test_the_error_of_a_function_is_that_of_its_estimates():
    random = np.random.default_rng(2)
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    drawn = random.multivariate_normal([2.0, 3.0], covariance, 200_000)
    slopes = np.array([[3.0, 2.0], [1.0, 1.0]])  # of the product and of the sum
    errors = statistics.delta_error(slopes, covariance)
    assert errors == pytest.approx([drawn.prod(axis=1).std(), drawn.sum(axis=1).std()], rel=0.02)


# Many comparisons


def test_holm_is_that_of_the_textbook():
    # Four tests, p 0.01, 0.04, 0.03, 0.005: times 4, 3, 2, 1 in the order of p, and never falling.
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_makes_a_difference_surer_and_never_costs_more_than_bonferroni(p):
    adjusted = statistics.holm(p)
    assert (adjusted >= np.array(p) - 1e-12).all()
    assert (adjusted <= np.minimum(1, len(p) * np.array(p)) + 1e-12).all()


# Waiting times


def counted(days, happened):
    times = np.unique(days)
    return [(days >= t).sum() for t in times], [(happened & (days == t)).sum() for t in times]


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.booleans()), min_size=4, max_size=80))
def test_survival_and_log_rank_are_those_of_statsmodels(cases):
    from statsmodels.duration.survfunc import SurvfuncRight, survdiff

    days, happened, group = (np.array(column) for column in zip(*cases, strict=True))
    if not happened.any():
        return
    at_risk, events = counted(days, happened)
    ours = statistics.kaplan_meier(at_risk, events)
    theirs = SurvfuncRight(days, happened.astype(int))
    seen = np.array(events) > 0
    assert ours.survival[seen] == pytest.approx(theirs.surv_prob, abs=1e-9)
    if group.all() or not group.any():
        return
    times = np.unique(days)[:, None]
    sides = [group, ~group]
    at_risk = np.column_stack([(days[side] >= times).sum(axis=1) for side in sides])
    events = np.column_stack([((days == times) & happened)[:, side].sum(axis=1) for side in sides])
    chi2, p = statistics.log_rank(at_risk, events)
    if not math.isnan(chi2):
        assert (chi2, p) == pytest.approx(survdiff(days, happened.astype(int), group), rel=1e-6, abs=1e-9)


def test_a_million_cases_cost_the_log_rank_test_no_memory():
    at_risk = np.column_stack([np.linspace(1_000_000, 1000, 365).round()] * 2)
    events = np.column_stack([np.full(365, 900.0), np.full(365, 1000.0)])
    tracemalloc.start()
    assert statistics.log_rank(at_risk, events)[1] < 1e-6
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


# Charts


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=40), st.floats(-1e5, 1e5))
def test_the_limits_of_a_process_move_with_it(values, shift):
    limits, moved = (statistics.process_limits(np.array(values) + by) for by in (0, shift))
    assert limits.lower <= limits.centre <= limits.upper
    assert moved.centre - limits.centre == pytest.approx(shift, abs=1e-6)
    assert moved.upper - moved.lower == pytest.approx(limits.upper - limits.lower, abs=1e-6)


def test_a_stable_process_seldom_leaves_its_limits():
    values = np.random.default_rng(3).normal(50, 5, 20_000)
    limits = statistics.process_limits(values)
    assert ((values < limits.lower) | (values > limits.upper)).mean() == pytest.approx(0.0027, abs=0.001)
    assert math.isnan(statistics.process_limits(values[:5]).centre)


# Bootstrap


def test_the_bootstrap_of_a_mean_agrees_with_its_formula():
    values = np.random.default_rng(4).gamma(2.0, 10.0, 500)
    blocks = statistics.poisson_resamples(np.ones(500), resamples=4000, seed=5, cells=200_000)
    means = np.concatenate([(block @ values) / block.sum(axis=1) for block in blocks])
    assert len(means) == 4000
    formula = statistics.mean_of_sums(values.sum(), (values**2).sum(), 500)
    assert statistics.percentiles(means) == pytest.approx(formula, abs=0.25)


def test_blocks_do_not_change_what_is_drawn():
    drawn = [
        np.vstack(list(statistics.poisson_resamples(np.ones(7), resamples=10, seed=1, cells=cells)))
        for cells in (7, 30, 1000)
    ]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] == drawn[2]).all()


# The rooms


def test_the_shared_rooms_of_measures_are_light_to_import():
    rooms = "crmlib.answers, crmlib.calendar, crmlib.engine, crmlib.purchases, crmlib.statistics"
    heavy = "{'duckdb', 'ibis', 'numpy', 'pandas', 'scipy', 'statsmodels'}"
    loaded = subprocess.run(
        [sys.executable, "-c", f"import {rooms}, sys; print({heavy} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.strip() == "set()"
