"""How each measure is asked: ``ASKED[name](t)`` on the tables ``t`` of one engine.

``find`` (see :mod:`tests.spark.finding`) finds the measures by itself: one that is missing here fails a test.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np

from crmlib import answers as survey_answers
from crmlib import newcomers, purchases, subscriptions
from crmlib.chapter import lists
from crmlib.contract import TABLES
from crmlib.engine import empty_table, open_table, to_pandas
from crmlib.lifecycle import (
    acquisition,
    churn,
    clv,
    customer_data,
    experiments,
    growth,
    nps,
    retention,
    scorecard,
    segmentation,
)
from crmlib.lifecycle.churn.model import BuyingModel
from crmlib.models import BetaGeoNBD, GammaGamma

AS_OF = dt.date(2025, 12, 31)
EARLIER = dt.date(2025, 6, 30)
DAY = {"as_of": AS_OF}
ACCOUNT = {
    "tables": {
        "orders": {"read": 9, "quarantined": 1, "sums": {"amount": {"read": 9.0, "accepted": 8.0, "quarantined": 1.0}}}
    }
}


def rollout(t: Any) -> growth.Rollout:
    """A measure that one of two shops has begun."""
    stores = {"S1": dt.date(2025, 3, 1), "S2": None}
    return growth.Rollout(name="own", item=t.item, other=t.other, stores=stores)


PARTS = {"starts": dt.date(2024, 1, 1), "changes": dt.date(2025, 1, 1), "as_of": AS_OF, "begins": dt.date(2023, 1, 1)}


class Tables:
    """The contract's tables of one engine, and what several measures start from, asked for once."""

    def __init__(self, connection: Any, folder: Any, timezone: str) -> None:
        self.connection, self.folder, self.timezone = connection, folder, timezone
        self.known: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name in TABLES:
            file, until = self.folder / f"{name}.parquet", AS_OF.isoformat()
            if not file.exists():
                return empty_table(self.connection, name, TABLES[name].kinds)
            return open_table(
                self.connection, file, name=name, timezone=self.timezone, until=until, time=TABLES[name].time
            )
        if name not in self.known:
            self.known[name] = SHARED[name](self)
        return self.known[name]


SHARED: dict[str, Callable[[Any], Any]] = {
    # Parameters of their own: what is fitted would be as equal as the summaries are.
    "model": lambda t: BetaGeoNBD(r=0.5, alpha=6.0, a=0.8, b=2.5),
    "fitted": lambda t: {"orders_model": t.model, "spend_model": GammaGamma(p=6.25, q=3.74, v=15.44)},
    "in_stages": lambda t: to_pandas(acquisition.stage_times(t.leads, t.lead_stages, **DAY)),
    "paths": lambda t: acquisition.paths(t.touches, t.orders, **DAY, window=400),
    "start": lambda t: newcomers.customers_start(t.orders, t.customers, **DAY),
    "earlier": lambda t: newcomers.earlier_customers(t.orders, t.customers, start=t.start, **DAY),
    "activity": lambda t: segmentation.customer_activity(t.orders, t.customers, **DAY, earlier=t.earlier),
    "rhythm": lambda t: segmentation.purchase_rhythm(t.orders, **DAY),
    "lines": lambda t: segmentation.thresholds(t.activity, t.rhythm),
    "cuts": lambda t: segmentation.cut_points(t.activity),
    "scored": lambda t: segmentation.rfm_scores(t.activity, t.cuts),
    "segmented": lambda t: segmentation.segments(t.scored, t.lines),
    "then": lambda t: segmentation.earlier_segments(t.orders, t.customers, t.lines, on=EARLIER, earlier=t.earlier),
    "bound": lambda t: segmentation.under_contract(t.subscriptions, **DAY),
    "answered": lambda t: survey_answers.answers(t.surveys, **DAY),
    "described": lambda t: nps.with_traits(t.answered, customers=t.customers, orders=t.orders, tickets=t.tickets),
    "asked": lambda t: nps.requests(
        t.touches, t.answered, **DAY, customers=t.customers, orders=t.orders, loyalty=t.loyalty
    ),
    "standing": lambda t: nps.standing(t.described, t.orders, **DAY),
    "held": lambda t: growth.baskets(t.order_lines, t.orders, **DAY, item="category"),
    "item": lambda t: max([*growth.item_names(t.order_lines).to_pandas()["item"], ""]),
    "other": lambda t: min([*growth.item_names(t.order_lines).to_pandas()["item"], ""]),
    "chances": lambda t: growth.attachable(t.held, item=t.item, other=t.other),
    "rhythms": lambda t: growth.replenishment(t.held, **DAY),
    "second": lambda t: retention.second_orders(t.orders, t.customers, **DAY, earlier=t.earlier),
    "summary": lambda t: clv.summary(t.orders, **DAY),
    "past": lambda t: clv.summary(t.orders, **DAY, calibration_end=dt.date(2025, 3, 31)),
    "events": lambda t: customer_data.events({name: getattr(t, name) for name in TABLES}, **DAY),
    "split": lambda t: customer_data.split_customers(t.orders, share=0.3, **DAY),
    "values": lambda t: clv.customer_values(t.summary, **t.fitted),
    "moments": lambda t: churn.moments(t.orders, as_of=EARLIER),
    "features": lambda t: churn.features(
        t.moments, t.orders, t.tickets, t.surveys, t.order_lines, t.subscriptions, sla_hours=12
    ),
    "buying": lambda t: BuyingModel(
        ("overdue", "purchases", "waited"), np.array([-1.0, -0.2, 0.8, -0.5]), np.eye(4) / 100, {}, 100, 90
    ),
    "risks": lambda t: churn.customer_risks(
        churn.with_risk(t.features, t.buying), t.orders, as_of=EARLIER, silent_after=300, margin=0.4
    ),
    "complained": lambda t: churn.complaint_outcomes(t.orders, t.tickets, **DAY, within=60, margin=0.4),
    "silent": lambda t: churn.silent_customers(t.orders, t.actions, t.tickets, **DAY, silent_after=30),
    "effects": lambda t: experiments.play_effect(t.actions, t.orders, within_days=60, **DAY),
}


ASKED: dict[str, Callable[[Any], Any]] = {
    "purchases.after_refunds": lambda t: t.orders.select("order_id", left=purchases.after_refunds(t.orders)),
    "purchases.contribution": lambda t: (
        lambda each: each.select("customer_id", left=purchases.contribution(each, margin=0.4))
    )(purchases.purchases(t.orders, keep=("cost",))),
    "purchases.data_begin": lambda t: purchases.data_begin(t.orders, **DAY),
    "purchases.every_so_many": lambda t: purchases.every_so_many(t.orders, **DAY, most=3)[1],
    "purchases.history_days": lambda t: purchases.history_days(t.orders, **DAY),
    "purchases.plain_times": lambda t: purchases.plain_times(t.orders),
    "purchases.purchase_days": lambda t: purchases.purchase_days(t.orders, as_of=EARLIER),
    "purchases.purchases": lambda t: purchases.purchases(
        t.orders, as_of=EARLIER, free_orders="count", guests=True, keep=("store", "cost")
    ),
    "purchases.status_of": lambda t: t.orders.select("order_id", status=purchases.status_of(t.orders)),
    "answers.answers": lambda t: survey_answers.answers(t.surveys, **DAY, days=365),
    "answers.respondent": lambda t: t.surveys.select("response_id", who=survey_answers.respondent(t.surveys)),
    "answers.tally": lambda t: survey_answers.tally(t.answered, by=["touchpoint"]),
    "newcomers.customers_start": lambda t: newcomers.customers_start(t.orders, t.customers, **DAY),
    "newcomers.earlier_customers": lambda t: newcomers.earlier_customers(
        t.orders, t.customers, start=newcomers.customers_start(t.orders, **DAY, said="before_data"), **DAY
    ),
    "newcomers.silences": lambda t: newcomers.silences(t.orders, **DAY, begin=dt.date(2023, 1, 1)),
    "subscriptions.contracts": lambda t: subscriptions.contracts(t.subscriptions, **DAY),
    "subscriptions.paid_contracts": lambda t: subscriptions.paid_contracts(t.subscriptions, **DAY),
    "subscriptions.renewals_due": lambda t: subscriptions.renewals_due(
        subscriptions.unbroken(t.subscriptions, **DAY), **DAY, months=1
    ),
    "subscriptions.unbroken": lambda t: subscriptions.unbroken(t.subscriptions, **DAY),
    "lists.call_list": lambda t: lists.call_list(
        people(["C1", "C2", "C200"]), orders=t.orders, customers=t.customers, **DAY
    ),
    "experiments.play_effect": lambda t: experiments.play_effect(t.actions, t.orders, within_days=60, **DAY),
    "experiments.second_order_outcomes": lambda t: experiments.second_order_outcomes(t.orders, **DAY, within_days=60),
    "churn.average_gap": lambda t: churn.average_gap(t.orders, **DAY),
    "churn.bought_again": lambda t: churn.bought_again(t.orders, since=EARLIER, within=60),
    "churn.complaint_outcomes": lambda t: t.complained,
    "churn.cox_model": lambda t: churn.cox_model(churn.return_spells(t.orders, t.tickets, **DAY)),
    "churn.customer_risks": lambda t: t.risks,
    "churn.effect_by_risk": lambda t: churn.effect_by_risk(
        t.actions, t.orders, t.buying, effects=t.effects, within_days=60, **DAY
    ),
    "churn.features": lambda t: t.features,
    "churn.fit_model": lambda t: churn.fit_model(churn.with_outcomes(t.features, t.orders, within=90), within=90),
    "churn.judge": lambda t: churn.judge(*[churn.with_outcomes(t.features, t.orders, within=90)] * 2)[0],
    "churn.moments": lambda t: t.moments,
    "churn.recurring_movements": lambda t: churn.recurring_movements(t.subscriptions, **DAY),
    "churn.return_hazard": lambda t: churn.return_hazard(t.orders, **DAY),
    "churn.return_spells": lambda t: churn.return_spells(t.orders, t.tickets, **DAY),
    "churn.revenue_retention": lambda t: churn.revenue_retention(t.subscriptions, **DAY, months=6),
    "churn.risk_by_value": lambda t: churn.risk_by_value(t.risks),
    "churn.silence_on": lambda t: churn.silence_on(t.orders, as_of=EARLIER, active_within=300),
    "churn.silence_rules": lambda t: churn.silence_rules(t.orders, **DAY),
    "churn.silent_customers": lambda t: t.silent,
    "churn.slow_complaints": lambda t: churn.slow_complaints(t.complained, **DAY),
    "churn.waiting_for_amends": lambda t: churn.waiting_for_amends(t.complained, t.orders, **DAY, days=400),
    "churn.warned_customers": lambda t: churn.warned_customers(t.risks),
    "churn.win_back_rates": lambda t: churn.win_back_rates(t.silent, by="known"),
    "churn.with_outcomes": lambda t: churn.with_outcomes(t.features, t.orders, within=90),
    "churn.with_risk": lambda t: churn.with_risk(t.features, t.buying),
    "clv.baseline_comparison": lambda t: clv.baseline_comparison(t.past, [t.model]),
    "clv.calibration_by_decile": lambda t: clv.calibration_by_decile(t.past, t.model),
    "clv.calibration_end": lambda t: clv.calibration_end(t.orders, **DAY),
    "clv.compare": lambda t: clv.compare([t.model], t.past).why,
    "clv.contribution_margin": lambda t: clv.contribution_margin(t.orders, **DAY, fallback=0.4),
    "clv.customer_equity": lambda t: clv.customer_equity(t.summary, **t.fitted, draws=20),
    "clv.customer_values": lambda t: t.values,
    "clv.equity_on": lambda t: clv.equity_on(t.orders, days=[EARLIER]),
    "clv.equity_shares": lambda t: clv.equity_shares(
        t.summary, ["a"] * t.summary.count().execute(), **t.fitted, draws=20
    ),
    "clv.find_season": lambda t: clv.find_season(t.orders, **DAY),
    "clv.first_year_by_group": lambda t: clv.first_year_by_group(
        clv.value_by_group(t.summary, t.customers, draws=10),
        orders=t.orders,
        customers=t.customers,
        spend=t.spend,
        **DAY,
        start=t.start,
        earlier=t.earlier,
    ),
    "clv.held_out": lambda t: clv.held_out(t.orders, **DAY),
    "clv.holdout_comparison": lambda t: clv.holdout_comparison(t.past, t.model),
    "clv.holdout_total": lambda t: clv.holdout_total(t.past, t.model),
    "clv.lift": lambda t: clv.lift(t.past, [t.model]),
    "clv.model_choice": lambda t: clv.model_choice(t.orders, **DAY).why,
    "clv.opportunities": lambda t: clv.opportunities(t.orders, **DAY),
    "clv.predict": lambda t: clv.predict(t.summary, **t.fitted, draws=20),
    "clv.regularity": lambda t: clv.regularity(t.orders, **DAY),
    "clv.summary": lambda t: t.past,
    "clv.summary_account": lambda t: clv.summary_account(t.orders, **DAY, calibration_end=EARLIER),
    "clv.tracking": lambda t: clv.tracking(t.orders, t.model, **DAY, calibration_end=EARLIER),
    "clv.value_at_risk": lambda t: clv.value_at_risk(t.summary, **t.fitted),
    "clv.value_by_group": lambda t: clv.value_by_group(t.summary, t.customers, draws=10),
    "customer_data.amount_bridge": lambda t: customer_data.amount_bridge(t.orders, ACCOUNT),
    "customer_data.best_known": lambda t: customer_data.best_known(t.events),
    "customer_data.buyers_of_the_year": lambda t: customer_data.buyers_of_the_year(
        t.orders, t.customers, **DAY, keep=("region",)
    ),
    "customer_data.consents": lambda t: customer_data.consents(t.customers, t.orders, **DAY),
    "customer_data.events": lambda t: t.events,
    "customer_data.known_from": lambda t: customer_data.known_from(t.events),
    "customer_data.merged_orders": lambda t: customer_data.merged_orders(t.split.orders, t.split.merges),
    "customer_data.orders_per_buyer": lambda t: customer_data.orders_per_buyer(t.orders, **DAY),
    "customer_data.repeat_measures": lambda t: customer_data.repeat_measures(t.orders, **DAY),
    "customer_data.revenue_by_identity": lambda t: customer_data.revenue_by_identity(t.orders, t.customers, **DAY),
    "customer_data.rows_to_check": lambda t: customer_data.rows_to_check(t.orders, rows=7),
    "customer_data.split_customers": lambda t: t.split.orders,
    "customer_data.split_effect": lambda t: customer_data.split_effect(t.orders, shares=(0.1,), **DAY),
    "customer_data.timeline": lambda t: customer_data.timeline(t.events, "C3"),
    "customer_data.unknown_of_buyers": lambda t: customer_data.unknown_of_buyers(t.customers, t.orders, **DAY),
    "nps.active_customers": lambda t: nps.active_customers(t.orders, **DAY, customers=t.customers, loyalty=t.loyalty),
    "nps.detractor_revenue": lambda t: nps.detractor_revenue(t.standing, t.orders, **DAY),
    "nps.groups": lambda t: nps.groups(t.described, dimensions=["touchpoint", "channel"]),
    "nps.later_revenue": lambda t: nps.later_revenue(t.answered, t.orders, **DAY),
    "nps.non_response": lambda t: nps.non_response(nps.weighted_where_known(to_pandas(t.answered), to_pandas(t.asked))),
    "nps.requests": lambda t: t.asked,
    "nps.response_model": lambda t: nps.response_model(t.asked),
    "nps.response_rates": lambda t: nps.response_rates(t.asked),
    "nps.scores": lambda t: nps.scores(t.answered, by=["touchpoint"]),
    "nps.standing": lambda t: t.standing,
    "nps.themes": lambda t: nps.themes(t.answered, fewest_comments=1),
    "nps.to_call": lambda t: nps.to_call(t.standing),
    "nps.topics": lambda t: nps.topics(t.answered, topics=2),
    "nps.trend": lambda t: nps.trend(t.answered, **DAY),
    "nps.weigh": lambda t: nps.weigh(t.answered, t.asked, nps.response_model(t.asked)),
    "nps.weighted_where_known": lambda t: nps.weighted_where_known(to_pandas(t.answered), to_pandas(t.asked)),
    "nps.with_traits": lambda t: t.described,
    "acquisition.acquisition_costs": lambda t: acquisition.acquisition_costs(
        t.orders, t.customers, t.spend, **DAY, earlier=t.earlier, start=t.start
    ),
    "acquisition.channel_mix": lambda t: acquisition.channel_mix(t.orders, t.customers, **DAY, earlier=t.earlier),
    "acquisition.channel_sets": lambda t: acquisition.channel_sets(t.paths),
    "acquisition.contact_speed": lambda t: acquisition.contact_speed(t.leads, t.lead_stages, **DAY),
    "acquisition.earnings": lambda t: acquisition.earnings(
        t.orders, t.customers, t.spend, **DAY, margin=0.5, by_cohort="quarter"
    ),
    "acquisition.lead_times": lambda t: acquisition.lead_times(t.leads, t.lead_stages, **DAY, by="owner"),
    "acquisition.lost_reasons": lambda t: acquisition.lost_reasons(t.leads),
    "acquisition.newcomers": lambda t: acquisition.newcomers(t.orders, t.customers, **DAY, earlier=t.earlier),
    "acquisition.open_leads": lambda t: acquisition.open_leads(t.leads, t.lead_stages, **DAY),
    "acquisition.path_summary": lambda t: acquisition.path_summary(t.paths, t.orders, **DAY),
    "acquisition.paths": lambda t: t.paths,
    "acquisition.pipeline": lambda t: acquisition.pipeline(
        acquisition.conversion(t.in_stages, by="stage"), acquisition.open_leads(t.leads, t.lead_stages, **DAY)
    ),
    "acquisition.rule_credits": lambda t: acquisition.rule_credits(t.paths),
    "acquisition.stage_order": lambda t: acquisition.stage_order(t.leads, t.lead_stages, **DAY),
    "acquisition.stage_times": lambda t: t.in_stages,
    "acquisition.transitions": lambda t: acquisition.transitions(t.paths),
    "acquisition.velocity": lambda t: acquisition.velocity(
        acquisition.conversion(acquisition.lead_times(t.leads, t.lead_stages, **DAY)),
        acquisition.open_leads(t.leads, t.lead_stages, **DAY),
        value=100.0,
    ),
    "growth.affinities": lambda t: growth.affinities(t.held, by="customer"),
    "growth.attach_rate": lambda t: growth.attach_rate(t.chances, period="month"),
    "growth.attachable": lambda t: growth.attachable(t.held, item=t.item, other=t.other, kind="next", within_days=400),
    "growth.basket_trend": lambda t: growth.basket_trend(t.held),
    "growth.baskets": lambda t: growth.baskets(t.order_lines, t.orders, **DAY, item="product"),
    "growth.discount_dependence": lambda t: growth.discount_dependence(t.orders, **DAY),
    "growth.discount_trend": lambda t: growth.discount_trend(t.orders, **DAY),
    "growth.due": lambda t: growth.due(t.held, t.rhythms.mutate(regular=True), **DAY),
    "growth.idle_before_after": lambda t: growth.idle_before_after(t.chances, [rollout(t)]),
    "growth.item_changes": lambda t: growth.item_changes(t.held, **DAY),
    "growth.item_kind": lambda t: growth.item_kind(t.order_lines),
    "growth.item_lives": lambda t: growth.item_lives(t.held, of="first"),
    "growth.item_names": lambda t: growth.item_names(t.order_lines, item="product"),
    "growth.item_sets": lambda t: growth.item_sets(t.held, most_baskets=400),
    "growth.joined_with_first_order": lambda t: growth.joined_with_first_order(t.loyalty, t.orders, **DAY),
    "growth.joiners_before": lambda t: growth.joiners_before(t.loyalty, t.orders, **DAY),
    "growth.ladder": lambda t: growth.ladder(t.orders, **DAY),
    "growth.next_items": lambda t: growth.next_items(t.held, to_pandas(t.customers).head(40)),
    "growth.points_by_age": lambda t: growth.points_by_age(t.loyalty, **DAY),
    "growth.recall": lambda t: growth.recall(t.held, **DAY),
    "growth.replenishment": lambda t: t.rhythms,
    "growth.rollout_customers": lambda t: growth.rollout_customers(
        t.held, item=t.item, idle=("S1", "S2"), **DAY, within_days=700
    ),
    "growth.rollout_effect": lambda t: growth.rollout_effect(t.held, rollout(t), **DAY),
    "growth.segment_column": lambda t: growth.segment_column(t.customers),
    "growth.sequences": lambda t: growth.sequences(t.held, **DAY, within=300),
    "growth.steps_of": lambda t: growth.steps_of(t.orders, **DAY),
    "growth.tier_migration": lambda t: growth.tier_migration(t.loyalty, **DAY),
    "growth.tier_summary": lambda t: growth.tier_summary(t.loyalty, t.orders, **DAY),
    "growth.whitespace": lambda t: growth.whitespace(t.held, t.customers, **DAY, by="channel"),
    "retention.cohorts": lambda t: retention.cohorts(t.orders, **DAY, earlier=t.earlier),
    "retention.compare_groups": lambda t: retention.compare_groups(t.second),
    "retention.compare_newer": lambda t: retention.compare_newer(t.second, **DAY),
    "retention.early_orders": lambda t: retention.early_orders(t.orders, **DAY, earlier=t.earlier),
    "retention.grouping": lambda t: retention.grouping(t.customers),
    "retention.last_seen": lambda t: retention.last_seen(t.orders, **DAY, period="quarter"),
    "retention.log_rank": lambda t: retention.log_rank(t.second, least=2),
    "retention.renewal_ages": lambda t: retention.renewal_ages(t.subscriptions, **DAY),
    "retention.renewal_outlook": lambda t: retention.renewal_outlook(t.subscriptions, None, **DAY),
    "retention.repeat_rate": lambda t: retention.repeat_rate(t.second, by="cohort"),
    "retention.return_curves": lambda t: retention.return_curves(t.second, least_at_risk=2),
    "retention.running_subscriptions": lambda t: retention.running_subscriptions(t.subscriptions, **DAY),
    "retention.second_orders": lambda t: t.second,
    "retention.subscription_terms": lambda t: retention.subscription_terms(t.subscriptions, **DAY),
    "retention.time_to_return": lambda t: retention.time_to_return(t.second),
    "retention.value_of_second_orders": lambda t: retention.value_of_second_orders(t.orders, **DAY, earlier=t.earlier),
    "retention.waiting_times": lambda t: retention.waiting_times(t.second),
    "scorecard.base_measures": lambda t: scorecard.base_measures(
        **{name: getattr(t, name) for name in ("orders", "leads", "spend", "tickets")}, **DAY, start=t.start
    ),
    "scorecard.contact_measures": lambda t: scorecard.contact_measures(t.touches, **DAY),
    "scorecard.contract_measures": lambda t: scorecard.contract_measures(t.subscriptions, **DAY),
    "scorecard.drill_down": lambda t: scorecard.drill_down(t.orders, by="store", **DAY),
    "scorecard.driver_tree": lambda t: scorecard.driver_tree(t.orders, **DAY, start=t.start, earlier=t.earlier),
    "scorecard.lead_measures": lambda t: scorecard.lead_measures(t.leads, **DAY),
    "scorecard.loyalty_measures": lambda t: scorecard.loyalty_measures(t.loyalty, **DAY),
    "scorecard.order_measures": lambda t: scorecard.order_measures(
        t.orders, **DAY, period="week", start=t.start, earlier=t.earlier
    ),
    "scorecard.part_sums": lambda t: scorecard.part_sums(t.orders, **PARTS, earlier=t.earlier),
    "scorecard.revenue_bridge": lambda t: scorecard.revenue_bridge(t.orders, **DAY, start=t.start, earlier=t.earlier),
    "scorecard.spend_measures": lambda t: scorecard.spend_measures(t.spend, **DAY),
    "scorecard.survey_measures": lambda t: scorecard.survey_measures(t.surveys, **DAY),
    "scorecard.ticket_measures": lambda t: scorecard.ticket_measures(t.tickets, **DAY),
    "scorecard.usage_measures": lambda t: scorecard.usage_measures(t.usage, **DAY),
    "segmentation.cluster_stability": lambda t: segmentation.cluster_stability(t.activity, clusters=(2,), resamples=2),
    "segmentation.clusters": lambda t: segmentation.clusters(t.activity, clusters=2),
    "segmentation.clusters_beside_rules": lambda t: segmentation.clusters_beside_rules(
        segmentation.clusters(t.segmented, clusters=2)
    ),
    "segmentation.comparison_day": lambda t: segmentation.comparison_day(t.orders, **DAY),
    "segmentation.counted": lambda t: segmentation.counted(t.segmented, t.orders, t.bound, **DAY),
    "segmentation.customer_activity": lambda t: t.activity,
    "segmentation.cut_points": lambda t: t.cuts,
    "segmentation.earlier_segments": lambda t: t.then,
    "segmentation.migration": lambda t: segmentation.migration(t.then, t.segmented, since=EARLIER),
    "segmentation.needs": lambda t: segmentation.needs(t.surveys, **DAY),
    "segmentation.orders_by_name": lambda t: segmentation.orders_by_name(t.orders, **DAY),
    "segmentation.purchase_rhythm": lambda t: t.rhythm,
    "segmentation.revenue_without_customer": lambda t: segmentation.revenue_without_customer(t.orders, **DAY),
    "segmentation.rfm_grid": lambda t: segmentation.rfm_grid(t.scored),
    "segmentation.rfm_scores": lambda t: t.scored,
    "segmentation.satisfaction": lambda t: segmentation.satisfaction(t.surveys, **DAY),
    "segmentation.seasons": lambda t: segmentation.seasons(t.orders, **DAY),
    "segmentation.segment_satisfaction": lambda t: segmentation.segment_satisfaction(
        t.segmented, segmentation.satisfaction(t.surveys, **DAY)
    ),
    "segmentation.segment_shares": lambda t: segmentation.segment_shares(t.segmented, t.customers, attribute="channel"),
    "segmentation.segment_summary": lambda t: segmentation.segment_summary(t.segmented, by="stage"),
    "segmentation.segment_usage": lambda t: segmentation.segment_usage(t.segmented, t.usage, **DAY),
    "segmentation.segments": lambda t: t.segmented,
    "segmentation.silent_after": lambda t: segmentation.silent_after(t.orders, t.customers, **DAY),
    "segmentation.sleepers_under_contract": lambda t: segmentation.sleepers_under_contract(t.segmented, t.bound),
    "segmentation.sleeping_lines": lambda t: segmentation.sleeping_lines(t.activity, t.lines, under_contract=t.bound),
    "segmentation.spending": lambda t: segmentation.spending(t.activity),
    "segmentation.thresholds": lambda t: t.lines,
    "segmentation.under_contract": lambda t: t.bound,
}


def people(ids: list[str]) -> Any:
    """A list of customers with their value."""
    import pandas as pd

    return pd.DataFrame({"customer_id": ids, "value": [3.0, 2.0, 1.0][: len(ids)]})
