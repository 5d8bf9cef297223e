"""Retention: what is said, and what is drawn."""

import functools
import re

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle import retention
from crmlib.models import BetaDiscreteWeibull, ShiftedBetaGeometric
from crmlib.words import number, use
from tests.lengths import too_long
from tests.lifecycle.test_retention import orders_of, returns_by_group, returns_of
from tests.lifecycle.test_retention_renewals import of_two_terms

JUNK = re.compile(r"\b(nan|none|inf|nat)\b|[{}]|–(?!Meier)", re.IGNORECASE)
NO_WORTH = retention.value_of_second_orders(orders_of(("a", "2025-01-01", 5)), as_of="2025-12-31")
WORTH = pd.DataFrame({"new_customers_a_year": [100.0], "value": [50.0]})
MANY = orders_of(*((f"c{n % 60}", f"2025-01-{1 + n % 28:02d}", 5) for n in range(200)))


def worth_of(year):
    rows = [(str(n), f"{year}-03-{day}", money) for n in range(40) for day, money in (("01", 50), ("20", 100))]
    return orders_of(*rows)


def test_one_point_more_has_a_price_only_where_new_customers_come():
    for year, money in (("2025", 0.01 * 40 * 365 / 306 * 100), ("2023", None)):
        orders = worth_of(year)
        worth = retention.value_of_second_orders(orders, as_of="2025-12-31")
        rate = retention.repeat_rate(retention.second_orders(orders, as_of="2025-12-31"))
        finding = retention.finding_second_order(rate, worth)
        assert finding.headline == "100% of new customers order again within 90 days"
        assert (f"would bring ${money:,.0f} of gross profit a year" if money else "brings $100.") in finding.evidence
        assert "$" not in retention.finding_second_order(rate, NO_WORTH).evidence
        # Nobody knows what would bring the point, so it is no money that an action can change.
        assert (finding.money, finding.decides) == (None, False)


def test_too_few_customers_make_no_finding():
    few = returns_of(*[("x", True, 3, 99)] * 29, *[("y", False, 99, 99)] * 29)
    newer = retention.compare_newer(few.assign(first_day=pd.Timestamp("2025-01-01")), as_of="2025-12-31")
    findings = [
        retention.finding_second_order(retention.repeat_rate(few[:29]), NO_WORTH),
        retention.finding_timing(retention.time_to_return(few), retention.return_curves(few, by=None)),
        retention.finding_newer(newer),
        retention.finding_groups(few, retention.compare_groups(few), WORTH),
    ]
    assert findings == [None] * 4


def test_a_median_of_all_is_told_only_if_it_is_reached():
    for slow, words in ((0, "half have ordered again by day 20"), (80, "fewer than half")):
        returns = returns_of(*[("x", True, n, 400) for n in range(1, 41)], *[("x", False, 400, 400)] * slow)
        curve = retention.return_curves(returns, by=None, least_at_risk=1)
        finding = retention.finding_timing(retention.time_to_return(returns), curve)
        assert finding.headline == "Half of those who come back do so by day 20"
        assert finding.evidence.startswith("Four in five are back by day 32. This counts 40 customers")
        assert words in finding.certainty
        assert ("no median yet" in retention.plot_waiting(curve).reading) == bool(slow)


@pytest.mark.parametrize(
    ("low", "high", "direction", "words"),
    [(0.1, 0.3, "good", "more often"), (-0.3, -0.1, "bad", "less often"), (-0.1, 0.1, "neutral", "about as often")],
)
@pytest.mark.parametrize("same_season", [True, False])
def test_newer_customers_are_better_or_worse_only_beyond_chance(low, high, direction, words, same_season):
    finding = retention.finding_newer(newer_of(low, high, same_season=same_season))
    assert finding.direction == direction
    assert finding.headline.startswith(f"New customers come back {words}")
    assert finding.headline.endswith("a year ago" if same_season else "before")
    assert (
        f"Difference {number(100 * low, digits=1)} to {number(100 * high, digits=1)} percentage points"
        in finding.certainty
    )
    assert ("season may play a part" in finding.certainty) != same_season
    # What happened by itself is nothing that somebody could decide on: it has no money.
    assert (finding.money, finding.decides) == (None, False)


def newer_of(low, high, *, same_season=True, mix=0.0, unsteady=1.0):
    days = {f"{side}_{end}": pd.Timestamp("2025-01-01") for side in ("older", "newer") for end in ("from", "to")}
    row = {"newer_rate": 0.4, "older_rate": 0.3, "newer_followed": 99, "older_followed": 88, "within": 90, **days}
    more = {"difference": (low + high) / 2, "low": low, "high": high, "same_season": same_season}
    return pd.DataFrame([{**row, **more, "mix": mix, "unsteady": unsteady}])


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        (0.01, "a year ago 30% did."), (-0.1, "a year ago 30% did."), (float("nan"), "a year ago 30% did."),
        (0.15, "Other kinds of customers account for 15.0 of the 20.0 points."), (0.25, "explain all of it."),
    ],
)  # fmt: skip
def test_how_much_of_a_difference_other_customers_explain_is_told(mix, words):
    assert retention.finding_newer(newer_of(0.1, 0.3, mix=mix)).evidence.endswith(words)
    fall = retention.finding_newer(newer_of(-0.3, -0.1, mix=-mix))
    assert fall.evidence.endswith(words)


def test_a_range_that_unsteady_months_have_widened_says_so():
    assert "1.4 times as wide" in retention.finding_newer(newer_of(0.1, 0.3, unsteady=1.4)).certainty
    assert "times as wide" not in retention.finding_newer(newer_of(0.1, 0.3)).certainty


def test_the_group_that_returns_least_is_named_with_what_it_is_worth():
    table = returns_of(*[("partner", True, 3, 99)] * 40, *[("social", False, 99, 99)] * 40)
    pairs = retention.compare_groups(table)
    finding = retention.finding_groups(table, pairs, WORTH, by="channel")
    assert finding.headline == "New customers from social media come back least"
    assert finding.evidence == "0% order again within 90 days. Of customers from partners, 100% do."
    # Half of the group's 100 new customers of a year would return like the average, with $50 each.
    assert (finding.money, finding.kind) == (pytest.approx(100 * 0.5 * 50), "profit")
    assert finding.money_low < finding.money == finding.money_high
    unpriced = retention.finding_groups(table, pairs, NO_WORTH)
    assert "customers in the group “partner”" in unpriced.evidence
    assert unpriced.money is None
    spent = table.assign(group=table.group.map({"partner": ">32", "social": "≤15"}))
    by_amount = retention.finding_groups(spent, retention.compare_groups(spent), WORTH, by="amount")
    assert by_amount.headline == "New customers with a first order up to $15 come back least"
    assert by_amount.evidence.endswith("Of customers with a first order over $32, 100% do.")
    alike = returns_of(*[(group, n < 20, 3 if n < 20 else 99, 99) for group in "ab" for n in range(40)])
    finding = retention.finding_groups(alike, retention.compare_groups(alike), WORTH)
    assert (finding.direction, finding.money) == ("neutral", None)


def cohort_table(*cohorts):
    """A cohort's month, its customers and how many of them bought a month later."""
    rows = [
        (pd.Timestamp(month), age, size, bought, bought / size)
        for month, size, back in cohorts
        for age, bought in enumerate((size, back))
    ]
    return pd.DataFrame(rows, columns=["cohort", "age", "cohort_customers", "customers", "retention"])


def test_single_customers_are_no_extremes_among_cohorts():
    singles = [("2022-01-01", 1, 1), ("2022-06-01", 1, 0)]
    table = cohort_table(*singles, ("2022-07-01", 100, 20), ("2022-08-01", 100, 30))
    assert "between 20% (Jul 2022) and 30% (Aug 2022)" in retention.plot_triangle(table).reading
    reading = retention.plot_triangle(cohort_table(*singles, ("2022-07-01", 100, 20))).reading
    assert "the one cohort with at least 30 customers (Jul 2022) stands at 20%" in reading
    shown = retention.plot_triangle(cohort_table(*((f"2022-{month:02d}-01", 5, month % 2) for month in range(1, 13))))
    assert "fewer than 30 customers" in shown.reading
    assert "%" not in shown.reading + shown.description
    equal = retention.plot_triangle(cohort_table(("2024-01-01", 40, 0), ("2024-02-01", 50, 0))).reading
    assert "all cohorts stand at 0%" in equal


def test_what_is_not_over_is_blank_and_never_zero():
    cohorts = retention.cohorts(
        MANY.assign(ordered_at=MANY.ordered_at + pd.to_timedelta(range(200), "D")), as_of="2025-06-30"
    )
    drawn = retention.plot_triangle(cohorts).picture.svg(label="").count("crm-cell")
    assert drawn == (cohorts.age > 0).sum()
    assert drawn < cohorts.cohort.nunique() * cohorts.age.max()


def test_the_title_of_the_cohorts_is_the_verdict_on_newer_customers():
    cohorts = pd.to_datetime(["2024-01-01", "2024-04-01"]).repeat(40)
    rates = retention.repeat_rate(
        pd.DataFrame({"cohort": cohorts, "returned": [True, False] * 40, "days": 5, "followed_days": 300}), by="cohort"
    )
    shifted = newer_of(0.1, 0.3, same_season=False)
    for newer, title in (
        (newer_of(0.1, 0.3), "40% of new customers are back within 90 days; a year before, 30%"),
        (shifted, "40% of the newer customers are back within 90 days; of the older, 30%"),
        (newer_of(-0.1, 0.3), "About as many new customers as before are back within 90 days: 40%"),
        (newer_of(0.1, 0.3)[:0], "Who orders again within 90 days, by cohort"),
    ):
        assert retention.plot_repeat_rate(rates, newer).title == title
    assert retention.plot_repeat_rate(rates).place == "section"


def test_single_customers_are_no_ends_of_the_repeat_rate():
    cohorts = pd.to_datetime(["2024-01-01", "2024-04-01"])
    returns = pd.DataFrame({"cohort": cohorts, "returned": [True, False], "days": [5, 300], "followed_days": 300})
    shown = retention.plot_repeat_rate(retention.repeat_rate(returns, by="cohort"))
    assert shown.reading == (
        "In each cohort, fewer than 30 customers have been followed for 90 days. Single cohorts say little."
    )
    assert shown.picture.svg(label="").count("crm-hollow") == 2
    assert retention.plot_repeat_rate(retention.repeat_rate(returns[:1], by="cohort")).kind == "nothing"


def test_curves_of_one_group_are_those_of_all_customers():
    returns = returns_by_group(*[12] * 60)
    shown = retention.plot_return_curves(retention.return_curves(returns), test=retention.log_rank(returns))
    assert shown.reading.endswith("of new customers have ordered again.")
    two = returns_of(*[("≤15", True, n, 99) for n in range(1, 51)], *[(">32", n < 9, n, 99) for n in range(1, 61)])
    shown = retention.plot_return_curves(retention.return_curves(two), test=retention.log_rank(two))
    assert "in the group “first order up to $15” have ordered again" in shown.reading
    assert "in “first order over $32”" in shown.reading


@functools.cache
def figures_of(end):
    """Each figure of the chapter as it is on a day, to be drawn in any language."""
    cohorts, returns = retention.cohorts(MANY, as_of=end), retention.second_orders(MANY, as_of=end)
    weeks, early = retention.cohorts(MANY, as_of=end, period="week"), retention.early_orders(MANY, as_of=end)
    everybody, curves = retention.return_curves(returns, by=None), retention.return_curves(returns)
    test, rates = retention.log_rank(returns), retention.repeat_rate(returns, by="cohort")
    ages = retention.renewal_ages(of_two_terms(), as_of=min(end, "2025-12-31"))
    fitted, projection = retention.renewal_models(ages), retention.project_renewals(ages, retention.renewal_model(ages))
    return [
        lambda: retention.plot_triangle(cohorts),
        lambda: retention.plot_triangle(cohorts, "customers"),
        lambda: retention.plot_triangle(cohorts, "revenue_per_customer"),
        lambda: retention.plot_triangle(weeks, period="week"),
        lambda: retention.plot_retention(cohorts),
        lambda: retention.plot_waiting(everybody),
        lambda: retention.plot_return_curves(curves, test=test),
        lambda: retention.plot_repeat_rate(rates, period="month"),
        lambda: retention.plot_early_orders(early),
        lambda: retention.renewal_models_table(fitted),
        lambda: retention.plot_projection(projection),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("end", ["2024-01-01", "2025-01-05", "2025-02-10", "2026-12-31"])
def test_every_figure_says_what_it_shows_in_both_languages(language, end):
    use(language, "CNY")
    for draw in figures_of(end):
        exhibit = draw()
        for sentence in (exhibit.title, exhibit.reading, exhibit.description):
            assert not JUNK.search(sentence), sentence
        assert exhibit.title
        assert exhibit.reading
        assert exhibit.picture is None or "<svg" in exhibit.picture.svg(label=exhibit.description)


def test_every_finding_is_as_short_as_the_page_allows():
    groups = returns_of(*[("content", True, n, 400) for n in range(1, 41)], *[("social", False, 400, 400)] * 40)
    spent = groups.assign(group=groups.group.map({"content": "15–32", "social": "1500–3200"}))
    worth = retention.value_of_second_orders(worth_of("2025"), as_of="2025-12-31")
    rate = retention.repeat_rate(groups)
    alike = returns_of(*[(group, n < 20, 3 if n < 20 else 99, 99) for group in "ab" for n in range(40)])
    contracts = of_two_terms()
    terms = retention.subscription_terms(contracts, as_of="2025-12-31")
    models = [
        ShiftedBetaGeometric(alpha=0.7, beta=1.3),
        BetaDiscreteWeibull(alpha=1.5, beta=20, c=1.6),
        BetaDiscreteWeibull(alpha=20, beta=2000, c=1.6),
    ]
    fitted = ShiftedBetaGeometric.fit([1000, 631, 468, 382, 326, 289, 262, 241])
    outlook = retention.renewal_outlook(contracts, fitted, as_of="2025-12-31", term="month")
    reached = retention.renewal_outlook(contracts, fitted, as_of="2025-12-31", term="month", until=12)
    timing, curve = retention.time_to_return(groups), retention.return_curves(groups, by=None)
    groups_compared, spent_compared, alike_compared = map(retention.compare_groups, (groups, spent, alike))
    for language in ("en", "zh"):
        use(language, "CNY")
        found = [
            retention.finding_second_order(rate, worth),
            retention.finding_second_order(rate, NO_WORTH),
            retention.finding_timing(timing, curve),
            *(
                retention.finding_newer(newer_of(low, low + 0.2, same_season=season, mix=low + mix))
                for low in (0.1, -0.3, -0.1) for season in (True, False) for mix in (-0.1, 0.02, 0.3)
            ),
            retention.finding_groups(groups, groups_compared, WORTH, by="channel"),
            retention.finding_groups(spent, spent_compared, WORTH, by="amount"),
            retention.finding_groups(alike, alike_compared, WORTH),
            *(retention.finding_renewals(outlook.assign(left=left), model, term="month", terms=terms, reached=some)
              for left in (45.0, 60.0) for model in models for some in (reached, reached[:0])),
            retention.finding_renewals(outlook, models[0], term="year", terms=terms, reached=reached),
        ]  # fmt: skip
        assert not [words for finding in found for words in too_long(finding)], language


def test_findings_are_told_in_chinese_too():
    use("zh", "CNY")
    contracts, model = of_two_terms(), ShiftedBetaGeometric.fit([1000, 631, 468, 382, 326, 289, 262, 241])
    outlook = retention.renewal_outlook(contracts, model, as_of="2025-12-31", term="month")
    reached = retention.renewal_outlook(contracts, model, as_of="2025-12-31", term="month", until=12)
    terms = retention.subscription_terms(contracts, as_of="2025-12-31")
    finding = retention.finding_renewals(outlook, model, terms=terms, reached=reached)
    assert finding.headline.startswith("90份月付订阅中")
    assert finding.certainty.count("年付30份") == 1
    assert np.isfinite(finding.money)
