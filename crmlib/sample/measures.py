"""The measures of the case, with effects that are known because they are put in here.

A measure adds single orders to people who would not have ordered in the outcome window; it does not bring
anyone back for good.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlib.sample.clock import DAYS, day_number, month_of
from crmlib.sample.parameters import AURORA
from crmlib.sample.streams import choose, stream
from crmlib.sample.tables import blank_unless


def starts(measure: str) -> dict[str, float]:
    """Day number on which a measure (gift, set, guide) starts in each shop; infinity where it never does."""
    column = f"{measure}_starts_on"
    begins = {code: getattr(shop, column) for code, shop in AURORA.shops.items()}
    return {code: day_number(day) if day else np.inf for code, day in begins.items()} | {"web": np.inf}


def _extra(effect: float, returns_anyway: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """Whom the measure moves: among those who would not return, just enough to add ``effect`` to the share of all."""
    share = effect / (1.0 - returns_anyway.mean())
    return ~returns_anyway & (random.random_sample(len(returns_anyway)) < share)


def first_order_gift(people: pd.DataFrame, orders: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Orders that the gift adds (person, at, kind), and per person whether the first order came with the gift."""
    rules = AURORA.first_order_gift
    second = orders[orders["k"] == 1].set_index("person")["at"].reindex(people.index)
    gifted = people["first"] >= people["home"].map(starts("gift"))
    quickly = ((second - people["first"]) <= rules.within_days).to_numpy()
    treated = np.flatnonzero(gifted)
    random = stream("measures", "gift")
    moved = treated[_extra(rules.effect, quickly[treated], random)]
    at = people["first"].to_numpy()[moved] + random.uniform(10, rules.within_days - 4, len(moved))
    return pd.DataFrame({"person": moved, "at": at, "kind": "gift"}), gifted


def win_back(people: pd.DataFrame, events: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders that the win-back offer adds, and its actions (person, arm, assigned, returns_anyway, moved)."""
    rules = AURORA.win_back
    shop_events = events[people["shop"].to_numpy()[events["person"]]]
    seen: set[int] = set()
    waves = []
    for month in rules.months:
        day = day_number(month) + 10 / 24
        past = shop_events[shop_events["at"] < day].groupby("person")["at"].max()
        longest = rules.silent_days + (185 if month == rules.months[0] else 31)
        silence = day - past
        silent = [p for p in silence[(silence > rules.silent_days) & (silence <= longest)].index if p not in seen]
        seen.update(silent)
        coming = shop_events[(shop_events["at"] >= day) & (shop_events["at"] < day + rules.within_days)]["person"]
        waves.append(pd.DataFrame({"person": silent, "assigned": day, "returns_anyway": np.isin(silent, coming)}))
    actions = pd.concat(waves, ignore_index=True)
    random = stream("measures", "win_back")
    actions["arm"] = np.where(random.random_sample(len(actions)) < rules.treated_share, "treat", "control")
    treated = np.flatnonzero(actions["arm"] == "treat")
    moved = treated[_extra(rules.effect, actions["returns_anyway"].to_numpy()[treated], random)]
    actions["moved"] = np.isin(np.arange(len(actions)), moved)
    at = actions["assigned"].to_numpy()[moved] + random.uniform(2, rules.within_days - 2, len(moved))
    return pd.DataFrame({"person": actions["person"].to_numpy()[moved], "at": at, "kind": "win_back"}), actions


def birthday_greetings(people: pd.DataFrame, profiles: pd.DataFrame) -> pd.DataFrame:
    """A randomised greeting at the birthday in 2025 for customers who are known by then: person, arm, assigned."""
    rules = AURORA.birthday_greeting
    birthday = profiles["birthday"].to_numpy(dtype=float)
    day = np.mod(birthday, 365.25) + day_number("2025-01-01")
    random = stream("measures", "birthday")
    chosen = np.isfinite(birthday) & (day < DAYS - 61) & (people["first"].to_numpy() < day)
    chosen &= random.random_sample(len(people)) < 0.6
    arm = np.where(random.random_sample(len(people)) < rules.treated_share, "treat", "control")
    return pd.DataFrame(
        {"person": np.flatnonzero(chosen), "arm": arm[chosen], "assigned": np.floor(day[chosen]) + 9 / 24}
    )


def actions_table(people: pd.DataFrame, won_back: pd.DataFrame, greetings: pd.DataFrame) -> pd.DataFrame:
    """The actions table; controls have no channel, no cost and nothing done."""
    offers, wishes = AURORA.win_back, AURORA.birthday_greeting
    table = pd.concat(
        [
            won_back.assign(play=offers.play, cost=offers.cost, days=7.0),
            greetings.assign(play=wishes.play, cost=wishes.cost, days=1.0),
        ],
        ignore_index=True,
    ).sort_values(["assigned", "play", "person"], ignore_index=True)
    random = stream("actions")
    treated = (table["arm"] == "treat").to_numpy()
    done = treated & (random.random_sample(len(table)) < 0.93)
    table["action_id"] = [f"A{number:05d}" for number in range(1, len(table) + 1)]
    table["customer_id"] = people["customer_id"].to_numpy()[table["person"]]
    table["assigned_at"] = table["assigned"]
    table["due_at"] = table["assigned"] + table["days"]
    table["done_at"] = np.where(done, table["assigned"] + random.uniform(0.05, 1.0, len(table)) * table["days"], np.nan)
    table["channel"] = blank_unless(treated, choose(random, ["wechat", "sms", "phone"], [0.6, 0.25, 0.15], len(table)))
    table["cost"] = np.where(done, table["cost"], 0.0)
    return table


def returned_within(orders: pd.DataFrame, actions: pd.DataFrame, days: int) -> np.ndarray:
    """Whether each action's customer has a paid order within ``days`` of the assignment."""
    paid = orders[orders["status"].isin(["paid", "open"])]
    pairs = actions.reset_index()[["index", "customer_id", "assigned_at"]].merge(
        paid[["customer_id", "at"]], on="customer_id"
    )
    hit = pairs[(pairs["at"] >= pairs["assigned_at"]) & (pairs["at"] < pairs["assigned_at"] + days)]["index"]
    return np.isin(actions.index.to_numpy(), hit.unique())


def second_order_table(people: pd.DataFrame, orders: pd.DataFrame, gifted: pd.Series) -> pd.DataFrame:
    """First paid orders in shops that can be followed for 90 days: shop, month, gift, second (within 90 days)."""
    days = AURORA.first_order_gift.within_days
    paid = orders[orders["status"].isin(["paid", "open"]) & (orders["person"] >= 0)].sort_values(["person", "at"])
    second = paid.groupby("person")["at"].nth(1)
    second.index = paid["person"].loc[second.index]
    table = pd.DataFrame(
        {
            "shop": people["home"],
            "month": month_of(people["first"].to_numpy()),
            "gift": gifted,
            "first": people["first"],
        }
    )
    table["second"] = (second.reindex(people.index) - people["first"]) <= days
    return table[(people["shop"]) & (people["first"] <= DAYS - days)]
