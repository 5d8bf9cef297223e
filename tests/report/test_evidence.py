"""The numbers that findings are told with, computed once more from the tables and lists that the run has kept."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from crmlib.report.collect import section
from crmlib.words import gain, month, number, percent, short, use

AS_OF = pd.Timestamp("2025-12-31")


class Kept:
    """What the sample's run has kept: findings by key, tables and lists by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        books = sorted((folder / "notebooks").glob("*.ipynb"))
        self.findings = {one.key: one for book in books for one in section(book).findings}

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "tables" / f"{name}.csv")

    def list(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "lists" / f"{name}.csv", parse_dates=["last_order"])


@functools.cache
def kept_in(folder: Path) -> Kept:
    return Kept(folder)


@pytest.fixture(params=["en", "zh"])
def kept(request, sample_run):
    found = kept_in(sample_run(request.param))
    use(request.param, "CNY")
    yield found
    use("en", "CNY")


def numbers(finding) -> set[str]:
    """The numbers of a headline and its evidence, as they are written, without days and quarters."""
    said = f"{finding.headline} {finding.evidence}".replace("\u2060", "")
    said = re.sub(r"[A-Z][a-z]{2} \d+, \d{4}|\d{4}年\d+月\d+日|\b\d{4} Q\d|\d{4}年第\d季度", "", said)
    return {one.rstrip(",.") for one in re.findall(r"[+−]?¥?\d[\d,.]*(?:[mk%]|万元|元)?", said)}


def at_risk(kept):
    people = kept.list("04_value_at_risk")
    weeks = (AS_OF - people.last_order).dt.days / 7
    all_doubtful = kept.table("04_clv").query("0.05 <= p_alive < 0.9 and frequency > 0")
    half = all_doubtful.sort_values("clv", ascending=False).clv.cumsum().searchsorted(all_doubtful.clv.sum() / 2) + 1
    assert half == len(people)
    told = [number(len(people)), short(people.value.sum()), short(all_doubtful.clv.sum())]
    return None, [*told, number(len(all_doubtful)), number(math.floor(weeks.median()))]


def ending_contracts(kept):
    left = kept.table("05_contracts").set_index("age").projected
    contracts = pd.read_parquet(kept.folder / "workspace" / "subscriptions.parquet")
    midnight = (AS_OF + pd.Timedelta(days=1)).tz_localize("Asia/Shanghai")
    running = ((contracts.started_at < midnight) & ~(contracts.ended_at < midnight)).sum()
    began = contracts[(contracts.started_at < midnight) & ~(contracts.ended_at < midnight)].started_at
    third = pd.DatetimeIndex(began.dt.tz_convert("Asia/Shanghai")) + pd.DateOffset(months=3)
    ahead = (third >= midnight).sum()
    return None, [number(running), percent(1 - left[1]), "12", percent(1 - left[12] / left[11]), number(ahead), "3"]


def groups(kept):
    table = kept.table("04_by_group").dropna(subset="left_over").sort_values("left_over")
    worst, best = table.iloc[0], table.iloc[-1]
    return worst.spent / 4, [short(worst.left_over), short(best.left_over)]


def half_price_offer(kept):
    row = kept.table("06_tested_offer").set_index("play").loc["win_back_friend_half_price"]
    told = [number(row.treated), number(row.control)]
    told += [percent(one, digits=1) for one in (row.treated_rate, row.control_rate)]
    actions = pd.read_parquet(kept.folder / "workspace" / "actions.parquet").query("arm == 'treat'")
    last = actions[actions.play == row.name].assigned_at.max().tz_convert("Asia/Shanghai")
    assert (f"{last:%Y-%m-%d}", row.runs) == (row.last_on, False)
    told += re.findall(r"\d+", month(last.date()))
    return row.cost_year, told + [gain(one) for one in (row.profit, row.profit_low, row.profit_high)]


def complaints_that_wait(kept):
    row = kept.table("06_complaints").set_index("place").loc["shops"]
    money = row.slow_year * -row.difference * row.quick_profit / row.quick_again
    return money, [percent(row.slow_again), percent(row.quick_again), "180", number(row.slow_year)]


def detractors(kept):
    people = kept.list("08_detractors")
    wrote = people.reason.str.contains("wrote|写了|提到").sum()
    return None, [number(len(people)), short(people.value.sum()), number(wrote)]


def score_of_groups(kept):
    row = kept.table("08_groups").query("differs == 'below'").sort_values("nps").iloc[0]
    up, down = (100 * row[name] for name in ("promoters", "detractors"))
    told = [round(up), round(down) + round(up) - round(down) - round(row.nps)]  # the difference is the score
    assert abs(told[1] - down) < 1
    return None, [*(percent(one / 100) for one in told), *map(number, (row.nps, row.nps_low, row.nps_high))]


def best_fifth(kept):
    share = kept.table("04_concentration").set_index("share_of_customers").share_of_equity[0.2]
    equity = kept.table("04_equity").set_index("measure").value["customer_equity"]
    customers = math.ceil(0.2 * len(kept.table("04_clv")))
    return None, [percent(share), number(customers), short(share * equity)]


def second_orders_by_group(kept):
    people = kept.table("05_second_orders").query("followed_days >= 90")
    groups = (people.days <= 90).groupby(people.group).agg(["mean", "size"]).query("size >= 30")
    shares = groups["mean"].sort_values()
    return kept.findings["retention.groups"].money, [percent(shares.iloc[0]), "90", percent(shares.iloc[-1])]


def revenue_change(kept):
    thousands = kept.table("13_bridge").set_index("part").amount.div(1000).round().astype(int)
    off = thousands["after"] - thousands.drop("after").sum()
    thousands["stayed"] += off  # 356.5 was moved most by rounding
    assert abs(off) <= 1
    told = {part: 1000.0 * one for part, one in thousands.items()}
    ends = [short(told["after"] - told["before"], step=1000)]
    ends += [short(told[one], step=1000) for one in ("before", "after")]
    return None, [*ends, *(short(told[part], sign=True, step=1000) for part in ("lost", "stayed", "new"))]


@pytest.mark.parametrize(
    ("key", "counted"),
    [
        ("clv.value_at_risk", at_risk), ("clv.groups", groups), ("clv.concentration", best_fifth),
        ("retention.contracts", ending_contracts), ("churn.tested_offer", half_price_offer),
        ("churn.slow_complaints", complaints_that_wait),
        ("retention.groups", second_orders_by_group), ("nps.detractors", detractors), ("nps.groups", score_of_groups),
        ("scorecard.revenue_change", revenue_change),
    ],
)  # fmt: skip
def test_what_a_finding_says_is_what_its_table_holds(kept, key, counted):
    finding, (money, told) = kept.findings[key], counted(kept)
    assert numbers(finding) == {one.replace("\u2060", "") for one in told}
    if finding.kind != "profit_missing":
        assert finding.money == (None if money is None else pytest.approx(money, abs=0.01 * (finding.listed or 1)))


def test_who_is_silent_today_adds_up_and_the_line_is_one_for_all_chapters(kept):
    tiers, table = kept.table("03_asleep_by_tier").set_index("segment"), kept.table("03_counted").set_index("group")
    silent, customers = tiers.silent.sum(), tiers.customers.sum()
    told = numbers(kept.findings["segmentation.sleeping"])
    bridge = kept.table("13_bridge").set_index("part").customers
    assert {number(bridge["lost"]), number(silent - bridge["lost"])} <= told  # bought nothing; bought early only
    assert {number(silent), number(customers), percent(silent / customers)} <= told
    assert customers == table.customers["bought_before"]
    page = (kept.folder / "index.html").read_text(encoding="utf-8")
    lines = re.findall(r"Newly silent \((\d+) days\)|新增沉默（(\d+)天）", page)
    assert {one for line in lines for one in line if one} == told & {"204"} == {"204"}


def test_all_counts_of_customers_on_the_page_stand_in_the_table_of_who_is_counted(kept):
    n = kept.table("03_counted").set_index("group").customers
    bridge = kept.table("13_bridge").set_index("part").customers
    assert bridge.to_dict() | {"guests": 0} == {
        "before": n["bought_before"], "lost": n["not_since"], "stayed": n["bought_both"], "new": n["not_before"],
        "guests": 0, "after": n["bought_year"],
    }  # fmt: skip
    values = kept.table("04_clv")
    assert (n["ever_bought"], n["once"]) == (len(values), (values.frequency == 0).sum())
    assert n["again"] == (values.frequency > 0).sum()
    assert n["known"] == n["never_bought"] + n["once"] + n["again"]
