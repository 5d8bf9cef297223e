"""Tickets: complaints that follow orders (their resolution time is part of the purchase process) and other requests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib.sample.catalogue import catalogue
from crmlib.sample.clock import DAYS, day_number
from crmlib.sample.parameters import AURORA
from crmlib.sample.streams import choose, stream
from crmlib.sample.tables import blank_unless


def _wait_factor(home: np.ndarray, opened: np.ndarray) -> np.ndarray:
    """Relative waiting time: by the shop's quality of waiting, and longer in the slump shop since its slump."""
    rules = AURORA.complaints
    quality = (
        pd.Series(home).map({code: shop.wait for code, shop in AURORA.shops.items()}).fillna(0.0).to_numpy(dtype=float)
    )
    slump = (home == rules.slump_shop) & (opened >= day_number(rules.slump_from))
    return np.exp(-0.6 * quality) * np.where(slump, rules.slump_factor, 1.0)


def _reasons(random: np.random.RandomState, entries: dict[str, Any], count: int) -> np.ndarray:
    return choose(random, list(entries), [entry["frequency"] for entry in entries.values()], count)


def _one(options: list[str], uniform: float) -> str:
    return options[int(uniform * len(options))]


def tickets(people: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """All tickets opened in the window. Still open at its end: no resolution; not yet answered: no first response.

    ``orders`` is the visible orders with person, at, and for complaints resolution_hours (NaN otherwise).
    """
    random = stream("tickets")
    ours = orders[(orders["person"] >= 0) & orders["status"].isin(["paid", "open"])].sort_values(["person", "at"])
    complaints = ours[ours["resolution_hours"].notna()]
    requests = ours[random.random_sample(len(ours)) < 0.11]
    table = pd.concat([complaints.assign(is_complaint=True), requests.assign(is_complaint=False)], ignore_index=True)[
        ["person", "at", "home", "is_complaint", "resolution_hours"]
    ]
    count = len(table)
    complaint = table["is_complaint"].to_numpy()
    hour = random.uniform(8.0, 23.5, count) / 24
    table["opened_at"] = (
        np.floor(table["at"] + np.where(complaint, random.uniform(0.6, 6, count), random.uniform(1, 40, count))) + hour
    )
    table = table[table["opened_at"] < DAYS].sort_values(["opened_at", "person"]).reset_index(drop=True)
    count, complaint, opened = len(table), table["is_complaint"].to_numpy(), table["opened_at"].to_numpy()
    factor = _wait_factor(table["home"].to_numpy(), opened)
    response = 18.0 * np.exp(1.1 * random.standard_normal(count)) * factor / 1440
    other = 6.0 * np.exp(1.0 * random.standard_normal(count)) * factor
    stuck = random.random_sample(count) < AURORA.complaints.stuck_share
    other = np.where(stuck, random.exponential(24 * AURORA.complaints.stuck_mean_days, count), other)
    hours = np.where(complaint, table["resolution_hours"], other)
    forgotten = stuck & ~complaint & (random.random_sample(count) < 0.5)
    response = np.where(forgotten, 0.7 * hours / 24, np.minimum(response, 0.8 * hours / 24))
    table["wait_minutes"] = response * 1440
    table["first_response_at"] = np.where(opened + response < DAYS, opened + response, np.nan)
    resolved = opened + hours / 24 < DAYS
    table["resolved_at"] = np.where(resolved, opened + hours / 24, np.nan)
    table["hours"] = hours
    written = catalogue()
    table["reason"] = np.where(
        complaint, _reasons(random, written["complaints"], count), _reasons(random, written["requests"], count)
    )
    entries = written["complaints"] | written["requests"]
    table["category"] = table["reason"].map({reason: entry["category"] for reason, entry in entries.items()})
    language = np.where(random.random_sample(count) < 0.65, "zh", "en")
    table["text"] = [
        _one(written["frames"][tongue], frame).format(_one(entries[reason][tongue], pick))
        for reason, tongue, frame, pick in zip(
            table["reason"], language, random.random_sample(count), random.random_sample(count), strict=True
        )
    ]
    urgent = table["reason"].isin(["skin_reaction", "product_quality"])
    table["priority"] = np.where(
        urgent, "high", np.where(complaint, "normal", choose(random, ["normal", "low"], [0.6, 0.4], count))
    )
    shop = table["home"] != "web"
    table["channel"] = np.where(
        shop & (random.random_sample(count) < 0.35),
        "store",
        choose(random, ["wechat", "phone", "email", "app"], [5, 2.5, 1, 1.5], count),
    )
    kind = np.where(
        complaint,
        choose(random, ["refund", "replacement", "apology", "voucher"], [3, 3, 2, 2], count),
        choose(random, ["answered", "booked", "forwarded"], [6, 3, 1], count),
    )
    table["resolution"] = blank_unless(resolved, kind)
    mood = 3.9 - 0.75 * complaint - 0.45 * (np.log(hours) - np.log(12)) + 0.9 * random.standard_normal(count)
    rated = resolved & (random.random_sample(count) < 0.38)
    table["csat"] = np.where(rated, np.round(mood).clip(1, 5), np.nan)
    again = resolved & (random.random_sample(count) < np.where(complaint, 0.09, 0.03))
    table["reopened"] = pd.Series(again, dtype=object).where(resolved, None)
    table["is_complaint"] = complaint
    table["customer_id"] = people["customer_id"].to_numpy()[table["person"]]
    table["ticket_id"] = [f"T{number:04d}" for number in range(1, count + 1)]
    return table
