"""What the chapter concludes: what the base is worth, where, what is at risk, and when not to believe it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib.finding import Finding, tell
from crmlib.lifecycle.clv.figures import group_name, tells_of_all, told_group, typical_error_saved
from crmlib.lifecycle.clv.groups import LOST, SURE, in_doubt, still_at_risk
from crmlib.lifecycle.clv.trust import FAILED_MISS, UNTESTED, Trust, better_rule, is_test, within
from crmlib.lifecycle.experiments import FEWEST_TO_COMPARE, draw_arms, enough_to_compare
from crmlib.statistics import bonferroni, standard_errors
from crmlib.words import Words, money

words = Words(__file__)

# With fewer one-time buyers, what rests on them is no finding.
FEWEST_ONE_TIME_BUYERS = 30
# With less than this share, the most valuable fifth is no group to be treated differently.
EVEN_SHARE = 0.3
# More customers than these nobody can look after one by one.
MOST_KNOWN_BY_NAME = 2000
# The part of a budget that is moved to try another one.
MOVED = 0.25


def finding_equity(
    equity: pd.DataFrame, margin: pd.DataFrame, *, customers: int, discount_rate: float, trust: Trust = UNTESTED
) -> Finding | None:
    """What today's customers will bring in the next 12 months, and each on average; informs. None if nothing.

    ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`; ``margin``: from
    :func:`~crmlib.lifecycle.clv.contribution_margin`; ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`. Names no money where the model is not to be trusted with it, and
    revenue where no margin is set.
    """
    by = equity.set_index("measure")
    if by.empty or not by.loc["customer_equity", "value"] > 0:
        return None
    worth, orders = by.loc["customer_equity"], by.loc["expected_orders"]
    values = {
        "customers": customers, "value": worth["value"], "value_low": worth["low"], "value_high": worth["high"],
        "each": worth["value"] / customers, "orders": orders["value"], "orders_low": orders["low"],
        "orders_high": orders["high"], "margin": margin["margin"].iloc[0], "rate": discount_rate, "verdict": trust.said,
    }  # fmt: skip
    told = "told" if trust.money else "untold"
    revenue = trust.money and values["margin"] == 1 and margin["source"].iloc[0] == "client"
    source = "revenue" if revenue else str(margin["source"].iloc[0])
    return tell(
        words, "equity", values, direction="neutral", headline="revenue" if revenue else told, evidence=told,
        certainty=source if trust.money else "untold", action=told,
    )  # fmt: skip


def finding_value_at_risk(equity: pd.DataFrame, values: pd.DataFrame, *, trust: Trust = UNTESTED) -> Finding | None:
    """With whom half of what is in doubt lies, to be asked in a test; None if nothing may be lost.

    None, too, where no money may be named: all in it is the model's, of which :func:`finding_equity` gives the verdict.
    ``values``: from :func:`~crmlib.lifecycle.clv.customer_values`; ``trust`` as for :func:`finding_equity`. Customers
    who are less than 5 % likely to be still there are lost, and left out. Those in doubt
    (:func:`~crmlib.lifecycle.clv.groups.in_doubt`), from the highest ``clv`` down until half of it is reached, are the
    finding's customers. It has no money: what a contact adds, no model of orders tells, only the test that it asks for.
    More than two thousand nobody calls: they are written to.
    Where the model cannot tell of those who bought once (BG/NBD), it is said that they are not in it.
    """
    by, whole = equity.set_index("measure"), float(values["value_at_risk"].sum())
    if by.empty or not trust.money or not (by.loc["value_at_risk", "value"] > 0 and whole > 0):
        return None
    risk, kept, doubtful = by.loc["value_at_risk"], still_at_risk(values), in_doubt(values)
    most = kept["value_at_risk"].sum()
    expected = doubtful["clv"].to_numpy(dtype=float)
    half = int(np.searchsorted(np.cumsum(expected), expected.sum() / 2)) + 1
    of_whom, chosen = "all" if tells_of_all(equity) else "back", doubtful.head(half)
    said: dict[str, Any] = {
        "risk": risk["value"], "risk_low": risk["low"], "risk_high": risk["high"], "lost": 1 - most / whole,
        "bound": LOST, "sure": SURE, "half": half, "doubtful": len(doubtful),
        "expected": expected[:half].sum(), "all_expected": expected.sum(),
        "gone": float((1 - chosen["p_alive"]).sum()), "weeks": float(np.floor(chosen["silence_weeks"].median())),
        "who": words.say(f"left.counted.{of_whom}"), "verdict": trust.said,
    }  # fmt: skip
    if not most > 0:
        return tell(
            words, "value_at_risk", said, direction="neutral", headline="lost", evidence=f"lost.{of_whom}",
            certainty="verdict", action="lost",
        )  # fmt: skip
    if trust.regular:
        return tell(
            words, "value_at_risk", said, direction="bad", headline="untold", evidence="untold", certainty="verdict",
            action="regular",
        )  # fmt: skip
    return tell(
        words, "value_at_risk", said, direction="bad", headline="call", evidence="call", certainty="call",
        action="call" if half <= MOST_KNOWN_BY_NAME else "write", owner="customer_management", when="week",
        plays=("win_back",), customers=_called(chosen),
    )  # fmt: skip


def _each(amount: float) -> str:
    """An amount for one customer in words, which may be less than one unit of money."""
    return money(amount, digits=0 if amount >= 10 else 2)


def _called(chosen: pd.DataFrame) -> pd.DataFrame:
    """Whom to ask: ``customer_id``, ``value`` (clv), ``arm`` (drawn by lot) and the ``reason`` in words."""
    known = pd.DataFrame({"weeks": chosen["silence_weeks"].astype(int), "p_alive": chosen["p_alive"].round(2)})
    said = {pair: words.say("left.reason", weeks=pair[0], p_alive=pair[1]) for pair in {*known.itertuples(False, None)}}
    reason = [said[pair] for pair in known.itertuples(False, None)]
    value = chosen["clv"].round(2)
    arms = draw_arms(chosen["customer_id"].astype(str))
    return pd.DataFrame({"customer_id": chosen["customer_id"], "value": value, "arm": arms, "reason": reason})


def finding_concentration(shares: pd.DataFrame, *, trust: Trust = UNTESTED) -> Finding | None:
    """How much of the future value the most valuable fifth holds; informs. None with fewer than ten customers.

    None, too, where no money may be named: the share is the model's.
    ``shares``: from :func:`~crmlib.lifecycle.clv.equity_shares` by
    :func:`~crmlib.lifecycle.clv.top_fifth`; ``trust`` as for :func:`finding_equity`.
    """
    top = shares[shares["group"].astype(bool)]
    if shares["customers"].sum() < 10 or top.empty or not (trust.money and top["equity"].iloc[0] > 0):
        return None
    one = top.iloc[0]
    few = one["customers"] <= MOST_KNOWN_BY_NAME
    action = "even" if one["share"] < EVEN_SHARE else "named" if few else "served"
    return tell(
        words, "concentration", one, direction="neutral", action=action, verdict=trust.said,
        plays=("core_care",) if action in ("named", "served") else (),
    )  # fmt: skip


def finding_one_time_buyers(
    shares: pd.DataFrame, *, trust: Trust = UNTESTED, equity: pd.DataFrame | None = None
) -> Finding | None:
    """How much of the equity rests on customers who bought once, and what the model knows of them; informs.

    ``shares``: from :func:`~crmlib.lifecycle.clv.equity_shares` by ``frequency == 0``; ``trust`` as for
    :func:`finding_equity`; ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`, to say how many of them are
    probably still there, or that the model cannot tell (BG/NBD); without it, nothing is said of that. None with fewer
    than 30 of them, and where no money may be named: their share is the model's.
    """
    once = shares[shares["group"].astype(bool)]
    if once.empty or once["customers"].iloc[0] < FEWEST_ONE_TIME_BUYERS:
        return None
    if not (trust.money and once["equity"].iloc[0] > 0):
        return None
    one = once.iloc[0]
    values = {
        **one, "people": one["customers"] / shares["customers"].sum(),
        "each": _each(one["equity"] / one["customers"]),
        "known": [*trust.said, *_who_of_them_left(equity, int(one["customers"]))],
    }  # fmt: skip
    return tell(words, "one_time_buyers", values, direction="neutral", plays=("second_order",))


def _who_of_them_left(equity: pd.DataFrame | None, once: int) -> list[str]:
    if equity is None:
        return []
    if not tells_of_all(equity):
        return [words.say("left.untold")]
    value = equity.set_index("measure")["value"]
    alive = float(value["alive"] - value["came_back_alive"])
    return [words.say("left.told", alive=alive, alive_share=alive / once)]


def finding_groups(table: pd.DataFrame, *, by: str = "channel", trust: Trust = UNTESTED) -> Finding | None:
    """The groups whose newcomers are worth most and least, if they surely differ; None with fewer than two.

    None, too, where no money may be named (``trust`` as for :func:`finding_equity`): there is nothing else in it.

    ``table``: from :func:`~crmlib.lifecycle.clv.first_year_by_group`, or from
    :func:`~crmlib.lifecycle.clv.value_by_group`. Where what it costs to win a customer is known of two groups or
    more, what is left after it is compared, and a sure difference asks for a decision about the budget of the least.
    The interval of the difference allows for having picked the best and the worst of all pairs (Bonferroni).
    """
    priced = "left_over" in table and table["left_over"].notna().sum() > 1
    worth, error = ("left_over", "left_error") if priced else ("new_customer_value", "new_error")
    known = table[table[worth].notna() & table[error].notna() & table[by].notna()].sort_values(
        worth, ascending=False, kind="stable"
    )
    if len(known) < 2 or not trust.money:
        return None
    best, worst = known.iloc[0], known.iloc[-1]
    pairs = len(known) * (len(known) - 1) // 2
    difference = float(best[worth] - worst[worth])
    width = standard_errors(bonferroni(pairs)) * float(np.hypot(best[error], worst[error]))
    values = {
        "difference": difference, "difference_low": difference - width, "difference_high": difference + width,
        "pairs": pairs, "moved": MOVED * worst["spent"] if priced else None,
    }  # fmt: skip
    for name, row in (("best", best), ("worst", worst)):
        values |= {f"{name}_value": row[worth], name: told_group(row[by], by), f"{name}_name": group_name(row[by], by)}
    said, of = "apart" if difference > width else "chance", "cost" if priced else "value"
    decides = said == "apart" and priced and worst["spent"] > 0
    in_a_quarter = decides and enough_to_compare(MOVED * worst["spent"] / 4, worst["cost_to_win"], best["cost_to_win"])
    return tell(
        words, "groups", values, direction="bad" if decides else "neutral", headline=said,
        evidence=f"apart.{of}" if said == "apart" else said, certainty=of,
        action="move" if in_a_quarter else "longer" if decides else said, least=FEWEST_TO_COMPARE,
        owner="marketing" if decides else "", when="quarter" if decides else "", money="moved" if decides else "",
        kind="moved" if decides else "",
    )  # fmt: skip


def finding_holdout(total: pd.DataFrame, baselines: pd.DataFrame, equity: pd.DataFrame | None = None) -> Finding | None:
    """Whether the model's forecast would have been right, and better than simple rules; informs.

    ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`; ``baselines``: from
    :func:`~crmlib.lifecycle.clv.baseline_comparison`, of the same model and holdout; ``equity``: to say what
    such a miss would mean in money. None without a holdout, or where fewer than 30 orders came and were expected.
    """
    if not is_test(total):
        return None
    one = total.iloc[0]
    rule, worse = better_rule(baselines)
    missed, chance = float(one["missed"]), within(total)
    better = bool(rule["saved_low"] > 0)
    failed = chance != "chance" and abs(missed) > FAILED_MISS
    values = {
        "customers": int(one["customers"]), "weeks": round(float(one["weeks"])), "missed": abs(missed),
        "expected": one["expected_orders"], "actual": one["actual_orders"], "low": one["expected_low"],
        "high": one["expected_high"], "top": baselines["top_fifth_share"].iloc[0],
        "saved_by_rule": 1 - 1 / (1 - typical_error_saved(rule["error_saved"])), "saved": _saved(rule),
    }  # fmt: skip
    if equity is not None and len(equity):
        values["reserve"] = abs(missed) * float(equity.set_index("measure").loc["customer_equity", "value"])
    if not one["actual_orders"] > 0:
        headline = "none"
    elif worse and not failed:
        headline = "rule"
    else:
        headline = "same" if round(abs(missed), 2) == 0 else "more" if missed > 0 else "fewer"
    # No advice may speak against the verdict: what failed is not planned with, and only a change is looked into.
    as_forecast = chance == "small" or (chance == "chance" and abs(missed) < FAILED_MISS)
    if failed:
        action = "failed"
    elif worse:
        action = "rule"
    else:
        totals = "use" if as_forecast else "reserve" if "reserve" in values else "rank"
        action = f"{'better' if better else 'alike'}.{totals}"
    return tell(
        words, "holdout", values, direction="bad" if worse or failed else "neutral", headline=headline,
        evidence=headline if headline in ("none", "rule") else "came", certainty=chance, action=action,
    )  # fmt: skip


def _saved(rule: Any) -> str:
    """Whose typical error is smaller, the model's or the rule's, in one sentence; percentages within ±100 %."""
    low, high = typical_error_saved(rule["saved_low"]), typical_error_saved(rule["saved_high"])
    if np.isinf(high):
        return words.say("saved.no_error")
    if low > 0:
        return words.say("saved.smaller", least=min(low, 1.0), most=min(high, 1.0))
    if high <= -1:
        return words.say("saved.twice")
    if high < 0:
        return words.say("saved.larger", least=min(-high, 1.0), most=min(-low, 1.0))
    return words.say("saved.apart")


def finding_contracts(equity: pd.DataFrame, *, term: str) -> Finding | None:
    """What the contracts that run today will still bring, and what a new one is worth; informs. None without.

    ``equity``: from :func:`~crmlib.lifecycle.clv.contract_equity` of the contracts of one ``term`` (month, quarter,
    year).
    """
    if equity.empty or not equity["value"].iloc[0] > 0:
        return None
    row = equity.iloc[0]
    return tell(
        words, "contracts", row, direction="neutral", each=row["value"] / max(row["contracts"], 1), term=term,
        certainty="range" if row["new_low"] < row["new_high"] else "sure",
    )  # fmt: skip
