"""The whole brand, step by step: people, purchases, measures, products, service, surveys, marketing, truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib.sample import (
    marketing,
    measures,
    membership,
    people,
    products,
    purchases,
    service,
    surveys,
    truth,
)
from crmlib.sample.clock import opening_hours


def generate() -> tuple[dict[str, pd.DataFrame], dict[str, Any], pd.DataFrame]:
    """All contract tables (times in days since the first day), the ground truth, and the truth per buyer."""
    buyers = people.buyers()
    profiles = people.profiles(len(buyers), 10001, "buyers")
    base = purchases.simulate(buyers)
    gift_orders, gifted = measures.first_order_gift(buyers, base)
    events = pd.concat([base.assign(kind="base"), gift_orders], ignore_index=True)
    won_back, silent = measures.win_back(buyers, events)
    events = pd.concat([events, won_back], ignore_index=True)

    orders = products.priced(purchases.visible_orders(buyers, events))
    categories = products.baskets(orders)
    lines = products.lines(orders, categories)
    greetings = measures.birthday_greetings(buyers, profiles)
    actions = measures.actions_table(buyers, silent, greetings)

    tickets = service.tickets(buyers, orders)
    points = membership.loyalty(buyers, orders)
    asked = surveys.asked(buyers, profiles, orders, points)
    opinions = surveys.opinions(buyers, asked, tickets)
    boxes = membership.subscriptions(buyers)

    lead_rows = marketing.leads(buyers)
    prospects = marketing.prospects(lead_rows, buyers)
    lead_table = marketing.leads_table(lead_rows, buyers, prospects)
    spend = marketing.spend_table(buyers)
    created = lead_rows[lead_rows["person"].notna()].set_index("person")["created"]
    first_seen = pd.Series(opening_hours(created.reindex(buyers.index).fillna(buyers["first"]).to_numpy()))

    by_time = orders.sort_values("order_id", kind="stable")
    tables = {
        "customers": people.customers(buyers, prospects, membership.current_tiers(points), first_seen),
        "orders": by_time,
        "order_lines": lines.sort_values("order_id", kind="stable"),
        "leads": lead_table,
        "lead_stages": marketing.lead_stages_table(lead_rows),
        "spend": spend,
        "touches": marketing.touches_table(
            buyers, profiles, lead_rows, prospects, asked, orders, events, categories, actions
        ),
        "surveys": surveys.surveys_table(buyers, opinions, orders, tickets),
        "tickets": tickets,
        "usage": membership.usage(buyers, base),
        "subscriptions": boxes,
        "loyalty": points,
        "actions": actions,
    }
    facts = {
        "window": truth.window(),
        "customer_base": truth.customer_base(buyers, events, base),
        "measures": truth.measure_effects(buyers, orders, categories, gifted, gift_orders, silent, actions),
        "complaints": truth.complaint_truth(buyers, base, tickets),
        "surveys": truth.survey_truth(buyers, opinions),
        "refill_box": truth.subscription_truth(boxes),
        "acquisition": truth.acquisition_truth(lead_table, buyers, spend),
        "identities": {
            "about": "Buyers' second records among the prospects (id of the record: id of the buyer).",
            "duplicates": prospects.dropna(subset=["twin"]).set_index("customer_id")["twin"].to_dict(),
            "prospects_without_orders": len(prospects),
            "test_customers": 6,
            "guest_orders": int(np.sum(orders["kind"] == "guest")),
            "orders_of_unknown_customers": int(np.sum(orders["kind"] == "unknown")),
        },
    }
    return tables, truth.rounded(facts), truth.customer_truth(buyers, base)
