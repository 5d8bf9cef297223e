"""The exercises of chapter 02, acquisition."""

from __future__ import annotations

from typing import Any

from crmlib.course.exercise import Practice, ratio

practice = Practice(__file__)
RATE = 0.0005
"""A rate that is rounded to three decimals is right."""


@practice.number(within=RATE, share=True)
def conversion(by_day: Any) -> Any:
    """The Aalen-Johansen estimate of the share of leads that are won."""
    won, lost, left = (float(by_day[name].sum()) for name in ("won", "lost", "open"))

    def over(*, competing: bool) -> float:
        share, still = 0.0, 1.0
        risk = float(won + lost + left)
        for row in by_day.sort_values("days", kind="stable").itertuples():
            share += still * ratio(row.won, risk)
            still *= 1 - ratio(row.won + (row.lost if competing else 0), risk)
            risk -= row.won + row.lost + row.open
        return share

    return over(competing=True), {
        "open_as_lost": ratio(won, won + lost + left),
        "open_left_out": ratio(won, won + lost),
        "lost_as_censored": over(competing=False),
        "open_as_won": ratio(won + left, won + lost + left),
        "lost_share": ratio(lost, won + lost + left),
    }


@practice.number(within=RATE)
def effect_of_speed(speed: Any) -> Any:
    """By how much more leads contacted within a day are won than leads contacted later."""
    from crmlib.lifecycle.acquisition import effect_of_speed as of_speed

    at = speed.groupby("wait")[["leads", "won"]].sum()
    fast, never = at[at.index.isin(["0", "1"])].sum(), at[at.index == "never"].sum()
    slow = at.sum() - fast - never
    rates = {name: ratio(one.won, one.leads) for name, one in (("fast", fast), ("slow", slow))}
    within = of_speed(speed)
    mean = speed.assign(rate=speed.won / speed.leads).groupby("wait").rate.mean()
    return rates["fast"] - rates["slow"], {
        "never_is_slow": rates["fast"] - ratio(slow.won + never.won, slow.leads + never.leads),
        "one_share": rates["fast"],
        "of_won": ratio(fast.won, fast.won + slow.won),
        "same_day_only": ratio(at.won["0"], at.leads["0"])
        - ratio(at.won.sum() - at.won["0"] - never.won, at.leads.sum() - at.leads["0"] - never.leads),
        "within_channels": float(within.difference.iloc[0]) if len(within) else None,
        "mean_of_rates": mean[["0", "1"]].mean() - mean[["2-3", "4+"]].mean(),
    }


@practice.number(digits=3)
def cost_to_win(months: Any) -> Any:
    """What a new customer of one channel cost in a year, from a table of its months."""
    cost, new = float(months.cost.sum()), float(months.new_customers.sum())
    if not new > 0:
        return None
    return cost / new, {
        "mean_of_months": float((months.cost / months.new_customers).mean()),
        "upside_down": new / cost if cost else None,
        "last_month": float(months.cost.iloc[-1] / months.new_customers.iloc[-1]),
        "a_month": cost / len(months),
        "shifted": float(months.cost.iloc[:-1].sum() / months.new_customers.iloc[1:].sum()),
    }


@practice.number(within=0.0)
def payback_month(earned: Any, *, cost: float = 100.0) -> Any:
    """The first month in which customers have brought back what it cost to win them."""
    table = earned.sort_values("month", kind="stable")
    back = table.month[table.earned >= cost]
    if back.empty:
        return None
    revenue = table.month[table.revenue >= cost]
    monthly = table.earned.diff().fillna(table.earned)
    by_mean = cost / float(monthly.iloc[1:].mean())
    return int(back.iloc[0]), {
        "revenue": int(revenue.iloc[0]) if len(revenue) else None,
        "month_before": int(back.iloc[0]) - 1,
        "counted_from_one": int(back.iloc[0]) + 1,
        "first_order_forgotten": round(by_mean),
    }


@practice.number(within=RATE, share=True)
def position_share(ways: Any, *, channel: str = "social") -> Any:
    """The share of customers that the position rule credits to a channel."""
    won = ways[ways.won == 1]
    if won.empty:
        return None

    def credited(path: list[str]) -> float:
        n = len(path)
        parts = [1.0] if n == 1 else [0.5, 0.5] if n == 2 else [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4]
        return sum(part for part, one in zip(parts, path, strict=True) if one == channel)

    every = [str(one).split(" > ") for one in won.path]
    all_paths = [str(one).split(" > ") for one in ways.path]
    return ratio(sum(map(credited, every)), len(every)), {
        "first": ratio(sum(path[0] == channel for path in every), len(every)),
        "last": ratio(sum(path[-1] == channel for path in every), len(every)),
        "linear": ratio(sum(path.count(channel) / len(path) for path in every), len(every)),
        "all_paths": ratio(sum(map(credited, all_paths)), len(all_paths)),
        "met_at_all": ratio(sum(channel in path for path in every), len(every)),
        "not_divided": sum(map(credited, every)) if len(every) > 1 and sum(map(credited, every)) <= 1 else None,
    }


@practice.number(within=RATE, share=True)
def removal_effect(ways: Any, *, channel: str = "mail") -> Any:
    """The removal effect of a channel, from a few paths."""
    import pandas as pd

    from crmlib.lifecycle.acquisition import removal_effects, transitions

    rows = [
        (str(place), way.won, one, n, len(path))
        for place, way in enumerate(ways.itertuples())
        for path in [str(way.path).split(" > ")]
        for n, one in enumerate(path, 1)
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "won", "channel", "nth", "touches"])
    found = removal_effects(transitions(table), resamples=2).set_index("channel")
    if found.empty:
        return None
    won = ways[ways.won == 1]
    with_it = sum(channel in str(one).split(" > ") for one in won.path)
    right = float(found.removal_effect[channel])
    return right, {
        "share": float(found.share[channel]),
        "left_over": 1 - right,
        "chance_without": (1 - right) * _chance(table),
        "paths_with_it": ratio(with_it, len(won)) if ratio(with_it, len(won)) != right else None,
        "last_contact": ratio(sum(str(one).split(" > ")[-1] == channel for one in won.path), len(won)),
    }


def _chance(table: Any) -> float:
    """The chance to get from the start to an order: every path ends, so it is the share of paths that are won."""
    each = table.drop_duplicates("customer_id")
    return ratio(each.won.sum(), len(each))


@practice.number(digits=3)
def highest_cost(year: Any, *, source: str = "social", target: str = "referral") -> Any:
    """Up to which cost of a new customer of the target moving money from the source pays."""
    at = year.set_index("channel")
    one, other = at.loc[source], at.loc[target]
    if not one.brings_in > 0:
        return None
    return float(other.brings_in * one.cost_to_win / one.brings_in), {
        "today": float(other.cost_to_win),
        "brings_in": float(other.brings_in),
        "left_over": float(other.left_over),
        "gap": float(other.left_over - one.left_over),
        "equal_left_over": float(other.brings_in - one.left_over),
        "source_brings_in": float(one.brings_in),
    }
