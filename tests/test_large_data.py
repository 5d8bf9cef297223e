"""What large data ask for: the engine does the work, summaries come out of it, and what is shared is made once."""

import datetime as dt
import multiprocessing

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.engine import TooManyRows, connect, keep_in, made_once, summaries_only
from crmlib.lifecycle import acquisition, clv, customer_data, retention, scorecard, segmentation
from crmlib.models import BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD
from crmlib.newcomers import silences
from crmlib.purchases import data_begin, purchase_days, purchases

AS_OF = dt.date(2025, 12, 31)
CUSTOMERS, SUMMARY = 3000, 1500
"""More customers than a summary has rows: one row a day of four years, or one per cohort and age, is less."""


def shop(connection):
    """Orders of 3,000 customers over two years, and the customers."""
    connection.raw_sql(
        "CREATE TABLE orders AS SELECT 'O' || i AS order_id, 'C' || hash(i) % 3000 AS customer_id, "
        "TIMESTAMP '2024-01-01' + to_seconds((hash(i + 1) % 63158400)::BIGINT) AS ordered_at, "
        "round(5 + hash(i + 2) % 9000 / 100.0, 2) AS amount, 'S' || hash(i + 3) % 4 AS store, "
        "CASE WHEN i % 50 = 0 THEN 'cancelled' ELSE 'paid' END AS status FROM range(12000) AS t(i)"
    )
    connection.raw_sql(
        "CREATE TABLE customers AS SELECT 'C' || i AS customer_id, TIMESTAMP '2024-01-01' AS first_seen_at, "
        "CASE WHEN i % 3 = 0 THEN 'search' ELSE 'event' END AS channel, i % 2 = 0 AS consent_email "
        "FROM range(3000) AS t(i)"
    )
    return connection.table("orders"), connection.table("customers")


def activity(orders, customers):
    return segmentation.customer_activity(orders, customers, as_of=AS_OF)


def rhythm(orders):
    return segmentation.purchase_rhythm(orders, as_of=AS_OF)


def in_segments(orders, customers):
    known = activity(orders, customers)
    return segmentation.segments(known, segmentation.thresholds(known, rhythm(orders)))


def second(orders, customers):
    return retention.second_orders(orders, customers, as_of=AS_OF)


def spend_of(customers):
    return customers.group_by(spent_on=customers.first_seen_at.cast("date"), channel=customers.channel).agg(cost=_N)


def leads_of(customers):
    """Every customer as a lead, of whom half became one on the same day."""
    won = ibis.ifelse(customers.consent_email, customers.first_seen_at, None)
    names = {"lead_id": customers.customer_id, "created_at": customers.first_seen_at, "converted_at": won}
    return customers.select(**names, lost_reason=ibis.null("string"))


def attribution(orders, customers):
    """Two contacts of each customer, before the first order of most."""
    at = {"touched_at": customers.first_seen_at, "kind": ibis.literal("visit")}
    touches = customers.select("customer_id", "channel", **at)
    path = acquisition.paths(touches.union(touches.mutate(channel=ibis.literal("mail"))), orders, as_of=AS_OF)
    steps = acquisition.transitions(path, groups=20)
    shapley = acquisition.shapley_credits(acquisition.channel_sets(path))
    return acquisition.attribution(acquisition.rule_credits(path), acquisition.removal_effects(steps), shapley)


_N = ibis._.count().cast("float64")
MEASURES = {
    "data_begin": lambda o, c: data_begin(o, as_of=AS_OF),
    "repeat_measures": lambda o, c: customer_data.repeat_measures(o, as_of=AS_OF),
    "split_effect": lambda o, c: customer_data.split_effect(o, as_of=AS_OF),
    "split_customers": lambda o, c: customer_data.split_customers(o, share=0.05, as_of=AS_OF),
    "rows_to_check": lambda o, c: customer_data.rows_to_check(o, rows=50),
    "unknown_of_buyers": lambda o, c: customer_data.unknown_of_buyers(c, o, as_of=AS_OF),
    "revenue_by_identity": lambda o, c: customer_data.revenue_by_identity(o, c, as_of=AS_OF).to_pandas(),
    "cut_points": lambda o, c: segmentation.cut_points(activity(o, c)),
    "thresholds": lambda o, c: segmentation.thresholds(activity(o, c), rhythm(o)),
    "segment_summary": lambda o, c: segmentation.segment_summary(in_segments(o, c)),
    "cohorts": lambda o, c: retention.cohorts(o, as_of=AS_OF).to_pandas(),
    "last_seen": lambda o, c: retention.last_seen(o, as_of=AS_OF).to_pandas(),
    "repeat_rate": lambda o, c: retention.repeat_rate(second(o, c), by="cohort"),
    "return_curves": lambda o, c: retention.return_curves(second(o, c), by=None),
    "compare_groups": lambda o, c: retention.compare_groups(second(o, c)),
    "early_orders": lambda o, c: retention.early_orders(o, as_of=AS_OF).to_pandas(),
    "value_of_second_orders": lambda o, c: retention.value_of_second_orders(o, as_of=AS_OF),
    "order_measures": lambda o, c: scorecard.base_measures(orders=o, as_of=AS_OF),
    "revenue_bridge": lambda o, c: scorecard.revenue_bridge(o, as_of=AS_OF),
    "driver_tree": lambda o, c: scorecard.driver_tree(o, as_of=AS_OF),
    "drill_down": lambda o, c: scorecard.drill_down(o, by="store", as_of=AS_OF),
    "contribution_margin": lambda o, c: clv.contribution_margin(o, as_of=AS_OF, fallback=0.4),
    "channel_mix": lambda o, c: acquisition.channel_mix(o, c, as_of=AS_OF),
    "acquisition_costs": lambda o, c: acquisition.acquisition_costs(o, c, spend_of(c), as_of=AS_OF),
    "earnings": lambda o, c: acquisition.earnings(o, c, spend_of(c), as_of=AS_OF, by_cohort="quarter"),
    "attribution": lambda o, c: attribution(o, c),
    "conversion": lambda o, c: acquisition.conversion(acquisition.lead_times(leads_of(c), as_of=AS_OF), by="group"),
    "summary_account": lambda o, c: clv.summary_account(o, as_of=AS_OF).to_pandas(),
}


@pytest.fixture(scope="module")
def tables():
    return shop(connect())


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_takes_no_more_than_a_summary_out_of_the_engine(measure, tables):
    with summaries_only(SUMMARY) as rows:
        MEASURES[measure](*tables)
    # And it did take something: a measure that asks the engine nothing would pass every limit.
    assert sum(rows) > 0


def test_a_measure_that_takes_a_row_per_customer_is_found_out(tables):
    with summaries_only(SUMMARY), pytest.raises(TooManyRows, match=f"{CUSTOMERS} rows"):
        activity(*tables).to_pandas()
    assert len(activity(*tables).to_pandas()) == CUSTOMERS


# What is shared


def kept(folder, content="2025"):
    connection = connect()
    keep_in(connection, folder / "made", content=content)
    return shop(connection)


def files(folder):
    return {file.name: file.stat().st_mtime_ns for file in (folder / "made").glob("*.parquet")}


def test_a_table_that_is_needed_again_is_read_and_not_made(tmp_path):
    first = purchase_days(kept(tmp_path)[0], as_of=AS_OF).to_pandas()
    before = files(tmp_path)
    again = purchase_days(kept(tmp_path)[0], as_of=AS_OF).to_pandas()
    pd.testing.assert_frame_equal(first, again)
    assert len(before) == 2
    assert files(tmp_path) == before


def test_other_data_or_another_rule_is_another_table(tmp_path):
    purchase_days(kept(tmp_path)[0], as_of=AS_OF)
    of_one = len(files(tmp_path))
    purchase_days(kept(tmp_path)[0], as_of=AS_OF, free_orders="count")
    of_two_rules = len(files(tmp_path))
    purchase_days(kept(tmp_path, content="2026")[0], as_of=AS_OF)
    assert (of_one, of_two_rules, len(files(tmp_path))) == (2, 4, 6)


def test_what_is_kept_says_the_same_as_what_is_made_anew(tmp_path, tables):
    own = kept(tmp_path)
    for measure in (activity, second, lambda o, c: silences(o, as_of=AS_OF, begin=dt.date(2024, 1, 1))):
        made, read = (measure(*some).to_pandas() for some in (tables, own))
        assert list(made.dtypes) == list(read.dtypes)
        pd.testing.assert_frame_equal(made, read)


def test_an_earlier_day_sees_what_was_known_on_it(tmp_path):
    orders, _ = kept(tmp_path)
    day = dt.date(2025, 3, 31)
    until = purchase_days(orders.filter(orders.ordered_at < dt.datetime(2025, 4, 1)), as_of=AS_OF).to_pandas()
    pd.testing.assert_frame_equal(purchase_days(orders, as_of=day).to_pandas(), until)


def test_a_table_with_a_frame_in_it_is_not_kept(tmp_path):
    orders, _ = kept(tmp_path)
    some = orders.semi_join(ibis.memtable({"customer_id": ["C1"]}), "customer_id")
    assert made_once(some) is some
    assert purchases(some).customer_id.nunique().execute() == 1


def test_where_nothing_can_be_written_it_is_made_each_time(tmp_path):
    (tmp_path / "made").write_text("no folder")
    assert purchase_days(kept(tmp_path)[0], as_of=AS_OF).count().execute() > CUSTOMERS


def _days_in(folder):
    return len(purchase_days(kept(folder)[0], as_of=AS_OF).to_pandas())


def test_two_processes_that_need_a_table_at_once_both_have_it_whole(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, two = pool.map(_days_in, [tmp_path, tmp_path])
    assert one == two > 0
    assert [file.name for file in (tmp_path / "made").iterdir() if file.suffix not in (".parquet", ".lock")] in (
        [],
        [".lock"],
    )


# What is fitted to a part


def test_a_model_of_many_histories_is_fitted_to_an_even_part_of_the_customers(monkeypatch):
    random = np.random.default_rng(8)
    rate, span = random.gamma(0.8, 0.3, 3000), random.exponential(1 / random.gamma(0.7, 1 / 12, 3000))
    T = random.integers(20, 60, 3000).astype(float)
    x = random.poisson(rate * np.minimum(span, T)).astype(float)
    t_x = np.where(x > 0, np.minimum(span, T) * random.beta(np.maximum(x, 1), 1), 0.0)
    known = pd.DataFrame({"frequency": x, "recency": t_x, "T": T})
    whole = ParetoNBD.fit(known)
    monkeypatch.setattr(ParetoNBD, "most_histories", 1200)
    part, turned = ParetoNBD.fit(known), ParetoNBD.fit(known.iloc[::-1])
    histories = len(known.drop_duplicates())
    assert part.estimate.customers == 3000 // -(-histories // 1200)
    assert part.params.equals(turned.params)
    # As wide as so many customers make it, and where all of them are.
    wider = (part.params.standard_error / whole.params.standard_error) ** 2
    assert wider.between(0.4 * 3000 / part.estimate.customers, 2.5 * 3000 / part.estimate.customers).all()
    assert ((part.params.estimate - whole.params.estimate).abs() < 2.6 * part.params.standard_error).all()


def test_the_chapter_says_which_model_was_fitted_to_a_part(monkeypatch, tables):
    known = clv.summary(tables[0], as_of=AS_OF, calibration_end="2025-06-30").to_pandas()
    monkeypatch.setattr(BetaGeoNBD, "most_histories", 500)
    choice = clv.compare([BetaGeoNBD, ModifiedBetaGeoNBD], known)
    count = choice.models["BetaGeoNBD"].estimate.customers
    assert f"BG/NBD was fitted to an even {count:,.0f} of {len(known):,}" in choice.why
    assert choice.why.count("was fitted to") == 1
