"""The members' club, the refill box and the app: points and tiers, subscriptions, usage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlib.sample.clock import DAYS, month_day, month_of, opening_hours
from crmlib.sample.parameters import AURORA
from crmlib.sample.streams import choose, stream

REDEEM_STEP = 50
PLANS = {"refill box S": 99.0, "refill box L": 169.0}
FEATURES = {
    "skin_test": (0.25, 6),
    "tutorial": (0.3, 9),
    "booking": (0.2, 3),
    "shop": (0.2, 7),
    "ai_mirror": (0.05, 5),
}


def members(people: pd.DataFrame) -> np.ndarray:
    """Who joins the club: the likelier, the more often they buy (self-selection; membership has no effect)."""
    rules = AURORA.loyalty
    log_rate = np.log(people["rate"].to_numpy().clip(1e-4))
    logit = rules.join_base + rules.join_per_log_rate * (log_rate - np.median(log_rate))
    return stream("loyalty", "join").random_sample(len(people)) < 1 / (1 + np.exp(-logit))


def loyalty(people: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Points earned and redeemed with each paid order of a member; the tier follows from all points ever earned."""
    random, rules = stream("loyalty", "points"), AURORA.loyalty
    joined = members(people)
    paid = orders[(orders["person"] >= 0) & (orders["status"] == "paid")].sort_values(["person", "ordered_at"])
    paid = paid[joined[paid["person"].to_numpy(dtype=int)]]
    table = paid[["person", "customer_id", "ordered_at"]].rename(columns={"ordered_at": "at"}).reset_index(drop=True)
    table["points_earned"] = np.floor(paid["amount"].to_numpy() * rules.points_per_yuan).astype(int)
    earned = table.groupby("person")["points_earned"].cumsum().to_numpy()
    names, bounds = list(rules.tiers), list(rules.tiers.values())
    table["tier"] = np.array(names, dtype=object)[np.searchsorted(bounds, earned, side="right") - 1]
    wishes = random.random_sample(len(table)) < 0.25
    table["points_redeemed"] = _redeemed(table, wishes)
    return table.sort_values(["at", "customer_id"], kind="stable").reset_index(drop=True)


def _redeemed(table: pd.DataFrame, wishes: np.ndarray) -> list[int]:
    """Points redeemed with each order: whole steps out of the balance that stood before the order."""
    balance, before, result = 0, -1, []
    for person, earned, wish in zip(table["person"], table["points_earned"], wishes, strict=True):
        balance = 0 if person != before else balance
        before = person
        spent = balance // REDEEM_STEP * REDEEM_STEP if wish else 0
        balance += earned - spent
        result.append(spent)
    return result


def current_tiers(points: pd.DataFrame) -> pd.Series:
    """Tier at the end of the window, by customer_id; members only."""
    return points.groupby("customer_id")["tier"].last()


def subscriptions(people: pd.DataFrame) -> pd.DataFrame:
    """Refill boxes, monthly; ``periods`` is the lifetime in months, unseen where it outlasts the window."""
    random, rules = stream("subscriptions"), AURORA.refill_box
    early = np.flatnonzero(people["first"].to_numpy() < DAYS - 70)
    person = np.sort(random.permutation(early)[: rules.subscribers])
    first = people["first"].to_numpy()[person]
    start = first + 3 + random.beta(1.0, 3.0, len(person)) * (DAYS - 40 - first - 3)
    month = month_of(start)
    day = np.array([1, 8, 15, 22])[random.randint(0, 4, len(person))]
    started = np.array([month_day(m) for m in month]) + day - 1
    late = started < first  # the anchor day lies before the first order: begin a month later
    month, started = (
        month + late,
        np.where(late, np.array([month_day(m + 1) for m in month]) + day - 1, started),
    )
    leave = random.beta(rules.alpha, rules.beta, len(person)).clip(1e-6, 1 - 1e-6)
    periods = 1 + np.floor(np.log(random.random_sample(len(person))) / np.log1p(-leave))
    periods = periods.clip(1, 600).astype(int)
    ended = np.array([month_day(m + n) + d - 1 for m, n, d in zip(month, periods, day, strict=True)])
    plan = choose(random, list(PLANS), [0.65, 0.35], len(person))
    table = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[person],
            "started_at": started.astype(float),
            "ended_at": np.where(ended < DAYS, ended, np.nan),
            "plan": plan,
            "price": [PLANS[name] for name in plan],
            "period": "month",
            "periods": periods,
        }
    )
    return table.sort_values(["started_at", "customer_id"], kind="stable").reset_index(drop=True)


def usage(people: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """App sessions of app users, from the first order until a few weeks after they have left."""
    random = stream("usage")
    left = events[events["leaves"].eq(True)].groupby("person")["at"].max().reindex(people.index).fillna(np.inf)
    until = np.minimum(left.to_numpy() + 20, DAYS)
    first = people["first"].to_numpy()
    span = np.where(people["app_user"], (until - first).clip(0), 0.0)
    pace = (
        1 / 75 * random.gamma(1.5, 1 / 1.5, len(people)) * (0.5 + people["rate"].to_numpy() / people["rate"].mean() / 2)
    )
    person = np.repeat(np.arange(len(people)), random.poisson(span * pace))
    used = first[person] + random.random_sample(len(person)) * span[person]
    feature = choose(random, list(FEATURES), [share for share, _ in FEATURES.values()], len(person))
    typical = np.array([FEATURES[name][1] for name in feature], dtype=float)
    table = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[person],
            "used_at": opening_hours(used),
            "feature": feature,
            "quantity": 1 + random.poisson(0.3, len(person)),
            "minutes": np.ceil(typical * random.gamma(2.0, 0.5, len(person))),
        }
    )
    return table[table["used_at"] < DAYS].sort_values(["used_at", "customer_id"], kind="stable").reset_index(drop=True)
