"""Numbers that were wrong or unfit: each is held against the truth, or computed a second way from its definition."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, skew
from scipy.stats import t as student

from crmlib.course import truth
from crmlib.intake.quality import gaps
from crmlib.lifecycle import clv, customer_data, retention, scorecard, segmentation
from crmlib.lifecycle.retention.differences import _unsteady
from crmlib.models import BetaGeoNBD, GammaGamma
from crmlib.purchases import purchases
from crmlib.statistics import newcombe

MONEY: Any = {"margin": 0.5, "discount_rate": 0.1}
RARE, OFTEN = BetaGeoNBD(r=0.6, alpha=30.0, a=1.6, b=2.4), BetaGeoNBD(r=0.9, alpha=9.0, a=0.5, b=3.0)
SPEND = GammaGamma(p=6.0, q=4.0, v=90.0)


def simulated(models: dict[str, BetaGeoNBD], customers: int, seed: int, weeks: float = 80) -> pd.DataFrame:
    """Customers of each group: their history of up to ``weeks``, their group, and the orders of the 52 weeks after."""
    random = np.random.default_rng(seed)
    rows = []
    for group, model in models.items():
        for number in range(customers):
            rate = random.gamma(model.r, 1 / model.alpha)
            leaves, length = random.beta(model.a, model.b), random.uniform(weeks / 4, weeks)
            end, times, alive = length + 52, [0.0], True
            while alive and times[-1] < end:
                times.append(times[-1] + random.exponential(1 / rate))
                alive = random.random() > leaves
            seen = [time for time in times if 0 < time <= length]
            mean = SPEND.v / random.gamma(SPEND.q, 1.0)
            spent = random.gamma(SPEND.p * len(seen), mean / len(seen)) if seen else 0.0
            last, later = max(seen, default=0.0), sum(length < time <= end for time in times)
            rows.append((f"{group}{number}", group, len(seen), last, length, spent, later))
    names = ["customer_id", "region", "frequency", "recency", "T", "monetary", "later"]
    return pd.DataFrame(rows, columns=names).sample(frac=1, random_state=seed, ignore_index=True)


def customer_list_by_group(base: pd.DataFrame, groups: pd.DataFrame, by: str) -> pd.DataFrame:
    """The sums of the customers' list, and what the table of groups says, by group."""
    fitted = clv.fit_models(base, groups=groups, by=by)
    listed = clv.predict(base, **fitted.models, **MONEY, confidence=None)
    assert listed["customer_id"].tolist() == base["customer_id"].tolist()
    sums = listed.merge(groups[["customer_id", by]], on="customer_id").groupby(by)[["clv", "expected_orders"]].sum()
    table = clv.value_by_group(base, groups, by=by, fitted=fitted, **MONEY)
    equity = clv.customer_equity(base, **fitted.models, **MONEY).set_index("measure").loc["customer_equity"]
    assert listed["clv"].sum() == pytest.approx(equity["value"])
    assert equity["low"] < equity["value"] < equity["high"]
    return sums.join(table.set_index(by)[["customer_equity", "equity_low", "equity_high"]])


def test_customers_of_each_channel_sum_to_the_table_of_channels_and_to_the_truth(repository: Path) -> None:
    sample = repository / "data" / "aurora"
    orders = pd.read_csv(sample / "orders.csv", parse_dates=["ordered_at"])
    people = pd.read_csv(sample / "customers.csv", dtype={"phone": str})
    base = clv.summary(orders, as_of="2025-12-31").merge(people.loc[~people["is_test"].astype(bool), ["customer_id"]])
    found = customer_list_by_group(base, people, "channel")
    np.testing.assert_allclose(found["clv"], found["customer_equity"])
    assert ((found["equity_low"] < found["clv"]) & (found["clv"] < found["equity_high"])).all()
    truth = pd.read_csv(sample / "truth_customers.csv").merge(people[["customer_id", "channel"]], on="customer_id")
    off = found["expected_orders"] / truth.groupby("channel")["expected_orders"].sum() - 1
    assert off.abs().max() < 0.12  # one model for all: −.16 (content) to +.40 (event) and +.39 (social)


@pytest.mark.parametrize("seed", [1, 2])
def test_customers_of_regions_that_differ_are_valued_by_what_their_own_region_does(seed: int) -> None:
    base = simulated({"north": RARE, "south": OFTEN}, 700, seed)
    found = customer_list_by_group(base, base, "region")
    off = found["expected_orders"] / base.groupby("region")["later"].sum() - 1
    assert off.abs().max() < 0.2
    one_for_all = clv.predict(base, **clv.fit_models(base).models, **MONEY, confidence=None)
    wrong = one_for_all["expected_orders"].groupby(base["region"]).sum() / base.groupby("region")["later"].sum() - 1
    assert wrong["north"] > 0.2


def test_regions_that_do_not_differ_and_those_of_few_share_one_model() -> None:
    base = simulated({"east": OFTEN, "west": OFTEN}, 400, 3).assign(
        region=lambda t: t["region"].where(t.index >= 9, "tiny").where(t.index < 790, None)
    )
    fitted = clv.fit_models(base, groups=base, by="region")
    assert fitted.group_models is None
    pd.testing.assert_frame_equal(
        clv.customer_values(base, **fitted.models), clv.customer_values(base, **clv.fit_models(base).models)
    )
    tiny = clv.value_by_group(base, base, by="region", fitted=fitted).set_index("region").loc["tiny"]
    assert tiny["customer_equity"] > 0
    assert np.isnan(tiny["new_customer_value"])


def test_who_is_asked_goes_by_the_value_that_is_still_there_and_not_by_the_chance_of_having_left() -> None:
    base = simulated({"south": OFTEN}, 600, 5)
    values = clv.customer_values(base, **clv.fit_models(base).models, **MONEY)
    equity = clv.customer_equity(base, **clv.fit_models(base).models, **MONEY)
    found = clv.finding_value_at_risk(equity, values)
    assert found is not None
    assert found.customers is not None
    asked = values.set_index("customer_id").loc[found.customers["customer_id"]]
    assert asked["clv"].is_monotonic_decreasing
    assert asked["p_alive"].between(0.05, 0.9).all()
    by_risk = values[values["p_alive"] >= 0.05].nlargest(len(asked), "value_at_risk")
    assert asked["p_alive"].mean() > by_risk["p_alive"].mean() + 0.1
    assert (found.money, found.kind) == (None, "")
    assert "half that the list marks" in found.action
    told = clv.finding_value_at_risk(equity, values.assign(clv=values["clv"] / 1000))
    assert told is not None
    assert "about $0 " not in told.evidence


MONTHS = 24


def months(kind: str, random: np.random.Generator) -> Any:
    """A monthly series of one of the kinds that fool a forecast, and three more months."""
    at = np.arange(MONTHS + 3)
    wave = np.sin(2 * np.pi * (at + random.integers(12)) / 12)
    if kind == "trend and season":
        return 100 + 2 * at + 15 * wave + random.normal(0, 3, len(at))
    if kind == "growth times season":
        return 100 * 1.03**at * (1 + 0.3 * wave) * np.exp(random.normal(0, 0.04, len(at)))
    return 50 + random.normal(0, 2, len(at))


@pytest.mark.parametrize("kind", ["stable", "trend and season", "growth times season"])
def test_intervals_of_forecasts_hold_what_they_say_at_every_step(kind: str) -> None:
    kpi = scorecard.load_kpis()["average_order_value"]
    runs = {f"k{seed}": months(kind, np.random.default_rng([7, seed])) for seed in range(80)}
    start = pd.date_range("2023-01-01", periods=MONTHS, freq="MS").date
    known = [
        pd.DataFrame({"kpi": name, "period": start, "value": run[:MONTHS], "judged": True})
        for name, run in runs.items()
    ]
    found = scorecard.forecast(pd.concat(known), dict.fromkeys(runs, kpi))
    came = np.array([runs[row.kpi][MONTHS + row.step - 1] for row in found.itertuples()])
    held = ((found["low"] <= came) & (came <= found["high"])).groupby(found["step"]).mean()
    assert held.min() >= 0.7  # by one step's try-out and in amounts: .44 and .41 at steps 2 and 3
    assert held.max() <= 0.95


def test_each_step_is_tried_out_at_its_own_distance() -> None:
    run = months("trend and season", np.random.default_rng(3))[:MONTHS]
    values = pd.DataFrame({"kpi": "average_order_value", "value": run, "judged": True})
    values["period"] = pd.date_range("2023-01-01", periods=MONTHS, freq="MS").date
    found = scorecard.forecast(values, scorecard.load_kpis()).set_index("step")
    assert found["tries"].tolist() == sorted(found["tries"], reverse=True)
    assert found["tries"].is_unique


@pytest.mark.parametrize(("spread", "customers"), [(0.5, 200), (1.2, 500), (1.6, 900)])
def test_intervals_of_concentration_hold_the_true_one_also_where_a_few_spend_very_much(
    spread: float, customers: int
) -> None:
    # Of log-normal amounts: the share of the best fifth, and the Gini coefficient 2 Φ(σ / √2) − 1.
    truth = np.array([1 - norm.cdf(norm.ppf(0.8) - spread), 2 * norm.cdf(spread / np.sqrt(2)) - 1])
    held, told = np.zeros(2), 0
    for seed in range(80):
        amounts = np.random.default_rng([5, seed]).lognormal(4, spread, customers)
        found = segmentation.concentration(pd.DataFrame({"revenue_year": amounts, "customers": 1}), resamples=200)
        told += int(found["low"].notna().all())
        held += ((found["low"] <= truth) & (truth <= found["high"])).to_numpy()
    assert told >= 60
    assert (held / told).min() >= 0.86


@pytest.mark.parametrize(("spread", "customers"), [(0.3, 20), (1.2, 50), (1.6, 200)])
def test_no_interval_of_concentration_is_told_where_none_holds(spread: float, customers: int) -> None:
    amounts = np.random.default_rng(1).lognormal(4, spread, customers)
    spending = pd.DataFrame({"revenue_year": amounts, "customers": 1})
    found = segmentation.concentration(spending)
    assert found["value"].notna().all()
    assert found[["low", "high"]].isna().all(axis=None)
    told = segmentation.finding_concentration(found)
    shown = segmentation.plot_pareto(
        segmentation.pareto_curve(spending), found, segmentation.abc_classes(spending)
    ).reading
    assert told is None or "for an interval" in told.certainty
    assert "for an interval" in shown


YEAR = 365.25


def seasonal_orders(seed: int, *, weeks: int, wave: float, ends: str) -> tuple[pd.DataFrame, Any, int]:
    """Orders of customers whose time runs by a season that ends at its peak or trough: known ones, and how many come.

    ``wave``: how far the season goes to either side. The last is the number of days with purchases of known customers
    in the year after.
    """
    random = np.random.default_rng([seed, 11])
    end, customers = weeks * 7, 1500
    peak = end if ends == "peak" else end + YEAR / 2
    day = np.arange(end + 367.0)
    turn = 2 * np.pi / YEAR
    clock = day + wave / turn * (np.sin(turn * (day - peak)) - np.sin(-turn * peak))
    at = random.uniform(0, clock[end - 1], customers)
    rate, leaves = random.gamma(0.6, 1 / 12, customers) / 7, random.beta(0.8, 2.4, customers)
    who, rows = np.arange(customers), [(np.arange(customers), at)]
    while len(who):
        at = at + random.exponential(1 / rate[who])
        stays = at < clock[end + 365]
        who, at = who[stays], at[stays]
        rows.append((who, at))
        stays = random.random(len(who)) >= leaves[who]
        who, at = who[stays], at[stays]
    who, at = (np.concatenate(of) for of in zip(*rows, strict=True))
    days = np.floor(np.interp(at, clock, day)).astype(int)
    mean = 210 / random.gamma(4.0, 1.0, customers)
    orders = pd.DataFrame({"customer_id": who, "day": days, "amount": random.gamma(6.0, mean[who] / 6)})
    orders["ordered_at"] = pd.Timestamp("2022-01-01 12:00") + pd.to_timedelta(orders["day"], unit="D")
    known = orders[orders["day"] < end]
    later = orders[(orders["day"] >= end) & orders["customer_id"].isin(known["customer_id"])]
    as_of = (pd.Timestamp("2022-01-01") + pd.Timedelta(days=end - 1)).date()
    return known.drop(columns="day"), as_of, len(later.drop_duplicates(["customer_id", "day"]))


@pytest.mark.parametrize(("weeks", "ends", "side"), [(104, "peak", 1), (78, "trough", -1)])
def test_a_season_is_taken_out_of_what_is_foretold(weeks: int, ends: str, side: int) -> None:
    runs, off, effects = 10, [], []
    for seed in range(runs):
        orders, as_of, came = seasonal_orders(seed, weeks=weeks, wave=0.4, ends=ends)
        season = clv.find_season(orders, as_of=as_of)
        assert season is not None
        base = clv.summary(orders, as_of=as_of, season=season)
        fitted = clv.fit_models(base, season=season)
        values = clv.customer_equity(base, **fitted.models, residual=False, draws=2).set_index("measure")["value"]
        off.append(values["expected_orders"] / came - 1)
        effects.append(season.effect)
    # Of 100 such bases, calendar time foretold 8.6 % too much at the peak and 12.9 % too little at the trough, and its
    # 95 % intervals of the equity held 83 and 56 of them; in the season's time they hold 91 and 94.
    assert abs(np.mean(off)) < 3 * 0.075 / np.sqrt(runs)
    assert side * np.mean(effects) > 0.06
    assert abs((1 + np.mean(off)) * (1 + np.mean(effects)) - 1) > abs(np.mean(off))


def test_no_season_is_seen_where_there_is_none_and_none_in_short_data() -> None:
    for seed in range(8):
        orders, as_of, _ = seasonal_orders(seed, weeks=104, wave=0.0, ends="peak")
        assert clv.find_season(orders, as_of=as_of) is None
    orders, as_of, _ = seasonal_orders(1, weeks=70, wave=0.4, ends="peak")
    assert clv.find_season(orders, as_of=as_of) is None
    assert "season cannot be told" in clv.trust_in_model(history_weeks=70.0).said[-1]
    assert clv.trust_in_model(history_weeks=104.0).said == clv.trust_in_model().said


def test_the_sample_and_cdnow_are_valued_in_calendar_time(repository: Path) -> None:
    # The sample has a season (two sales), but it moves the coming year by half a percent only.
    orders = pd.read_csv(repository / "data" / "aurora" / "orders.csv", parse_dates=["ordered_at"])
    assert clv.find_season(orders, as_of="2025-12-31") is None
    assert clv.find_season(truth.cdnow_orders(), as_of="1998-06-30") is None


def test_opportunity_time_runs_by_the_season_and_a_year_of_it_is_a_year() -> None:
    strong_december = clv.Season((0.8,) * 11 + (3.158,), pd.Timestamp("2025-11-30").date(), -0.1)
    assert strong_december.ahead(365) == pytest.approx(365, abs=0.5)
    assert strong_december.ahead(31) == pytest.approx(31 * 3.158, abs=1e-6)
    orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [9.0, 8.0, 7.0]})
    orders["ordered_at"] = pd.to_datetime(["2025-09-30", "2025-10-31", "2025-11-30"])
    found = clv.summary(orders, as_of="2025-11-30", season=strong_december, unit="days").set_index("customer_id")
    assert found.loc["a", ["recency", "T", "silence"]].tolist() == pytest.approx([31 * 0.8, 61 * 0.8, 30])
    assert found.loc["b", ["recency", "T", "silence"]].tolist() == [0, 0, 0]
    held = clv.summary(orders, as_of="2025-12-31", calibration_end="2025-11-30", season=strong_december, unit="days")
    assert held["holdout_length"].tolist() == pytest.approx([31 * 3.158] * 2)
    path = clv.alive_path(RARE, ["2025-10-01"], as_of="2025-12-31", season=strong_december)
    even = RARE.p_alive(0.0, 0.0, strong_december.elapsed("2025-10-01", "2025-12-31") / 7)
    assert path["p_alive"].iloc[-1] == pytest.approx(float(even))
    fitted = {"orders_model": OFTEN, "spend_model": SPEND, "confidence": None}
    base = pd.DataFrame({"customer_id": ["a"], "frequency": 3, "recency": 20.0, "T": 22.0, "monetary": 40.0})
    december = clv.predict(base, "31D", season=strong_december, **fitted)["expected_orders"].item()
    as_long = clv.predict(base, "98D", **fitted)["expected_orders"].item()
    assert december == pytest.approx(as_long, rel=0.002)


@pytest.mark.parametrize(("same_season", "a_day"), [(True, 30), (False, 8)])
def test_newer_cohorts_seldom_seem_to_differ_where_months_go_up_and_down_by_four_points(
    same_season: bool, a_day: int
) -> None:
    # Good and bad months that begin on any day, as campaigns do, and not with the calendar's.
    runs, half = 500, 365 if same_season else 182
    random, alarms, before = np.random.default_rng(6), 0, 0
    day = np.arange(2 * half)
    month = (day % half // 30.44).astype(int)
    for _ in range(runs):
        spell = ((day + random.integers(30)) // 30.44).astype(int)
        followed = random.poisson(a_day, len(day))
        returned = random.binomial(followed, np.clip(0.3 + random.normal(0, 0.04, spell[-1] + 1)[spell], 0, 1))
        table = pd.DataFrame({"followed": followed, "returned": returned, "month": month})
        sides = table[:half], table[half:]
        unsteady = _unsteady(*sides, same_season=same_season)
        (older, then), (newer, now) = ((side["followed"].sum(), side["returned"].sum()) for side in sides)
        low, high = newcombe(now, newer, then, older)
        difference = now / newer - then / older
        ends = [difference + unsteady * (end - difference) for end in (low, high)]
        alarms += ends[0] > 0 or ends[1] < 0
        before += low > 0 or high < 0
    # With months taken as independent 11 and 9 of 100; .063 and .058 of 1,500 now, .045 and .037 with calendar months.
    assert alarms / runs <= 0.06 + 3 * np.sqrt(0.06 * 0.94 / runs)
    assert before / runs > 0.2


@pytest.mark.parametrize("as_of", ["2025-12-31", "2026-01-31", "2025-06-15", "2026-03-01"])
@pytest.mark.parametrize("begins", ["2023-01-15", "2024-01-01"])
def test_months_are_compared_with_their_own_whatever_day_the_times_begin(begins: str, as_of: str) -> None:
    # In every other month .6 return, in the others .2, in the one year; the other way round in the next.
    first = pd.date_range(begins, pd.Timestamp(as_of) - pd.Timedelta(days=90)).repeat(10)
    odd = (first.month + first.year) % 2 == 1
    rank = np.tile(np.arange(10), len(first) // 10)
    table = pd.DataFrame({"first_day": first, "days": 10, "returned": rank < np.where(odd, 6, 2)})
    table["followed_days"] = (pd.Timestamp(as_of) - first).days
    row = retention.compare_newer(table, as_of=as_of).iloc[0]
    # Standard errors of a month's gap are .038 by chance alone, and the gaps are .4.
    assert row["unsteady"] > 5
    steady = retention.compare_newer(table.assign(returned=rank < 4), as_of=as_of).iloc[0]
    assert steady["unsteady"] == 1


def test_a_difference_that_is_large_beside_the_months_is_still_found() -> None:
    random, found = np.random.default_rng(8), 0
    for _ in range(40):
        first = pd.date_range("2024-01-01", "2025-12-31").repeat(8)
        month = np.asarray((first.year - 2024) * 12 + first.month - 1)
        rate = np.where(first.year == 2025, 0.45, 0.35) + random.normal(0, 0.03, 24)[month]
        table = pd.DataFrame({"first_day": first, "returned": random.random(len(first)) < rate, "days": 10})
        table["followed_days"] = (pd.Timestamp("2026-03-31") - first).days
        found += retention.compare_newer(table, as_of="2026-03-31")["low"].item() > 0
    assert found >= 36


LIMITED = [("one spike a year", 12), ("trend and season", 24), ("growth times season", 24), ("stable", 24)]


def limited(kind: str, random: np.random.Generator, count: int) -> Any:
    """A monthly series of one of the kinds that fool limits, with chance of 5."""
    at, noise = np.arange(count), random.normal(0, 5, count)
    wave = np.sin(2 * np.pi * (at + random.integers(12)) / 12)
    return {
        "one spike a year": 100 + 50 * (at % 12 == (count - 1) % 12) + noise,
        "trend and season": 100 + 2 * at + 20 * wave + noise,
        "growth times season": 100 * 1.05**at * np.exp(0.3 * wave + noise / 100),
        "stable": 100 + noise,
    }[kind]  # fmt: skip


def signals_of(runs: list[Any]) -> pd.DataFrame:
    start = pd.date_range("2023-01-01", periods=max(map(len, runs)), freq="MS").date
    known = [
        pd.DataFrame({"kpi": f"k{n}", "period": start[: len(run)], "value": run, "judged": True})
        for n, run in enumerate(runs)
    ]
    return scorecard.natural_limits(pd.concat(known))


def test_limits_of_growing_and_seasonal_series_are_seldom_left_by_chance() -> None:
    runs, alarms = 80, {}
    for kind, count in LIMITED:
        random = np.random.default_rng([9, count, len(kind)])
        last = signals_of([limited(kind, random, count) for _ in range(runs)]).groupby("kpi").tail(1)
        alarms[kind] = last["signal"].isin(["outside", "run"]).mean()
    # By the plain limits .77 (a spike), .67 (trend and season) and .99 (growth times season).
    assert max(alarms.values()) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert np.mean([*alarms.values()]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs / len(alarms))


def test_a_step_of_three_sigma_is_found() -> None:
    random, runs = np.random.default_rng(10), 40
    stepped = [limited("stable", random, 32) + 15 * (np.arange(32) >= 24) for _ in range(runs)]
    found, seen = np.zeros(runs, bool), {}
    for later in (1, 2, 3, 4, 6, 8):  # looked at month by month
        last = signals_of([run[: 24 + later] for run in stepped]).groupby("kpi", sort=False).tail(1)
        found |= (last["signal"].isin(["outside", "run"]) & (last["side"] > 0)).to_numpy()
        seen[later] = found.mean()
    # Of 60 such steps .52 at once, .83 within four months and .92 within eight.
    assert seen[4] >= 0.83 - 3 * np.sqrt(0.83 * 0.17 / runs)
    assert seen[8] >= 0.92 - 3 * np.sqrt(0.92 * 0.08 / runs)
    lasting = [limited("stable", random, 36) + 15 * (np.arange(36) >= 12) for _ in range(runs)]
    told = signals_of(lasting).groupby("kpi").tail(1)
    assert (told["since"] == dt.date(2024, 1, 1)).mean() >= 0.83 - 3 * np.sqrt(0.83 * 0.17 / runs)


def bursts(gap: int, *, count: int = 20, missing: int = 0) -> list[dt.date]:
    """Days of mailings: three days each, about every ``gap`` days; ``missing`` of them fell out in the middle."""
    random = np.random.default_rng(4)
    starts = np.cumsum(np.full(count, gap) + random.integers(-3, 4, count))
    kept = [start for n, start in enumerate(starts) if not count // 2 <= n < count // 2 + missing]
    return [dt.date(2024, 1, 1) + dt.timedelta(days=int(start) + more) for start in kept for more in range(3)]


@pytest.mark.parametrize("gap", [14, 30, 45])
def test_the_time_between_mailings_is_no_silence_and_a_long_pause_is_one(gap: int) -> None:
    days = bursts(gap)
    assert gaps(days, 500 * len(days)) == []
    assert gaps(bursts(gap, missing=1), 30_000) == []  # one that fell out: in doubt
    paused = gaps(bursts(gap, count=40, missing=15), 30_000)
    assert [found["days"] > 14 * gap for found in paused] == [True]
    # A shop that rests on five holidays is no mailing: its silence is one.
    every = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(366)]
    rests = {n + more for n in (30, 90, 150, 200, 250) for more in range(5)} | set(range(300, 320))
    shop = [day for n, day in enumerate(every) if n not in rests]
    assert [found["days"] for found in gaps(shop, 2 * len(shop))] == [20]


def test_a_table_of_mailings_that_ends_between_two_is_not_said_to_have_stopped() -> None:
    days = bursts(30)
    silent = [later - before for before, later in itertools.pairwise(days) if (later - before).days > 4]
    months = pd.Series(1, pd.to_datetime(days)).groupby(lambda day: f"{day:%Y-%m}").sum() * 500
    every = {str(month): int(months.get(str(month), 0)) for month in pd.period_range(days[0], days[-1], freq="M")}
    covered = {
        "first": days[0].isoformat(), "last": days[-1].isoformat(), "months": every, "gaps": [],
        "silences": {"count": len(silent), "days": sum(of.days - 1 for of in silent)},
    }  # fmt: skip

    def told(after: int) -> Any:
        as_of = (days[-1] + dt.timedelta(days=after)).isoformat()
        return customer_data.gaps({"as_of": as_of, "quality": {"coverage": {"touches": covered}}})["unexplained"]

    assert not told(25).any()
    assert told(400).all()


def test_who_rose_is_picked_by_success_and_has_no_money() -> None:
    moves = pd.DataFrame(
        {
            "before": ["potential"] * 3, "after": ["core", "potential", "sleeping"], "customers": [40, 50, 30],
            "revenue_before": [4e4, 5e4, 3e4], "revenue_after": [9e4, 5e4, 0.0],
        }
    )  # fmt: skip
    today = pd.DataFrame({"segment": ["potential"], "customers": [80]})
    found = segmentation.finding_potential(moves, today, since="2025-06-30")
    assert found is not None
    assert (found.money, found.kind) == (None, "")
    assert "$" not in f"{found.headline} {found.evidence} {found.action}"


def test_a_second_order_is_worth_what_the_orders_of_its_own_group_bring() -> None:
    random = np.random.default_rng(12)
    rows = []
    for group, spend in (("near", 40.0), ("far", 400.0)):
        for n in range(200):
            first = pd.Timestamp("2025-01-01") + pd.Timedelta(days=int(random.integers(200)))
            rows += [(f"{group}{n}", group, first, spend), (f"{group}{n}", group, first + pd.Timedelta(days=20), spend)]
    orders = pd.DataFrame(rows, columns=["customer_id", "group", "ordered_at", "amount"])
    worth = {
        name: retention.value_of_second_orders(of.drop(columns="group"), as_of="2025-12-31", margin=0.5)["value"].item()
        for name, of in [*orders.groupby("group"), ("all", orders)]
    }
    assert worth == pytest.approx({"near": 20.0, "far": 200.0, "all": 110.0})


@pytest.mark.parametrize(("spread", "cases"), [(1.2, 60)])
def test_the_value_of_a_second_order_has_the_interval_of_a_mean_of_money(spread: float, cases: int) -> None:
    amounts = np.random.default_rng(3).lognormal(4, spread, cases)
    first = pd.date_range("2025-01-01", periods=cases)
    orders = pd.DataFrame(
        {
            "customer_id": [*range(cases)] * 2, "amount": [*[1.0] * cases, *amounts],
            "ordered_at": [*first, *(first + pd.Timedelta(days=9))],
        }
    )  # fmt: skip
    found = retention.value_of_second_orders(orders, as_of="2025-12-31").iloc[0]
    mean, error = amounts.mean(), amounts.std(ddof=1) / np.sqrt(cases)
    a = skew(amounts) / np.sqrt(cases)
    for end, quantile in ((found.low, student.ppf(0.975, cases - 1)), (found.high, student.ppf(0.025, cases - 1))):
        t = (mean - end) / error
        assert t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6 == pytest.approx(quantile, abs=1e-6)


def test_free_orders_are_no_purchase_and_the_glossary_says_so(repository: Path) -> None:
    orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [9.0, 0.0, 0.0]})
    orders["ordered_at"] = pd.to_datetime(["2025-01-01", "2025-02-01", "2025-02-01"])
    assert purchases(orders, as_of="2025-12-31")["customer_id"].tolist() == ["a"]
    assert clv.summary(orders, as_of="2025-12-31")["customer_id"].tolist() == ["a"]
    assert segmentation.customer_activity(orders, as_of="2025-12-31")["purchases"].tolist() == [1]
    source = (repository / "notebooks" / "source" / "03_segmentation.py").read_text(encoding="utf-8")
    assert "free orders are none" in source
    assert "Money is rounded to two digits" in source
