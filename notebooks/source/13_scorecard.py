# ---
# jupyter:
#   crmlib:
#     title: KPI scorecard
#     question: Are we on course, which changes deserve attention, and what moved revenue?
#     minutes: 60
#     needs:
#     - orders: [ordered_at, amount]
#     - surveys: [answered_at, kind, score]
#     - tickets: [opened_at]
#     - leads: [created_at]
#     - subscriptions: [customer_id, started_at]
#     - spend: [spent_on, cost]
#     - touches: [touched_at]
#     - usage: [customer_id, used_at]
#     - loyalty: [customer_id, at]
#     optional:
#       orders: [customer_id]
#       leads: [converted_at]
#       tickets: [is_complaint, first_response_at, resolved_at, csat]
#       subscriptions: [ended_at, price]
#       customers: [channel]
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
# Every month brings a page of figures, and each of them is up or down. Most of that is chance, and most meetings about
# it are wasted. Now and then something has really changed, and nobody notices. A good scorecard tells one from the
# other.
#
# ## What you will be able to do
#
# - define a KPI precisely: two people who compute it get the same number;
# - leave out what cannot be known yet, instead of reporting it as bad;
# - tell a signal from noise with natural process limits;
# - say what to expect next, and how far to trust that;
# - explain a change of revenue by drivers whose contributions add up.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
period: str = "month"  # of the scorecard: week, month or quarter
definitions: str = ""  # a YAML file of KPIs beside the configuration; empty: the kit's
silent_days: int = 0  # after so many days without a purchase a customer is silent; 0: the line that chapter 03 draws
repurchase_days: int = 90  # how soon a buyer must buy again to count as repurchasing
follow_up_days: int = 90  # how soon a lead must become a customer to count as converted
sla_hours: float = 24.0  # how soon a complaint must be resolved to count as resolved in time
months: int = 12  # length of the two periods that the driver tree compares
split_by: str = "store"  # column of the orders by which the change of revenue is split

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is
# used.

# %%
import crmlib
from crmlib.lifecycle import scorecard

chapter = crmlib.begin("13_scorecard", client, run)
orders = chapter.table("orders")

# %% [markdown]
# ## What data this needs
#
# Orders are enough for most KPIs. Marketing `spend` adds the cost of a new customer, `leads` their conversion,
# `surveys` NPS and satisfaction, `tickets` the service, and `subscriptions` the contracts. Any one of these tables is
# enough to begin with. The scorecard lists what is missing, and everything else still works.

# %%
others = ("leads", "spend", "surveys", "tickets", "subscriptions", "touches", "usage", "loyalty")
optional = {name: chapter.table(name) for name in others}

# %% [markdown]
# **The start of the data is not the start of the customers.** Where an export begins in the middle of a business, old
# customers look new at first. We count nobody as new who may be older than the data.

# %%
newcomers = {"start": chapter.start, "earlier": chapter.earlier}
chapter.show(chapter.start_told())

# %% [markdown]
# ## Look at one customer first
#
# Customers without a contract do not say goodbye. They fall silent. Who has had the longest pause of all who came back?

# %%
from crmlib.purchases import purchases

few = chapter.in_hand(orders)  # all, or an even part of very many customers
bought = purchases(few, as_of=chapter.as_of).order_by("customer_id", "ordered_at").to_pandas()
bought["day"] = bought["day"].astype("datetime64[us]")
bought["pause"] = bought.groupby("customer_id")["day"].diff().dt.days

# %%
one = bought.nlargest(1, "pause")["customer_id"]
bought.loc[bought["customer_id"].isin(one), ["customer_id", "day", "spend", "pause"]].round({"spend": 2})

# %% [markdown]
# Before the pause this was a customer like any other. In the middle of it, everybody would have called them lost. Then
# they came back. A KPI needs one rule that decides such cases in the same way for everybody.
#
# Our rule is that of chapter 03, which reads a line from the client's own rhythm. A customer is **active** up to that line
# and **silent** beyond it. A customer who crosses it has **lapsed**. One who buys again after that has been **won back**.
# The parameter `silent_days` sets another line. It is never shorter than a period: one could cross a shorter line and come
# back within the same period.

# %%
from crmlib.calendar import LONGEST_DAYS
from crmlib.lifecycle import segmentation

tier_file = chapter.client.parameters.get("03_segmentation", {}).get("rules", "")
tier_rules = segmentation.read_rules(chapter.client.beside(tier_file))
who = {"customers": chapter.table("customers"), "earlier": chapter.earlier}
line = segmentation.silent_after(orders, **who, as_of=chapter.as_of, rules=tier_rules)
silent_days = silent_days or max(line, LONGEST_DAYS[period])
silent_days

# %% [markdown] tags=["lesson"]
# The customer above was silent for {{ bought["pause"].max() | count }} days. By our rule they lapsed after day
# {{ silent_days | count }} and were won back much later.

# %% [markdown]
# ## The idea by hand: churn of the last period
#
# **Churn rate**: of the customers who were active when the period began, the share who were no longer active when it
# ended. We need two moments, the beginning and the end of the last whole period:

# %%
import pandas as pd

last_period = pd.Period(chapter.as_of + pd.Timedelta(days=1), freq=period[0].upper()) - 1
begins, ends = last_period.start_time, (last_period + 1).start_time


# %% [markdown]
# And we need the customers who are active at a moment:


# %%
def active_customers(moment):
    evening = moment - pd.Timedelta(days=1)  # the last day before this moment
    last_purchase = bought[bought["day"] <= evening].groupby("customer_id")["day"].max()
    return set(last_purchase.index[last_purchase >= evening - pd.Timedelta(days=silent_days)])


# %%
at_start = active_customers(begins)
lapsed = at_start - active_customers(ends)
churn = pd.Series({"active at the start": len(at_start), "lapsed": len(lapsed)})
churn

# %% [markdown] tags=["lesson"]
# At the beginning of {{ begins | month }} Aurora had {{ len(at_start) | count }} active customers.
# {{ len(lapsed) | count }} of them fell silent for too long during the month. So churn was
# {{ len(lapsed) / len(at_start) | percent.1 }}.

# %% [markdown]
# ## The same with the library
#
# One KPI comes from another chapter: customer lifetime value. It needs a margin, which comes from the orders where they
# carry their cost, and else from the configuration. Without either, the value is revenue. We ask for it on three days: a year ago, one period ago, and now.

# %%
from crmlib.lifecycle import clv

told = chapter.client.parameters.get("04_clv", {})
known_margin = clv.contribution_margin(orders, as_of=chapter.as_of, fallback=chapter.client.margin)["margin"]
margin = float(told.get("margin") or known_margin.iloc[0])
days = scorecard.value_days(chapter.as_of, period=period)
valued = {"days": days, "margin": margin, "discount_rate": chapter.client.discount_rate}

# %% [markdown]
# There are several models of the customers. Chapter 04 tests them and takes one. We take the same one here, for all three
# days, because two models would differ even if no customer did.

# %%
from crmlib.models import model_name

test = {"holdout_weeks": told.get("holdout_weeks", 0)}
valued |= test | {"kind": clv.model_choice(orders, as_of=chapter.as_of, **test).kind}
model_name(valued["kind"].__name__) if valued["kind"] else "none"

# %% [markdown] tags=["needs:customers.channel"]
# Where we know the channel that won each customer, they are valued as in chapter 04: by what their own channel does.

# %% tags=["needs:customers.channel"]
valued |= {"groups": chapter.table("customers"), "by": told.get("group_by", "channel")}

# %% [markdown]
# There is no value on a day on which the model would not have passed its test.

# %%
equity = clv.equity_on(orders, **valued)

# %% [markdown]
# `base_measures` counts everything that KPIs are made of, one row for each period. Nothing in it is a rate yet.

# %%
rules = {"repurchase_days": repurchase_days, "follow_up_days": follow_up_days, "sla_hours": sla_hours}
rules |= {"period": period, "silent_days": silent_days}
measures = scorecard.base_measures(orders=orders, **optional, equity=equity, as_of=chapter.as_of, **rules, **newcomers)
measures[["period", "revenue", "buyers", "new_customers", "active_at_start", "lapsed", "won_back"]].tail().round(2)

# %% [markdown]
# Both ways agree for the last period:

# %%
same = {"as_of": chapter.as_of, **rules, **newcomers}
of_these = measures if few is orders else scorecard.base_measures(orders=few, **same)
counted = of_these.tail(1)[["active_at_start", "lapsed"]].dropna()
assert (counted == churn.tolist()).all(axis=None)

# %% [markdown]
# The counts belong together. Take the customers who were active at the start, take away the lapsed, add the new and
# those won back. Who is left is active at the end. If counts do not add up like this, some customers were lost in the
# counting.

# %%
flow = measures["active_at_start"] - measures["lapsed"] + measures["new_customers"] + measures["won_back"]
assert (flow.dropna() == measures.loc[flow.notna(), "active_customers"]).all()

# %% [markdown]
# ## KPIs are data
#
# A **KPI** is a formula over these counts, with a unit, a direction, a target, an owner and a definition in words. They
# stand in a file, `kpis.yaml`. You change them in the client's own file (parameter `definitions`) and touch no code.

# %%
own_file = chapter.client.beside(definitions)
kpis = scorecard.load_kpis(own_file, targets=chapter.client.targets, parameters=rules)

# %%
scorecard.kpi_definitions(kpis)[["kpi", "formula", "better", "target", "owner", "needs"]]

# %% [markdown]
# The definition in words is what people must agree on. Each of them states the parameters used, such as 90 days, and
# the report prints them all:

# %%
chapter.show(scorecard.kpi_glossary(kpis))

# %% [markdown]
# You can make KPIs of your own from these counts:

# %%
chapter.show(scorecard.measures_table())

# %% [markdown]
# A formula is arithmetic and nothing else. What happens if it names a measure that does not exist?

# %%
try:
    scorecard.read_formula("revenu / orders", known=tuple(scorecard.BASE_MEASURES))
except scorecard.FormulaInvalid as problem:
    answer = str(problem)
answer

# %% [markdown]
# Targets stand in the client's configuration. A target that belongs to no KPI is answered in the same way, before
# anything is computed.
#
# ## Values, and what we cannot know yet
#
# `kpi_values` computes the formulas. Before you run the cell: what do you expect of last month's repurchase rate?

# %%
values = scorecard.kpi_values(measures, kpis, period=period)
wide = values.pivot(index="period", columns="kpi", values="value")
wide.reindex(columns=["average_order_value", "repurchase_rate", "churn_rate"]).tail(6).round(4)

# %% [markdown]
# The last values of the repurchase rate are empty. People who bought last month have not had 90 days to buy again
# (parameter `repurchase_days`). An empty value means that we do not know; zero would mean that nobody came back.
#
# Where a KPI rests on cases, each value has a 95% interval. Values from few cases are shown but not judged:

# %%
values.groupby("kpi", sort=False).tail(1)[["kpi", "value", "low", "high", "cases", "judged"]].round(4)

# %% [markdown]
# NPS is taken by the quarter. Surveys come in waves, and a month's border must not cut one in two.
#
# ## Signal or noise
#
# Any series goes up and down. The series itself tells us what is usual. Take the mean change from one period to the
# next, times 2.66, on both sides of the mean. These are the **natural process limits** of an **XmR chart**.
#
# - A value beyond the limits is a **signal**: something has changed, so look for the cause.
# - Eight values in a row on one side of the mean are a signal, too.
# - Everything else is **noise**. To explain it is a waste of time.
#
# By hand, for the average order value. We judge the last value by those before it:

# %%
judged = values[(values["kpi"] == "average_order_value") & values["judged"]]
order_value = judged.set_index("period")["value"].astype(float)
history = order_value.iloc[:-1]

# %%
reach = 2.66 * history.diff().abs().mean()
pd.Series({"lower": history.mean() - reach, "upper": history.mean() + reach, "last": order_value.tail(1).sum()}).round(
    2
)

# %% [markdown]
# The same with the library:

# %%
from crmlib.statistics import process_limits

by_library = process_limits(history)
assert not abs(by_library.upper - history.mean() - reach) > 1e-6
{name: round(value, 4) for name, value in by_library._asdict().items()}

# %% [markdown]
# ## What makes false alarms
#
# Three things make such limits cry wolf. The first is a **step**: the level changed once, and stayed. Limits across it
# are too wide, and everything after it looks like news. So we look for a step, and set the limits after it:

# %%
scorecard.steps_in(values, period=period)

# %% [markdown]
# How sure is a step? We shuffle the values 999 times. If a shuffled series hardly ever shows as large a step, chance did
# not make it. Then we look at the same months a year apart, because a season and growth look like steps, too.
#
# The second is a **trend** or a **season**. There we judge the change over a year instead of the level. The third is a
# past of little more than a year: a season cannot be told from news, and the verdict is withheld.

# %%
limits = scorecard.natural_limits(values, period=period)
limits.groupby("kpi", sort=False).tail(1)[["kpi", "value", "lower", "upper", "signal", "since"]].round(3)

# %% [markdown]
# An empty signal is noise. `trend`, `season` and `early` say why a value beyond its limits calls for no cause.
#
# ## The picture: six KPIs, few signals
#
# Signals are green or red: good or bad news. Grey points lie beyond the limits as well, but we know why. Either it was
# so a year ago, or the KPI is growing steadily and still on its trend. That calls for no new cause.

# %%
chapter.show(scorecard.plot_limits(limits, kpis, period=period))

# %% [markdown]
# **Stocks** have no limits here. An example is the number of active customers: most of today's were active last month,
# too. A stock changes little from month to month, so these limits would raise false alarms.
#
# A KPI that grows with the business, such as revenue, leaves its limits sooner or later. Compare it with the same
# period a year ago. The same goes for everything that has seasons.
#
# ## What to expect next
#
# Several simple methods compete. Each forecasts the past as if it did not know what came. The one with the smallest
# errors is used, and its errors make the interval: those over one period for the next value, those over two for the
# one after it.

# %%
ahead = scorecard.forecast(values, kpis, period=period)
ahead.loc[ahead["step"] == 1, ["kpi", "forecast", "low", "high", "method", "covered", "tries"]].round(3)

# %% [markdown]
# Look at `covered` and `tries`. Of so many past values, how many fell into the interval that the same procedure would
# have given one period before? This is the honest test. An interval that should hold four of five and holds two is
# worth nothing.

# %%
chapter.show(scorecard.plot_forecast(values, ahead, kpis, period=period))

# %% [markdown]
# ## The scorecard
#
# Now we put it all on one page: the actual value, the target, the period before, a year ago, what to expect next, and
# whether the value is a signal.

# %%
card = scorecard.scorecard(measures, kpis, period=period, has=chapter.has)
chapter.keep(values, name="kpi_values")
chapter.show(scorecard.scorecard_tiles(card, kpis, period=period))

# %% [markdown]
# Look at a tile twice. The *change* against the period before is mostly noise, even where the *level* has long left its
# usual range. And a target can be met, missed, or too close to tell.

# %%
has_contracts = chapter.has("subscriptions")
chapter.show(scorecard.scorecard_table(card, kpis, period=period, has_contracts=has_contracts, margin=margin))

# %% [markdown]
# ## The year, in cash
#
# A manager asks first: did we sell more or less than the year before, and who made the difference? Put every customer
# into one of four groups. They bought in the year before only, in both years, again after a longer pause, or for the
# first time. Then add up what each group paid in either year. These are amounts from the books, so they add up to the
# cent. The year ends with the last whole period, as the KPIs do: all numbers of the year have one end.

# %%
year_end = days[-1]
bridge = scorecard.revenue_bridge(orders, as_of=year_end, months=months, **newcomers)
bridge[["part", "customers", "before", "after", "amount"]].round(2)

# %%
chapter.show(scorecard.plot_bridge(bridge))

# %% [markdown]
# Which KPIs really moved from one year to the other? We compare the same months of both years, so that seasons do not
# differ. Months also differ by themselves, and we look at many KPIs at once: both make a range wider. Only what lies
# beyond it is called better or worse.

# %%
years = scorecard.year_against_year(measures, kpis, bridge, period=period)
years[["kpi", "now", "before", "difference_low", "difference_high", "verdict"]].round(3)

# %%
chapter.show(scorecard.year_tiles(years, kpis, values, measures))

# %% [markdown]
# The page that managers read also asks of the last period: is it as usual? It shows one verdict for each KPI. No verdict
# is given where customers are no longer won, or where a rate rises only because the data hold more and more of them.

# %%
verdicts = scorecard.last_verdicts(card, kpis, bridge)
chapter.show(scorecard.verdicts_table(verdicts, kpis, values, years, period=period))

# %%
chapter.show(scorecard.other_verdicts_table(verdicts, kpis, values, years, period=period))

# %% [markdown]
# ## Why revenue changed
#
# Revenue is a product of three factors: how many customers bought, how many orders each placed, and how much they spent
# on an order. Guests come on top. By hand, for the customers we know, in the last 12 months (parameter `months`):

# %%
lately = bought[(bought["day"] >= ends - pd.DateOffset(months=months)) & (bought["day"] < ends)]
buyers, placed, spent = lately["customer_id"].nunique(), len(lately), lately["spend"].sum()
pd.Series({"buyers": buyers, "orders each": placed / max(buyers, 1), "order value": spent / max(placed, 1)}).round(2)

# %% [markdown]
# These buyers are not the *active* customers of one day. They are all who bought in the period. This number grows with
# new customers and shrinks with lost ones.
#
# Now compare with the period before. How much of the change belongs to which factor? If you change one factor after the
# other, the answer depends on the order. The **logarithmic mean Divisia index** (LMDI) shares the change out by the
# logarithms of the factors. Then the contributions add up exactly, and nothing depends on the order.

# %%
tree = scorecard.driver_tree(orders, as_of=year_end, months=months, **newcomers)
tree[["driver", "parent", "before", "after", "contribution", "contribution_low", "contribution_high"]].round(2)

# %%
change = tree.loc[tree["driver"] == "revenue", "contribution"].sum()
assert abs(change - tree.loc[tree["parent"] == "revenue", "contribution"].sum()) <= 1e-6 * max(1.0, abs(change))

# %%
chapter.show(scorecard.plot_driver_tree(tree))

# %% [markdown]
# Each bar is a contribution, and the line on it is the 95% interval. It says how far the contribution could have
# differed if chance had brought other customers of the same kind. The bars of new and lost customers are not those of
# the bridge above. Here each head counts with the average of both periods. There we added up what these customers paid.
#
# In which shops or channels did revenue change? Any column of the orders can split the change (parameter `split_by`).
# The rows add up to the whole change, and the columns to each row:

# %%
groups = scorecard.drill_down(orders, by=split_by, as_of=year_end, months=months, most=15)
assert tree.empty or groups.empty or abs(groups["change"].sum() - change) <= 1e-6 * max(1.0, abs(change))
chapter.show(scorecard.drill_down_table(groups))

# %% [markdown]
# ## How sure are we?
#
# How often does chance alone give a signal? Let us make 5,000 series of two years in which nothing ever changes. We
# judge the last value of each by both rules. How many of them will be signals, do you think?

# %%
import numpy as np

stable = np.random.default_rng(13).normal(size=(5000, 24))
before = stable[:, :-1]
from_mean = stable - before.mean(axis=1, keepdims=True)

# %%
beyond = np.abs(from_mean[:, -1]) > 2.66 * np.abs(np.diff(before, axis=1)).mean(axis=1)
in_a_row = (from_mean[:, -8:] > 0).all(axis=1) | (from_mean[:, -8:] < 0).all(axis=1)
false_alarms = (beyond | in_a_row).mean()

# %%
charted = [key for key in limits.dropna(subset=["centre"])["kpi"].unique() if kpis[key].chart]
any_of_them = 1 - (1 - false_alarms) ** len(charted)
pd.Series({"beyond": beyond.mean(), "in a row": in_a_row.mean(), "either": false_alarms, "any KPI": any_of_them}).round(
    3
)

# %% [markdown]
# The last number is for all KPIs with limits together, as if they were independent. False alarms are rare for one KPI.
# If you look at a dozen each month, there will be one now and then. Look into it, but do not be surprised if there is
# nothing.

# %% [markdown] tags=["lesson"]
# Of 100 stable series about {{ 100 * false_alarms | number.1 }} gave a signal. Aurora watches
# {{ len(charted) | count }} KPIs with limits. So in {{ any_of_them | percent }} of all months at least one of them
# would give a false alarm.

# %% [markdown]
# ## What to do
#
# Here is what the chapter concludes: a finding, the money where it can be named, how sure it is, and what to do.

# %%
chapter.conclude(
    *scorecard.findings_of_counts(years, kpis, measures, bridge, period=period),
    scorecard.finding_revenue_change(bridge),
    scorecard.finding_off_target(years, kpis, measures, card, period=period),
    scorecard.finding_signals(verdicts, kpis, period=period, bridge=bridge),
)

# %% [markdown]
# ## Pitfalls
#
# **A mean of ratios.** Is the average order value of a year the mean of its monthly values? No: then a quiet month
# counts as much as a busy one. Sum first, then divide.

# %%
year, formula = measures.tail(12), scorecard.read_formula("revenue / orders")
wrong, right = formula.value(year).mean(), formula.value(year[["revenue", "orders"]].sum().to_dict())
pd.Series({"mean of monthly values": wrong, "ratio of sums": right}).round(2)

# %% [markdown] tags=["lesson"]
# For Aurora the difference is {{ abs(right - wrong) | money.2 }}. It is small here, because its months are much alike.
# For a rate over shops of different sizes it can be large.

# %% [markdown]
# **A tail that only looks bad.** What if we do not wait until people have had 90 days to buy again? Then the repurchase
# rate of the last periods falls towards zero, on any data. Here is the wrong way beside the right one:

# %%
days = bought.drop_duplicates(["customer_id", "day"]).copy()
days["pause_after"] = days.groupby("customer_id")["day"].diff(-1).dt.days.abs()
days["period"] = days["day"].dt.to_period(period[0].upper())

# %%
first = days.groupby(["period", "customer_id"]).head(1)
too_early = (first["pause_after"] <= repurchase_days).groupby(first["period"]).mean()
observed = measures.set_index(pd.PeriodIndex(measures["period"], freq=period[0].upper()))
pd.DataFrame({"too early": too_early, "observed": observed["buyers_again"] / observed["buyers"]}).tail(6).round(4)

# %% [markdown]
# **A tree is arithmetic, not a cause.** If many new customers come in a year, orders per customer fall, because the new
# had less time to order. The tree books that under "orders per customer", yet nobody behaved differently.
#
# **The first months.** Early in the data every customer looks new, and nobody can have lapsed. Counts of active
# customers are empty for that time. Counts of new customers cannot be corrected without older data.
#
# ## Summary
#
# - A KPI is a formula over counts, with a definition in words that people have agreed on.
# - What cannot be known yet is empty, not zero.
# - The series itself sets the limits that tell signal from noise. Most changes are noise.
# - Trust a forecast as far as its interval has held in the past.
# - Drivers explain a change of revenue without remainder, but not its causes.
#
# ## Glossary
#
# - **Active customer**: a customer whose last purchase is at most `silent_days` ago; beyond that, a silent one (活跃客户,
#   沉默客户).
# - **Lapsed, won back**: no longer active at the end of the period; silent at its start, and bought again (流失, 召回).
# - **Retention rate, churn rate**: of those active at the start, the share who still are, or no longer are, at the end
#   (留存率, 流失率).
# - **Repurchase rate**: of the buyers of a period, the share who buy again in time (复购率).
# - **Average order value**: revenue divided by orders (客单价).
# - **Cost per new customer** (CAC): marketing cost divided by new customers (获客成本).
# - **Complaint resolution**: the share of complaints resolved in time (投诉解决率).
# - **Customer lifetime value**, **net promoter score**: see their chapters (客户终身价值, 净推荐值).
# - **Base measure**: a count or a sum for each period, of which KPIs are made (基础指标).
# - **Natural process limits**: the mean plus and minus 2.66 mean changes (自然过程限).
# - **Signal, noise**: a change beyond, or within, what the process does by itself (信号, 波动).
# - **Driver tree**: revenue taken apart into factors and sums (驱动树).
# - **LMDI**: a way to share out the change of a product among its factors, without remainder (对数平均迪氏指数法).
# - **Ratio of sums**: sum numerators and denominators first, then divide.
#
# **On to the exercises:** [practice notebook](exercises/13_scorecard_exercises.ipynb).
