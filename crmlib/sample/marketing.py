"""Marketing: leads and their stages, prospects, spend per channel and month, touches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlib.sample.clock import DAYS, day_number, month_day, month_of, opening_hours
from crmlib.sample.measures import starts
from crmlib.sample.parameters import AURORA
from crmlib.sample.people import campaign_of
from crmlib.sample.streams import choose, stream

STAGES = ("new", "contacted", "skin_test", "offer", "won")
LOST_REASONS = {"price": 0.3, "no_reply": 0.35, "bought_elsewhere": 0.2, "not_now": 0.15}
STAGE_DAYS = (1.5, 4.0, 5.0)  # mean days in the stages new, contacted, skin_test


def leads(people: pd.DataFrame) -> pd.DataFrame:
    """Every lead, won or not: person (or NaN), created, stage times ``at_0`` … ``at_4`` (NaN if not reached), lost.

    Won leads are the buyers who came as one; of each channel as many others fail as its stage conversions say.
    """
    parts = []
    for name, channel in AURORA.channels.items():
        random = stream("leads", name)
        of_channel = people[people["channel"] == name]
        came = of_channel[random.random_sample(len(of_channel)) < channel.lead_share]
        conversion = float(np.prod(channel.stage_conversion))
        failed = int(random.negative_binomial(len(came), conversion))
        reach = np.concatenate([[1.0], np.cumprod(channel.stage_conversion)])
        stops = choose(random, [0, 1, 2, 3], list(reach[:-1] - reach[1:]), failed).astype(int)
        won_at = came["first"].to_numpy()
        gaps = random.exponential(1.0, (len(came), 4)) * [*STAGE_DAYS, 4.0]
        created = np.maximum(won_at - gaps.sum(axis=1), won_at - 60)
        created = np.where(created < 0, won_at * random.random_sample(len(came)), created)  # seen in the window only
        steps = created[:, None] + (won_at - created)[:, None] * np.cumsum(gaps, axis=1) / gaps.sum(axis=1)[:, None]
        won = pd.DataFrame({"person": came.index, "channel": name, "created": created, "stops": 4})
        for stage in range(1, 5):
            won[f"at_{stage}"] = steps[:, stage - 1] if stage < 4 else won_at
        like = of_channel["first"].to_numpy()[random.randint(0, len(of_channel), failed)]
        created = like - random.exponential(10.0, failed)
        created = np.where(created < 0, like * random.random_sample(failed), created)
        lost = pd.DataFrame({"person": np.nan, "channel": name, "created": created, "stops": stops})
        clock = created
        for stage in range(1, 4):
            clock = clock + random.exponential(STAGE_DAYS[stage - 1], failed)
            lost[f"at_{stage}"] = np.where(stops >= stage, clock, np.nan)
        lost["lost_at"] = clock + random.exponential(12.0, failed)
        lost["lost_reason"] = choose(random, list(LOST_REASONS), list(LOST_REASONS.values()), failed)
        parts += [won, lost]
    table = (
        pd.concat(parts, ignore_index=True)
        .sort_values(["created", "channel", "stops"], kind="stable")
        .reset_index(drop=True)
    )
    table["at_0"] = table["created"]
    table["lead_id"] = [f"L{number:05d}" for number in range(1, len(table) + 1)]
    return table


def prospects(lead_rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Leads that left their contact but never bought: customers without orders, some a buyer's second record."""
    random = stream("prospects")
    candidates = lead_rows.index[(lead_rows["stops"] >= 2) & (lead_rows["stops"] < 4)].to_numpy()
    count = AURORA.prospects + AURORA.duplicates
    chosen = np.sort(random.permutation(candidates)[:count])
    table = lead_rows.loc[chosen, ["lead_id", "channel", "created"]].reset_index(drop=True)
    table["customer_id"] = [f"C{number:05d}" for number in range(60001, 60001 + count)]
    table["first_seen_at"] = opening_hours(table["created"].to_numpy())
    table["campaign"] = campaign_of(table["channel"], table["created"], random)
    twins = random.permutation(len(people))[: AURORA.duplicates]
    table["twin"] = pd.Series(None, index=table.index, dtype=object)
    table.loc[np.sort(random.permutation(count)[: AURORA.duplicates]), "twin"] = people["customer_id"].to_numpy()[twins]
    return table


def leads_table(lead_rows: pd.DataFrame, people: pd.DataFrame, prospect_rows: pd.DataFrame) -> pd.DataFrame:
    """The leads table: the stage is the last entered in the window, ``lost`` where given up by then."""
    random = stream("leads", "table")
    table = lead_rows.copy()
    reached = np.column_stack([(table[f"at_{n}"] < DAYS).to_numpy() for n in range(5)]).sum(axis=1) - 1
    lost = (table["lost_at"] < DAYS).to_numpy()
    table["stage"] = np.where(lost, "lost", np.array(STAGES, dtype=object)[reached])
    table["lost_reason"] = table["lost_reason"].where(lost, None)
    buyer = table["person"].notna()
    identifier = pd.Series(None, index=table.index, dtype=object)
    identifier[buyer] = people["customer_id"].to_numpy()[table.loc[buyer, "person"].to_numpy(dtype=int)]
    known = table["lead_id"].map(prospect_rows.set_index("lead_id")["customer_id"])
    table["customer_id"] = identifier.where(buyer, known)
    table["created_at"] = opening_hours(table["created"].to_numpy())
    table["converted_at"] = np.where(buyer, opening_hours(table["at_4"].fillna(0).to_numpy()), np.nan)
    table["campaign"] = campaign_of(table["channel"], table["created"], random)
    table["owner"] = choose(random, ["Lin", "Zhou", "Berger", "Qiao"], None, len(table))
    return table


def lead_stages_table(lead_rows: pd.DataFrame) -> pd.DataFrame:
    """A row per lead and stage entered in the window, with ``lost`` as the last stage of a lead that was given up."""
    parts = [
        pd.DataFrame({"lead_id": lead_rows["lead_id"], "order": n, "stage": stage, "entered_at": lead_rows[f"at_{n}"]})
        for n, stage in enumerate(STAGES)
    ]
    parts.append(
        pd.DataFrame({"lead_id": lead_rows["lead_id"], "order": 5, "stage": "lost", "entered_at": lead_rows["lost_at"]})
    )
    table = pd.concat(parts, ignore_index=True)
    table = table[table["entered_at"] < DAYS].sort_values(["lead_id", "order"]).reset_index(drop=True)
    table["entered_at"] = opening_hours(table["entered_at"].to_numpy())
    return table


def spend_table(people: pd.DataFrame) -> pd.DataFrame:
    """Marketing cost per month, channel and campaign (CNY): cost per customer times customers won, with noise."""
    random = stream("spend")
    months = month_of(people["first"].to_numpy())
    rows = []
    for name, channel in AURORA.channels.items():
        won = np.bincount(months[people["channel"] == name], minlength=24)
        smooth = np.convolve(np.pad(won, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
        cost = channel.cost_per_customer * smooth * np.exp(0.12 * random.standard_normal(24) - 0.0072)
        for month in range(24):
            if won[month] == 0 and smooth[month] < 1:
                continue
            day = month_day(month)
            half = ("24h1", "24h2", "25h1", "25h2")[min(3, int(day / 182.75))]
            plain = name in ("walk_in", "referral")
            for variant, share in ((None, 1.0),) if plain else (("a", 0.6), ("b", 0.4)):
                label = None if variant is None else f"{name}_{half}_{variant}"
                rows.append((float(day), name, round(cost[month] * share, 2), label))
    return pd.DataFrame(rows, columns=["spent_on", "channel", "cost", "campaign"]).sort_values(
        ["spent_on", "channel", "cost"], ascending=[True, True, False], ignore_index=True
    )


_NEXT = {  # where the next contact before the first order comes from, given the channel that wins in the end
    "walk_in": ["walk_in", "social", "content"],
    "referral": ["referral", "social", "search"],
    "event": ["event", "social", "content"],
    "partner": ["partner", "event", "social"],
    "search": ["search", "content", "social"],
    "social": ["social", "content", "search"],
    "content": ["content", "social", "search"],
}
CAMPAIGN_DAYS = {
    "spring_24": "2024-03-05", "mid_year_24": "2024-06-10", "double_11_24": "2024-11-04", "new_year_25": "2025-01-10",
    "spring_25": "2025-03-04", "mid_year_25": "2025-06-09", "autumn_25": "2025-09-10", "double_11_25": "2025-11-03",
}  # fmt: skip


def touches_table(
    people: pd.DataFrame,
    profiles: pd.DataFrame,
    lead_rows: pd.DataFrame,
    prospect_rows: pd.DataFrame,
    asked: pd.DataFrame,
    orders: pd.DataFrame,
    events: pd.DataFrame,
    categories: list[list[str]],
    actions: pd.DataFrame,
) -> pd.DataFrame:
    """All touches: ways to the first order, campaigns, invitations, guides, carts, offers. None moves orders."""
    parts = [
        _ways(people, lead_rows, prospect_rows),
        _campaigns(people, profiles, events),
        _invitations(people, asked),
        _guides(orders, categories),
        _carts(people, orders),
        _offers(actions),
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table[(table["touched_at"] < DAYS) & (table["touched_at"] >= 0)]
    return table.sort_values(["touched_at", "customer_id", "kind"], kind="stable").reset_index(drop=True)


def _ways(people: pd.DataFrame, lead_rows: pd.DataFrame, prospect_rows: pd.DataFrame) -> pd.DataFrame:
    """Visits between the lead's creation and its end; the last one comes from the lead's channel."""
    random = stream("touches", "ways")
    rows = lead_rows.copy()
    rows["customer_id"] = rows["lead_id"].map(prospect_rows.set_index("lead_id")["customer_id"]).astype(object)
    buyer = rows["person"].notna()
    rows.loc[buyer, "customer_id"] = people["customer_id"].to_numpy()[rows.loc[buyer, "person"].to_numpy(dtype=int)]
    rows = rows[rows["customer_id"].notna()].reset_index(drop=True)
    end = rows["at_4"].fillna(rows["lost_at"]).to_numpy(dtype=float)
    number = 1 + random.poisson(0.9, len(rows)).clip(0, 4)
    lead = np.repeat(np.arange(len(rows)), number)
    start = rows["created"].to_numpy()
    at = start[lead] + random.random_sample(len(lead)) * 0.98 * (end - start)[lead]
    ways = pd.DataFrame({"lead": lead, "touched_at": at}).sort_values(["lead", "touched_at"]).reset_index(drop=True)
    own = rows["channel"].to_numpy()[ways["lead"]]
    pick = np.searchsorted([0.45, 0.75], random.random_sample(len(ways)))
    other = [_NEXT[channel][n] for channel, n in zip(own, pick, strict=True)]
    last = ~ways.duplicated("lead", keep="last")
    return pd.DataFrame(
        {
            "customer_id": rows["customer_id"].to_numpy()[ways["lead"]],
            "touched_at": ways["touched_at"],
            "channel": np.where(last, own, other),
            "kind": "visit",
        }
    )


def _campaigns(people: pd.DataFrame, profiles: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Mailings to those who agreed: sent, and for e-mail opened, clicked, unsubscribed; the active open more."""
    left = (
        events[events["leaves"].eq(True)].groupby("person")["at"].max().reindex(people.index).fillna(np.inf).to_numpy()
    )
    parts = []
    for name, day_text in CAMPAIGN_DAYS.items():
        random, day = stream("touches", name), day_number(day_text)
        known = np.flatnonzero(people["first"].to_numpy() < day)
        chosen = np.sort(random.permutation(known)[:850])
        email = profiles["consent_email"].to_numpy()[chosen] & profiles["email"].notna().to_numpy()[chosen]
        sms = profiles["consent_sms"].to_numpy()[chosen] & profiles["phone"].notna().to_numpy()[chosen] & ~email
        active = left[chosen] > day
        opened = email & (random.random_sample(len(chosen)) < np.where(active, 0.42, 0.18))
        clicked = opened & (random.random_sample(len(chosen)) < 0.25)
        stopped = email & (random.random_sample(len(chosen)) < np.where(active, 0.006, 0.02))
        sent_at = day + 10 / 24 + 0.05 * random.random_sample(len(chosen))
        delay = random.exponential(0.35, len(chosen))
        identifier = people["customer_id"].to_numpy()[chosen]
        steps = [
            (email, "email", "sent", 0.0, 0.02),
            (sms, "sms", "sent", 0.0, 0.06),
            (opened, "email", "opened", 1.0, 0.0),
            (clicked, "email", "clicked", 1.05, 0.0),
            (stopped, "email", "unsubscribe", 1.2, 0.0),
        ]
        for mask, channel, kind, lag, cost in steps:
            parts.append(
                pd.DataFrame(
                    {
                        "customer_id": identifier[mask],
                        "touched_at": (sent_at + lag * delay + 0.001 * lag)[mask],
                        "channel": channel,
                        "kind": kind,
                        "campaign": name,
                        "cost": cost,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _invitations(people: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """A ``survey_sent`` for everyone who was asked, whether they answered or not."""
    return pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[asked["person"]],
            "touched_at": asked["asked_at"],
            "channel": asked["channel"],
            "kind": "survey_sent",
            "campaign": "nps_" + asked["wave"].str[:7],
        }
    )


def _guides(orders: pd.DataFrame, categories: list[list[str]]) -> pd.DataFrame:
    """The after-sun guide goes out the day after a sunscreen order, in the shops that take part, since they do."""
    sun = np.array(["sunscreen" in basket for basket in categories])
    begins = orders["home"].map(starts("guide")).to_numpy()
    sent = orders[sun & (orders["at"].to_numpy() >= begins) & (orders["status"] == "paid") & (orders["person"] >= 0)]
    return pd.DataFrame(
        {
            "customer_id": sent["customer_id"],
            "touched_at": np.floor(sent["at"]) + 1 + 11 / 24,
            "channel": "wechat",
            "kind": "sent",
            "campaign": "after_sun_guide",
            "cost": 0.05,
        }
    )


def _carts(people: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Web shop carts: some are followed by the order within the hour, others are left behind."""
    random = stream("touches", "carts")
    web = orders[
        (orders["store"] == "web") & orders["customer_id"].notna() & (orders["person"] >= 0) & (orders["nth"] > 0)
    ]
    bought = web[random.random_sample(len(web)) < 0.45]
    left = web[random.random_sample(len(web)) < 0.35]
    times = [
        bought["ordered_at"] - random.uniform(0.003, 0.04, len(bought)),
        np.floor(left["ordered_at"]) - random.randint(1, 25, len(left)) + random.uniform(0.4, 0.95, len(left)),
    ]
    identifier = pd.concat([bought["customer_id"], left["customer_id"]])
    return pd.DataFrame(
        {
            "customer_id": identifier.to_numpy(),
            "touched_at": np.concatenate(times),
            "channel": "web",
            "kind": "cart",
        }
    )


def _offers(actions: pd.DataFrame) -> pd.DataFrame:
    """What the plays sent to their treated customers."""
    done = actions[actions["done_at"].notna()]
    return pd.DataFrame(
        {
            "customer_id": done["customer_id"],
            "touched_at": done["done_at"],
            "channel": done["channel"],
            "kind": np.where(done["channel"] == "phone", "call", "sent"),
            "campaign": done["play"],
            "cost": done["cost"],
        }
    )
