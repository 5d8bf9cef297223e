"""The line of silence: at most half of those beyond it come back by themselves, however customers buy."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
import yaml

import crmlib
from crmlib import runner
from crmlib.lifecycle import segmentation
from crmlib.problems import UnusableInput
from crmlib.statistics import wilson
from tests.conftest import write_client

FIRST, LENGTH = pd.Timestamp("2020-01-01"), 1095
AS_OF = (FIRST + pd.Timedelta(days=LENGTH)).date()
NEVER = 10**6
Life = Callable[[np.random.Generator, float], Iterator[float]]
END = LENGTH + 1100


def bursts(pause: float, jitter: float, leave: float, orders: int = 5) -> Life:
    """So many orders within a week, then nothing for ``pause`` days; after each burst the share ``leave`` has left."""

    def life(random: np.random.Generator, day: float) -> Iterator[float]:
        while day < END:
            yield from (day + random.uniform(0, 7) for _ in range(orders))
            if random.random() < leave:
                return
            day += pause + random.normal(0, jitter)

    return life


def regular(every: float, jitter: float, leave: float, skip: float = 0.0) -> Life:
    """An order every so many days; some are skipped."""

    def life(random: np.random.Generator, day: float) -> Iterator[float]:
        while day < END:
            yield day
            if random.random() < leave:
                return
            day += every + random.normal(0, jitter)
            while random.random() < skip:
                day += every

    return life


def pareto(r: float, alpha: float, s: float, beta: float) -> Life:
    """A customer of the Pareto/NBD: own rate of orders, own rate of leaving."""

    def life(random: np.random.Generator, day: float) -> Iterator[float]:
        rate, stop = random.gamma(r) / alpha, day + random.exponential(beta / random.gamma(s))
        while day < min(stop, END):
            yield day
            day += random.exponential(1 / rate)

    return life


def once(random: np.random.Generator, day: float) -> Iterator[float]:
    yield day


def mixture(share: float, one: Life, other: Life) -> Life:
    return lambda random, day: (one if random.random() < share else other)(random, day)


KINDS = {
    "bursts": bursts(200, 20, 0.2),
    "long bursts": bursts(300, 40, 0.15),
    "short bursts": bursts(60, 10, 0.2, orders=3),
    "half leave after a burst": bursts(200, 20, 0.5),
    "monthly": regular(30, 3, 0.05),
    "weekly boxes": regular(7, 0, 0.02),
    "weekly boxes, some skipped": regular(7, 0, 0.02, skip=0.15),
    "yearly": regular(380, 15, 0.2),
    "pareto": pareto(0.55, 70, 0.6, 80),
    "loyal pareto": pareto(2, 60, 1, 800),
    "bursts and one-time buyers": mixture(0.4, bursts(200, 20, 0.1), once),
    "weekly boxes and bursts": mixture(0.5, regular(7, 0, 0.02), bursts(200, 20, 0.2)),
    "one-time buyers": once,
}


def purchases_of(life: Life, *, customers: int = 1500, seed: int = 1) -> pd.DataFrame:
    """``customer_id``, ``day`` (from the first day of the data) of customers who come over the whole time and long
    before, so that the base is a steady one."""
    random = np.random.default_rng(seed)
    rows = [(f"{n}", int(day)) for n in range(customers) for day in life(random, random.uniform(-3000, END))]
    table = pd.DataFrame(rows, columns=["customer_id", "day"]).drop_duplicates()
    return table[table.day >= 0].sort_values(["customer_id", "day"])


def orders_of(table: pd.DataFrame) -> pd.DataFrame:
    seen = table[table.day <= LENGTH]
    days = FIRST + pd.to_timedelta(seen.day, unit="D")
    return pd.DataFrame({"customer_id": seen.customer_id, "amount": 1.0, "ordered_at": days})


def line_of(life: Life, **how: int) -> pd.Series:
    orders = orders_of(purchases_of(life, **how))
    activity = segmentation.customer_activity(orders, as_of=AS_OF)
    lines = segmentation.thresholds(activity, segmentation.purchase_rhythm(orders, as_of=AS_OF))
    return lines.set_index("threshold").loc["sleeping_after"]


def passing(table: pd.DataFrame, line: float, begin: int, end: int, horizon: int) -> tuple[int, int]:
    """By plain pandas: whose silence passes the line on a day after ``begin`` and up to ``end``, each by the first
    time, and who of them is back within the horizon after that."""
    pause = (table.groupby("customer_id").day.shift(-1) - table.day).fillna(NEVER)
    at = table.day + line
    first = table.assign(pause=pause)[(pause > line) & (at > begin) & (at <= end)].groupby("customer_id").first()
    return len(first), int((first.pause <= line + horizon).sum())


@pytest.mark.parametrize("seed", range(8))
def test_who_passes_a_line_and_comes_back_is_counted_as_plain_pandas_counts(seed):
    random = np.random.default_rng(seed)
    length, orders = int(random.integers(20, 900)), int(random.integers(2, 250))
    some = {"customer_id": random.integers(0, 30, orders).astype(str), "day": random.integers(0, length, orders)}
    table = pd.DataFrame(some).drop_duplicates().sort_values(["customer_id", "day"])
    table["day"] -= table.day.min()
    dated = pd.DataFrame({"customer_id": table.customer_id, "amount": 1.0})
    dated["ordered_at"] = FIRST + pd.to_timedelta(table.day, unit="D")
    rhythm = segmentation.purchase_rhythm(dated, as_of=FIRST + pd.Timedelta(days=length))
    # The days are those of data without a gap, so that a stray first order would shorten them.
    horizon = int(rhythm.horizon_days.iloc[0])
    assert horizon == min(length // 2, 365)
    wanted = [passing(table, line, length - 2 * horizon, length - horizon, horizon) for line in rhythm.days_to_return]
    assert [*zip(rhythm.silent, rhythm.came_back, strict=True)] == wanted


def test_who_buys_in_bursts_is_not_silent_after_a_week():
    line = line_of(KINDS["bursts"])
    assert line.way == "raised"
    assert segmentation.silent_after(orders_of(purchases_of(KINDS["bursts"])), as_of=AS_OF) == line.value
    assert 190 <= line.value <= 215  # most pauses are of 160 to 240 days
    assert line.low <= line.value <= line.high
    assert line.back <= 0.5 < line.back_high


def test_bursts_after_which_half_of_the_customers_leave_need_no_later_line():
    line = line_of(bursts(200, 20, 0.6))
    assert (line.way, line.value) == ("rhythm", 7)
    assert line.back_low <= 0.4 <= line.back_high


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("monthly", 31, 36), ("weekly boxes", 7, 7), ("yearly", 375, 400), ("pareto", 90, 220)]
)
def test_the_line_of_regular_customers_lies_where_they_are_overdue(kind, least, most):
    assert least <= line_of(KINDS[kind]).value <= most


def test_skipped_boxes_come_back_and_the_line_waits_for_them():
    """Two of three silences of more than a week are skipped boxes."""
    line = line_of(regular(7, 0, 0.01, skip=0.02))
    assert line.value >= 14 or line.back <= 0.5


def test_one_time_buyers_leave_the_line_to_the_rules():
    line = line_of(once)
    assert (line.way, line.value, line.back) == ("otherwise", 180, 0.0)


def test_where_nobody_leaves_the_line_is_as_late_as_the_data_tell_and_says_so():
    line = line_of(bursts(200, 20, 0.0))
    assert line.way == "raised"
    assert line.value > 200
    assert line.back > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_of_those_who_pass_the_line_in_the_next_year_at_most_the_stated_share_comes_back(kind):
    """Out of sample: the line is drawn from three years, and looked at in the two years after."""
    beyond, back, stated = 0, 0, []
    for seed in (11, 12):
        table = purchases_of(KINDS[kind], customers=1500, seed=seed)
        line = line_of(KINDS[kind], customers=1500, seed=seed)
        one, other = passing(table, line.value, LENGTH, LENGTH + 365, 365)
        beyond, back = beyond + one, back + other
        stated.append(line.back_high)
    assert beyond > 60
    assert back / beyond <= max(stated)
    # Half, as far as chance lets it be told.
    assert wilson(back, beyond)[0] <= 0.5


def test_the_lines_of_the_sample_and_of_cdnow_stand(repository):
    for client, days in (("aurora", 204), ("cdnow", 156)):
        chapter = crmlib.begin("03_segmentation", client=repository / "data" / client / "client.yaml")
        orders = chapter.table("orders")
        activity = segmentation.customer_activity(orders, as_of=chapter.as_of)
        lines = segmentation.thresholds(activity, segmentation.purchase_rhythm(orders, as_of=chapter.as_of))
        line = lines.set_index("threshold").loc["sleeping_after"]
        assert (line.way, line.value) == ("rhythm", days)
        assert line.back_high < 0.5


def test_words_say_how_many_beyond_the_line_came_back():
    orders = orders_of(purchases_of(KINDS["bursts"]))
    activity = segmentation.customer_activity(orders, as_of=AS_OF)
    lines = segmentation.thresholds(activity, segmentation.purchase_rhythm(orders, as_of=AS_OF))
    table = segmentation.segments(activity, lines)
    since = dt.date(AS_OF.year - 1, AS_OF.month, AS_OF.day)
    moves = segmentation.migration(segmentation.earlier_segments(orders, None, lines, on=since), table, since=since)
    found = segmentation.finding_sleeping(
        moves, segmentation.segment_summary(table), segmentation.sleeping_lines(activity, lines),
        segmentation.segment_outcomes(moves), pd.DataFrame({"customers": [0], "buyers": [0], "revenue_year": [0.0]}),
        as_of=AS_OF, since=since, horizon=365, thresholds=lines,
    )  # fmt: skip
    row = lines.set_index("threshold").loc["sleeping_after"]
    assert f"The line of silence is {row.value:.0f} days" in found.certainty
    assert "most of those silent for that long came back later" in found.certainty
    assert f"Of {row.silent:.0f} customers silent for longer" in found.certainty
    assert "within 365 days" in found.certainty
    how = segmentation.thresholds_table(lines).fields["rows"]
    assert "more than 50% of those silent for a shorter time came back" in str(how)


def test_a_share_that_may_come_back_belongs_to_the_rhythm_only(tmp_path):
    file = tmp_path / "rules.yaml"
    text = segmentation.rules.OWN_RULES.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    content["thresholds"]["high_spend"]["back_at_most"] = 0.5
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    with pytest.raises(UnusableInput, match="back_at_most without a quantile of days_to_return"):
        segmentation.read_rules(file)
    del content["thresholds"]["high_spend"]["back_at_most"]
    content["thresholds"]["sleeping_after"]["back_at_most"] = 0.2
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    orders = orders_of(purchases_of(KINDS["pareto"]))
    stricter = segmentation.silent_after(orders, as_of=AS_OF, rules=segmentation.read_rules(file))
    assert stricter > segmentation.silent_after(orders, as_of=AS_OF)


def test_contracts_alone_have_a_value(tmp_path):
    """Chapter 04 without a single order: what the running contracts will still bring, at the sales that they make."""
    random = np.random.default_rng(5)
    starts = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 900, 300), unit="D")
    months = np.minimum(random.geometric(random.beta(1, 8, 300)), 120)
    ends = pd.Series([day + pd.DateOffset(months=int(n)) for day, n in zip(starts, months, strict=True)])
    plans = pd.DataFrame({"subscription_id": range(300), "customer_id": [f"c{n}" for n in range(300)]})
    plans = plans.assign(started_at=starts, ended_at=ends.where(ends < "2025-12-31"), price=12.0, period="month")
    settings = "as_of: 2025-12-31\n"
    client = write_client(tmp_path / "client", settings, subscriptions=plans.to_csv(index=False))
    done = runner.run(client, output=tmp_path / "run", language="zh", chapters=["04"])
    assert [(chapter.file.name, chapter.status) for chapter in done.chapters] == [("04_clv", "done")]
    running = int((ends.isna() | (ends >= "2025-12-31")).sum())
    page = (done.folder / "index.html").read_text(encoding="utf-8")
    assert f"{running}份有效合同预计还值" in page
    # No margin is known: what contracts bring is called sales.
    assert re.search(rf"{running}份有效合同预计还值[^<]*销售额", page)
