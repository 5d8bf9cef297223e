# ---
# jupyter:
#   crmlib:
#     title: KPI scorecard
#     question: Are we on course, which changes deserve attention, and what moved revenue?
#     minutes: 60
#     needs:
#       orders: [customer_id, ordered_at, amount]
#     optional:
#       spend: [spent_on, cost]
#       leads: [created_at, converted_at]
#       surveys: [kind, score]
#       tickets: [is_complaint, resolved_at, csat]
#       subscriptions: [customer_id, started_at]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 13 KPI scorecard
#
# **The manager's question:** are we on course, which changes deserve attention, and what moved revenue?
#
# Every month brings a page of figures, and every figure is up or down. Most of that is chance, and most meetings
# about it are wasted; now and then something has really changed, and nobody notices. A good scorecard tells one from
# the other.
#
# ## What you will be able to do
#
# - define a KPI so that two people compute the same number,
# - leave out what has not been observed yet, instead of reporting it as bad,
# - tell a signal from noise with natural process limits,
# - say what to expect next, and how far to trust that,
# - explain a change of revenue by drivers whose contributions add up.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
period: str = "month"  # of the scorecard: week, month or quarter
definitions: str = ""  # the client's own KPI definitions (YAML, path from the client's configuration); empty: the course's
silent_days: int = 180  # after so many days without a purchase a customer no longer counts as active
repurchase_days: int = 90  # how soon a buyer must buy again to count as repurchasing
follow_up_days: int = 90  # how soon a lead must become a customer to count as converted
sla_hours: float = 24.0  # how soon a complaint must be resolved to count as resolved in time
months: int = 12  # length of the two times that the driver tree compares
split_by: str = "store"  # column of the orders by which the change of revenue is split

# %%
import crmlib

chapter = crmlib.begin("13_scorecard", client, run)
orders = chapter.table("orders")

# %% [markdown]
# ## What data this needs
#
# Orders suffice for most KPIs: `customer_id`, `ordered_at`, `amount`. Marketing `spend` adds the cost of a new
# customer, `leads` their conversion, `surveys` NPS and satisfaction, `tickets` complaints. What is missing is listed
# in the scorecard as missing, and nothing else suffers.

# %%
optional = ("leads", "spend", "surveys", "tickets")
tables = {name: chapter.table(name) if chapter.has(name) else None for name in optional}

# %% [markdown]
# ## One customer first
#
# Customers without a contract do not say goodbye: they fall silent. We look at the customer with the longest pause
# among all who came back.

# %%
import pandas as pd

from crmlib.purchases import purchases

bought = purchases(orders, as_of=chapter.as_of).order_by("customer_id", "ordered_at").to_pandas()
bought["day"] = pd.to_datetime(bought["day"])
bought["pause"] = bought.groupby("customer_id")["day"].diff().dt.days

# %%
one = bought.sort_values("pause", ascending=False, kind="stable")["customer_id"].head(1)
bought.loc[bought["customer_id"].isin(one), ["customer_id", "day", "spend", "pause"]].round({"spend": 2})

# %% [markdown]
# Before the long pause this was a customer like others; in the midst of it, anyone would have called them lost; at
# its end they were back. A KPI needs a rule that decides such cases for everyone alike. Ours: a customer is **active**
# at a moment if their last purchase lies at most `silent_days` back. Who crosses that line has **lapsed**; who buys
# after that has been **won back**.

# %% [markdown]
# ## The idea by hand: churn of the last period
#
# **Churn rate**: of the customers who were active when the period began, the share who no longer were when it ended.

# %%
day_after = pd.Timestamp(chapter.as_of) + pd.Timedelta(days=1)
last_whole = day_after.to_period(period[0].upper()) - 1
begins, ends = last_whole.start_time, (last_whole + 1).start_time


# %%
def active_customers(moment):
    evening = moment - pd.Timedelta(days=1)  # the last day before this moment
    last_purchase = bought[bought["day"] <= evening].groupby("customer_id")["day"].max()
    return set(last_purchase.index[last_purchase >= evening - pd.Timedelta(days=silent_days)])


# %%
at_start, at_end = active_customers(begins), active_customers(ends)
lapsed = at_start - at_end
f"{len(at_start)} active when {last_whole} began, {len(lapsed)} of them lapsed: {len(lapsed) / max(len(at_start), 1):.4f}"

# %% [markdown]
# ## The same with the library
#
# `base_measures` counts everything that KPIs are made of, one row per period. Nothing in it is a rate yet. The margin
# is the one that *Customer lifetime value* uses, too: from the cost of the orders where they carry it.

# %%
from crmlib.lifecycle import clv, scorecard

used = clv.contribution_margin(orders, as_of=chapter.as_of, fallback=chapter.client.margin)
margin = float(used["margin"].iloc[0])

# %%
measures = scorecard.base_measures(
    orders=orders, **tables, as_of=chapter.as_of, period=period,
    silent_days=silent_days, repurchase_days=repurchase_days, follow_up_days=follow_up_days, sla_hours=sla_hours,
    margin=margin, discount_rate=chapter.client.discount_rate,
)
measures[["period", "revenue", "orders", "buyers", "new_customers", "active_at_start", "lapsed", "won_back"]].tail(6).round(2)

# %% [markdown]
# Both ways agree for the last period:

# %%
counted = measures.tail(1)[["active_at_start", "lapsed"]].dropna()
assert (counted == [len(at_start), len(lapsed)]).all(axis=None)

# %% [markdown]
# The counts are tied to each other: who was active at the end was active at the start, less the lapsed, plus the new,
# plus those won back. A KPI set whose parts do not add up like this hides somebody.

# %%
flow = measures["active_at_start"] - measures["lapsed"] + measures["new_customers"] + measures["won_back"]
assert (flow.dropna() == measures.loc[flow.notna(), "active_customers"]).all()

# %% [markdown]
# ## KPIs are data
#
# A **KPI** is a formula over these counts, with a unit, a direction, a target, an owner and a definition in words.
# They are in `kpis.yaml`; a consultant changes them there, or in the client's own file, without touching code. Names
# and definitions tell the parameters in use.

# %%
own_file = chapter.client.folder / definitions if definitions else None
parameters = {
    "period": period, "silent_days": silent_days, "repurchase_days": repurchase_days,
    "follow_up_days": follow_up_days, "sla_hours": sla_hours,
}
kpis = scorecard.load_kpis(own_file, targets=chapter.client.targets, parameters=parameters)

# %%
scorecard.kpi_definitions(kpis)[["kpi", "formula", "better", "target", "owner", "needs"]]

# %% [markdown]
# The definition in words is what people must agree on, so the report prints all of them:

# %%
from crmlib import figures

in_words = {str(kpi.name): str(kpi.about) for kpi in kpis.values()}
figures.definitions_exhibit(in_words, name="kpis", title="KPIs")

# %% [markdown]
# Targets come from the client's configuration. A target that belongs to no KPI is probably a typing error:

# %%
scorecard.unknown_targets(kpis, chapter.client.targets)

# %% [markdown]
# A formula is arithmetic and nothing else, and a measure that does not exist is answered with the nearest one:

# %%
try:
    scorecard.read_formula("revenu / orders", known=tuple(scorecard.BASE_MEASURES))
except scorecard.FormulaInvalid as error:
    answer = str(error)
answer

# %% [markdown]
# ## Values, and what has not been observed
#
# `kpi_values` takes the formulas. An empty value is *not known*; that is something else than zero. Who bought last
# month has not had the time to buy again, so the repurchase rate of the last months is empty until that time is over.
# NPS is taken by the quarter: surveys come in waves, and a month's border must not cut one in two.

# %%
values = scorecard.kpi_values(measures, kpis, period=period)
wide = values.pivot(index="period", columns="kpi", values="value")
wide.reindex(columns=["average_order_value", "repurchase_rate", "churn_rate"]).tail(6).round(4)

# %% [markdown]
# Where a KPI rests on cases, each value carries a 95% interval, and values from few cases are shown but not
# judged.

# %%
values.groupby("kpi", sort=False).tail(1)[["kpi", "value", "low", "high", "cases", "judged"]].round(4)

# %% [markdown]
# ## Signal or noise
#
# Any series goes up and down. How much is usual, it tells itself: the mean change from one period to the next,
# times 2.66, on both sides of the mean. These are the **natural process limits** of an **XmR chart**. A value beyond
# them is a **signal**: something has changed, look for the cause. So are eight in a row on one side of the mean.
# Anything else is **noise**: explaining it is a waste of time. By hand, for the average order value:

# %%
judged = values[(values["kpi"] == "average_order_value") & values["judged"]]  # from enough orders, that is
order_value = judged.set_index("period")["value"]
history = order_value.iloc[:-1]  # the last value is judged by those before it
reach = 2.66 * history.diff().abs().mean()
pd.Series({"lower": history.mean() - reach, "upper": history.mean() + reach, "last": order_value.tail(1).sum()}).round(2)

# %%
limits = scorecard.natural_limits(values, period=period)
by_kpi = limits[limits["kpi"] == "average_order_value"].tail(1)
assert by_kpi["upper"].dropna().sub(history.mean() + reach).abs().lt(1e-6).all()

# %% [markdown]
# The same for all KPIs; signals are red (beyond a limit), orange (eight in a row) or grey (so it was a year ago, or the
# KPI has a trend and is still on it: growth that goes on has no new cause to look for). Stocks, such as the active
# customers, have no limits: most of those who are active today were so last month, so their values hang together, and
# limits that were made for values of their own would give alarm after alarm.

# %%
axes = scorecard.plot_limits(limits, kpis, period=period)
chapter.show(axes, name="limits", table=limits) if axes is not None else "Too few periods for limits."

# %% [markdown]
# A KPI that grows with the business, such as revenue, leaves its limits sooner or later: it is not a stable process.
# For these, and for anything with seasons, the same period a year ago is the fairer comparison, as
# soon as there are two years.

# %% [markdown]
# ## What to expect next
#
# Several simple methods compete: each forecasts the past as if it did not know what came, and the one with the
# smallest errors is used. The errors also make the interval.

# %%
ahead = scorecard.forecast(values, kpis, period=period)
ahead.loc[ahead["step"] == 1, ["kpi", "period", "forecast", "low", "high", "method", "covered", "tries"]].round(3)

# %% [markdown]
# `covered` of `tries` past values fell into the interval that the same procedure would have given one period before.
# That is the honest test: an interval that should hold four of five and holds two is worth nothing.

# %%
axes = scorecard.plot_forecast(values, ahead, kpis["revenue"], period=period) if "revenue" in kpis else None
chapter.show(axes, name="forecast", table=ahead) if axes is not None else "Too few periods for a forecast."

# %% [markdown]
# ## The scorecard
#
# Now all of it on one page: actual, target, the value before, the same period a year ago, what to expect next, and
# signal or noise.

# %%
card = scorecard.scorecard(measures, kpis, period=period, has=chapter.has)
chapter.keep(card, name="scorecard_values")
chapter.keep(values, name="kpi_values")

# %%
scorecard.show_tiles(card, kpis, period=period)

# %%
chapter.show_table(
    scorecard.scorecard_rows(card, kpis, period=period), name="scorecard", title=crmlib.text.say("Scorecard"),
    reading=scorecard.scorecard_reading(card, kpis, has_contracts=chapter.has("subscriptions")),
)

# %% [markdown]
# Look at a tile twice: the *change* against the period before is mostly noise, even where the *level* has long left
# its usual range. And a target may be missed, met, or too close to tell.

# %% [markdown]
# ## Why revenue changed
#
# Revenue is the product of the customers who bought, orders per customer and average order value (and what guests
# spent). The **driver tree** compares two times of equal length. Those who bought in it are not the *active* customers
# of one day: they change by those who came and those who were lost. By hand, for customers who are known:

# %%
of_late = bought[bought["day"] >= day_after - pd.DateOffset(months=months)]
buyers, ordered, spent = of_late["customer_id"].nunique(), len(of_late), of_late["spend"].sum()
pd.Series({"bought": buyers, "orders per customer": ordered / max(buyers, 1), "order value": spent / max(ordered, 1)}).round(2)

# %% [markdown]
# How much of the change belongs to which factor? Change them one after the other, and the answer depends on the order.
# The **logarithmic mean Divisia index** (LMDI) shares the change out by the factors' logarithms: the contributions
# add up to the change exactly, and backwards they only change their signs.

# %%
tree = scorecard.driver_tree(orders, as_of=chapter.as_of, months=months)
scorecard.driver_rows(tree)

# %%
root = tree[tree["driver"] == "revenue"]["contribution"].sum()
parts = tree[tree["parent"] == "revenue"]["contribution"].sum()
assert abs(root - parts) <= 1e-6 * max(1.0, abs(root))

# %%
axes = scorecard.plot_driver_tree(tree)
chapter.show(axes, name="drivers", table=tree) if axes is not None else "The data do not cover two comparable times."

# %% [markdown]
# Each bar is a contribution, each line on it an interval: had other customers of the same kind come, it might have
# been anywhere on the line.
#
# The change can be drilled into by any column of the orders. The rows add up to the change of revenue, and the columns
# to each row.

# %%
groups = scorecard.drill_down(orders, by=split_by, as_of=chapter.as_of, months=months, most=15)
has_groups = chapter.has("orders", split_by) and len(groups) > 1
if has_groups:
    assert abs(groups["change"].sum() - root) <= 1e-6 * max(1.0, abs(root))

# %%
if has_groups:
    exhibit = chapter.show_table(
        groups, name="drill_down", title=crmlib.text.say("Where revenue changed"),
        reading=crmlib.text.say("Rows add up to the change of revenue; columns say through what it came."),
    )
exhibit if has_groups else "The orders have no column to split by."

# %% [markdown]
# ## How sure are we?
#
# How often does chance alone give a signal? We let many stable series of two years run and judge their last value by
# both rules: beyond the limits, or the eighth in a row on one side of the mean.

# %%
import numpy as np

stable = np.random.default_rng(13).normal(size=(5000, 24))
known = stable[:, :-1]
side = stable - known.mean(axis=1, keepdims=True)
reach = 2.66 * np.abs(np.diff(known, axis=1)).mean(axis=1)
beyond = np.abs(side[:, -1]) > reach
in_a_row = (side[:, -8:] > 0).all(axis=1) | (side[:, -8:] < 0).all(axis=1)

# %%
charted = [key for key in limits.dropna(subset=["centre"])["kpi"].unique() if kpis[key].chart]
one_kpi = (beyond | in_a_row).mean()
any_of_them = 1 - (1 - one_kpi) ** len(charted)
pd.Series(
    {"beyond": beyond.mean(), "in a row": in_a_row.mean(), "either": one_kpi, f"any of {len(charted)}": any_of_them}
).round(3)

# %% [markdown]
# The last line is for all charted KPIs together, as if they were independent. False alarms are rare for one KPI, but
# look at a dozen each month and there will be one now and then: look, but do not be surprised if there is nothing.

# %% [markdown]
# ## What to do

# %%
chapter.conclude(
    scorecard.finding_revenue_change(tree),
    scorecard.finding_off_target(card, kpis, period=period),
    scorecard.finding_signals(card, kpis, period=period, tree=tree),
)

# %% [markdown]
# ## Pitfalls
#
# **A mean of ratios.** The average order value of a year is *not* the mean of its monthly values: that would let a quiet
# month count as much as a busy one. Sum first, then divide.

# %%
year, formula = measures.tail(12), scorecard.read_formula("revenue / orders")
wrong, right = formula.value(year).mean(), formula.value(year[["revenue", "orders"]].sum().to_dict())
pd.Series({"mean of monthly values": wrong, "ratio of sums": right}).round(2)

# %% [markdown]
# **A tail that only looks bad.** Without waiting for the follow-up to end, the repurchase rate of the last months
# falls towards zero, on any data. Here the wrong way beside the right one:

# %%
days = bought.drop_duplicates(["customer_id", "day"])
pause_after = days.groupby("customer_id")["day"].shift(-1) - days["day"]
days = days.assign(period=days["day"].dt.to_period(period[0].upper()), again=pause_after.dt.days <= repurchase_days)
too_early = days.groupby(["period", "customer_id"])["again"].first().groupby("period").mean()

# %%
observed = wide.reindex(columns=["repurchase_rate"])["repurchase_rate"]
observed.index = pd.to_datetime(observed.index).to_period(period[0].upper())
pd.DataFrame({"too early": too_early, "observed": observed}).loc[observed.index].tail(6).round(4)

# %% [markdown]
# **A tree is arithmetic, not a cause.** If many new customers come in a year, orders per customer fall, because the new
# had less time to order. The tree books that under "orders per customer", yet nobody behaved differently.
#
# **The first months.** Early in the data every customer looks new, and nobody can have lapsed. Counts of the active
# are empty for that time; new customers cannot be corrected without older data.

# %% [markdown]
# ## Summary
#
# - A KPI is a formula over counts, with a definition in words that people agreed on.
# - Not yet observed is empty, not zero.
# - Limits from the series itself tell signal from noise; most changes are noise.
# - A forecast is worth as much as its tried-out interval.
# - Drivers explain a change of revenue without remainder, but not its causes.
#
# ## Glossary
#
# - **Active customer**: last purchase at most `silent_days` back.
# - **Base measure**: a count or a sum per period, of which KPIs are made.
# - **Censored**: not yet observed long enough to be counted.
# - **Driver tree**: revenue taken apart into factors and sums.
# - **Lapsed**: active at the period's start and no longer at its end.
# - **LMDI**: a way to share out a change of a product among its factors, without remainder.
# - **Natural process limits**: mean ± 2.66 mean moving ranges.
# - **Noise**, **signal**: a change within, or beyond, what the process does by itself.
# - **Ratio of sums**: sum numerators and denominators first, then divide.
# - **Win-back rate**: of those silent at the start, the share who bought in the period.
#
# On to the [exercises](exercises/13_scorecard_exercises.ipynb).
