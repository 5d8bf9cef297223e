"""Surveys: who is asked, who answers, and what they say. The NPS score is an ordered logit on the items."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlib.sample.catalogue import catalogue
from crmlib.sample.clock import DAYS, day_number
from crmlib.sample.parameters import AURORA
from crmlib.sample.people import ITEMS
from crmlib.sample.streams import choose, stream

TIERS = ("none", "bronze", "silver", "gold", "platinum")

NEEDS = (
    "item_functional_result", "item_functional_safety", "item_functional_ease",
    "item_emotional_joy", "item_emotional_calm", "item_emotional_care",
    "item_social_recognition", "item_social_belonging", "item_social_trend",
)  # fmt: skip
NEED_GROUPS = {
    "functional": 0.45,
    "emotional": 0.35,
    "social": 0.20,
}  # shares of customers, by the need that leads


def nps_of(scores: np.ndarray) -> float:
    """Net promoter score: percentage of 9-10 minus percentage of 0-6."""
    return float(100 * (np.mean(scores >= 9) - np.mean(scores <= 6)))


def asked(people: pd.DataFrame, profiles: pd.DataFrame, orders: pd.DataFrame, tier_at: pd.DataFrame) -> pd.DataFrame:
    """Everyone asked for NPS, by customer and wave: person, wave, asked_at, channel, recency_days, tier (0-4)."""
    paid = orders[(orders["person"] >= 0) & orders["status"].isin(["paid", "open"])]
    reachable = profiles[["consent_wechat", "consent_email", "consent_sms"]].any(axis=1).to_numpy()
    waves = []
    for wave in AURORA.surveys.waves:
        day = float(day_number(wave))
        last = paid[paid["at"] < day].groupby("person")["at"].max()
        pool = last.index.to_numpy()[reachable[last.index.to_numpy()]]
        random = stream("surveys", "asked", wave)
        chosen = np.sort(random.permutation(pool)[: AURORA.surveys.asked_per_wave])
        waves.append(
            pd.DataFrame(
                {
                    "person": chosen,
                    "wave": wave,
                    "asked_at": day + (10 + 2 * random.random_sample(len(chosen))) / 24,
                    "recency_days": day - last.loc[chosen].to_numpy(),
                }
            )
        )
    table = pd.concat(waves, ignore_index=True)
    profile = profiles.iloc[table["person"].to_numpy()].reset_index(drop=True)
    table["channel"] = np.where(profile["consent_wechat"], "wechat", np.where(profile["consent_email"], "email", "sms"))
    table["tier"] = _tier_of(table, tier_at)
    return table


def _tier_of(table: pd.DataFrame, tier_at: pd.DataFrame) -> np.ndarray:
    """Tier index (0 = not a member) of each person when asked; ``tier_at`` has person, at, tier."""
    wanted = table[["person", "asked_at"]].reset_index().sort_values("asked_at", kind="stable")
    known = tier_at[["person", "at", "tier"]].sort_values("at", kind="stable")
    found = pd.merge_asof(wanted, known, left_on="asked_at", right_on="at", by="person").set_index("index").sort_index()
    return found["tier"].map({tier: n for n, tier in enumerate(TIERS)}).fillna(0).to_numpy(dtype=int)


def opinions(people: pd.DataFrame, asked_table: pd.DataFrame, tickets: pd.DataFrame) -> pd.DataFrame:
    """``asked_table`` with what each would say: items (1-5), score (0-10), whether they answer and their propensity."""
    rules, slump = AURORA.surveys, AURORA.complaints
    random = stream("surveys", "opinions")
    table, who = asked_table.copy(), people.iloc[asked_table["person"].to_numpy()].reset_index(drop=True)
    share = rules.item_customer_share
    noise = random.standard_normal((len(table), len(ITEMS)))
    waited = _recent_wait(table, tickets)
    index = np.zeros(len(table))
    for n, item in enumerate(ITEMS):
        lasting = who[item].to_numpy(dtype=float)
        if item == "wait":  # a wait just lived through outweighs the general impression
            lived = -(np.log(waited) - np.log(18.0)) / 1.1
            lasting = np.where(np.isfinite(lived), 0.3 * lasting + 0.9 * np.nan_to_num(lived), lasting)
        if item == "service":
            late = (who["home"] == slump.slump_shop) & (table["asked_at"] >= day_number(slump.slump_from))
            lasting = lasting + np.where(late, slump.slump_service, 0.0)
        latent = share * lasting + np.sqrt(1 - share**2) * noise[:, n] + who["appeal"].to_numpy()
        table[f"item_{item}"] = 1 + np.searchsorted(rules.item_cuts, latent)
        index += rules.coefficients[f"item_{item}"] * table[f"item_{item}"]
    uniform = random.random_sample(len(table)).clip(1e-12, 1 - 1e-12)
    table["score"] = np.searchsorted(rules.cuts, index + np.log(uniform / (1 - uniform)))
    standard = (index - index.mean()) / index.std()
    channel = who["channel"].map({name: c.response_shift for name, c in AURORA.channels.items()}).to_numpy(dtype=float)
    recency = table["recency_days"].to_numpy()
    logit = rules.response_base + rules.response_on_satisfaction * standard + channel
    logit += np.where(recency <= 90, rules.response_recent, np.where(recency > 180, rules.response_silent, 0.0))
    logit += rules.response_per_tier * np.maximum(table["tier"].to_numpy() - 1, 0)
    table["propensity"] = 1 / (1 + np.exp(-logit))
    table["answers"] = random.random_sample(len(table)) < table["propensity"]
    table["answered_at"] = table["asked_at"] + random.exponential(1.2, len(table)).clip(0.003, 9)
    return table


def _recent_wait(table: pd.DataFrame, tickets: pd.DataFrame) -> np.ndarray:
    """Minutes that the customer waited for the answer to the last ticket of the 120 days before; NaN without one."""
    wanted = table[["person", "asked_at"]].reset_index().sort_values("asked_at", kind="stable")
    known = tickets[["person", "opened_at", "wait_minutes"]].sort_values("opened_at", kind="stable")
    found = pd.merge_asof(wanted, known, left_on="asked_at", right_on="opened_at", by="person", tolerance=120.0)
    return found.set_index("index").sort_index()["wait_minutes"].to_numpy()


def _comments(table: pd.DataFrame, random: np.random.RandomState) -> list[str | None]:
    """Words that fit the score: detractors name their worst item, promoters their best, some the price or app."""
    count = len(table)
    speaks, chinese = random.random_sample(count) < 0.5, random.random_sample(count) < 0.65
    other, which, pick = random.random_sample(count), random.randint(0, 2, count), random.randint(0, 3, count)
    items = table[[f"item_{item}" for item in ITEMS]].to_numpy() + 0.01 * random.random_sample((count, len(ITEMS)))
    said = catalogue()["comments"]
    comments: list[str | None] = []
    for row, score in enumerate(table["score"].to_numpy()):
        if not speaks[row]:
            comments.append(None)
            continue
        praise = score >= 9 or (score >= 7 and items[row].max() >= 5)
        theme = ITEMS[int(items[row].argmax() if praise else items[row].argmin())]
        if other[row] < 0.22:
            theme = ("price", "app")[which[row]]
        language = "zh" if chinese[row] else "en"
        text = said[theme]["praise" if praise else "complaint"][language][pick[row]]
        if 7 <= score <= 8:  # the passive see both sides: their worst item comes second
            worst = ITEMS[int(items[row].argmin())]
            if worst != theme:
                text += {"zh": "，但是", "en": ", but: "}[language] + said[worst]["complaint"][language][pick[row]]
        comments.append(text)
    return comments


def surveys_table(
    people: pd.DataFrame, opinions_table: pd.DataFrame, orders: pd.DataFrame, tickets: pd.DataFrame
) -> pd.DataFrame:
    """All responses: nps, csat after visits, deliveries and tickets, ces after tickets, and the needs survey."""
    nps = opinions_table[opinions_table["answers"]].assign(kind="nps", touchpoint="relationship").reset_index(drop=True)
    nps["comment"] = _comments(nps, stream("surveys", "comments"))
    table = pd.concat([nps, _csat(people, orders), _after_tickets(tickets), _needs(people)], ignore_index=True)
    table = (
        table[table["answered_at"] < DAYS].sort_values(["answered_at", "person"], kind="stable").reset_index(drop=True)
    )
    table["customer_id"] = people["customer_id"].to_numpy()[table["person"].to_numpy(dtype=int)]
    table["response_id"] = [f"R{number:04d}" for number in range(1, len(table) + 1)]
    return table


def _csat(people: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    random = stream("surveys", "csat")
    paid = orders[(orders["person"] >= 0) & (orders["status"] == "paid")].sort_values("order_id", kind="stable")
    rated = paid[random.random_sample(len(paid)) < 0.09]
    who = people.iloc[rated["person"].to_numpy(dtype=int)]
    mood = 0.7 * who["satisfaction"].to_numpy() + who["appeal"].to_numpy() + 0.7 * random.standard_normal(len(rated))
    return pd.DataFrame(
        {
            "person": rated["person"].to_numpy(),
            "answered_at": rated["ordered_at"].to_numpy() + random.uniform(0.05, 2, len(rated)),
            "kind": "csat",
            "score": 1 + np.searchsorted([-2.0, -1.3, -0.5, 0.7], mood),
            "touchpoint": np.where(rated["channel"] == "store", "store_visit", "delivery"),
        }
    )


def _after_tickets(tickets: pd.DataFrame) -> pd.DataFrame:
    random = stream("surveys", "tickets")
    done = tickets[tickets["resolved_at"].notna()]
    chosen = done[random.random_sample(len(done)) < 0.25]
    answered = chosen["resolved_at"].to_numpy() + random.uniform(0.02, 1.5, len(chosen))
    ease = 5.4 - 0.8 * chosen["is_complaint"].to_numpy(dtype=float) - 0.6 * np.log(chosen["hours"].to_numpy() / 8)
    score = np.round(ease + 1.1 * random.standard_normal(len(chosen))).clip(1, 7)
    return pd.DataFrame(
        {
            "person": chosen["person"].to_numpy(),
            "answered_at": answered,
            "kind": "ces",
            "score": score,
            "touchpoint": "ticket",
        }
    )


def _needs(people: pd.DataFrame) -> pd.DataFrame:
    """900 answers on nine needs; each person belongs to a group whose three items lie 1.5 points above the others."""
    random = stream("surveys", "needs")
    known = np.flatnonzero(people["first"].to_numpy() < day_number("2025-09-01"))
    person = np.sort(random.permutation(known)[:900])
    group = choose(random, list(NEED_GROUPS), list(NEED_GROUPS.values()), len(person))
    answers = {
        need: np.round(
            2.6
            + 1.5 * np.array([need.startswith(f"item_{g}") for g in group])
            + 0.8 * random.standard_normal(len(person))
        ).clip(1, 5)
        for need in NEEDS
    }
    answered = day_number("2025-09-05") + random.uniform(0.4, 20, len(person))
    return pd.DataFrame(
        {"person": person, "answered_at": answered, "kind": "needs", "touchpoint": "needs_survey"} | answers
    )
