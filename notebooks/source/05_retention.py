# ---
# jupyter:
#   crmlib:
#     title: Retention
#     question: How many of our customers come back, when, and what would one point more be worth?
#     minutes: 60
#     needs:
#       orders: [customer_id, ordered_at, amount]
#     optional:
#       customers: [channel]
#       subscriptions: [started_at, ended_at, price]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 Retention
#
# **The manager's question:** how many of our customers come back, when, and what would one point more be worth?
#
# Winning a customer costs money once; whether it was well spent is decided by what happens next. This chapter
# follows new customers from their first order on.
#
# ## What you will be able to do
#
# - build a table of cohorts and read it without being deceived by months that are not over;
# - say how many new customers order a second time, by when, and how sure that is;
# - compare groups and years of customers so that the comparison is fair;
# - tell retention of shoppers from retention of contracts, and project the latter;
# - put a price on one percentage point.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
period: str = "month"  # length of a cohort's period: week, month, quarter or year
trend_period: str = "quarter"  # period of the cohorts whose repeat-purchase rates are compared
within: int = 90  # days in which a second order counts as a quick return
since: str = ""  # leave out customers who first ordered before this day, such as 2024-01-01; empty: none
group_by: str = ""  # groups of customers: channel or amount (of the first order); empty: the channel if known

# %%
import crmlib

chapter = crmlib.begin("05_retention", client, run)
orders = chapter.table("orders")

# %% [markdown]
# ## What data this needs
#
# Orders, with the customer, the time and the amount: nothing else. Two things make the chapter richer: the
# **channel** that won each customer (table `customers`), and **subscriptions**, if the client has contracts.
#
# One thing is worth asking the client: *from which day on are the orders complete?* At the beginning of an export, old
# customers look like new ones, because their earlier orders are missing. If that is so, set the parameter `since`.

# %%
import pandas as pd

from crmlib.purchases import purchases

bought = purchases(orders, as_of=chapter.as_of).select("customer_id", "day", "spend").to_pandas()
bought.agg({"customer_id": "nunique", "day": ["min", "max", "count"]})

# %% [markdown]
# Cancelled and open orders are no purchases, nor are orders that were refunded in full: `purchases` leaves them out.
#
# ## Look at one customer first
#
# We take one with several orders, and write beside each order how many days had passed since the first.

# %%
counts = bought.customer_id.value_counts().sort_index()
somebody = counts[counts >= min(4, counts.max())].index[:1]
one = bought[bought.customer_id.isin(somebody)].sort_values("day", kind="stable")
one.assign(days_since_first=(one.day - one.day.min()).dt.days).round({"spend": 2}).reset_index(drop=True)

# %% [markdown]
# This customer came, and came back. Others came once, and we do not know: have they left, or is their second order
# still to come? *Nobody tells a shop that they are leaving.* So retention of shoppers can only mean **activity**: what
# share of those who came at the same time bought something in a given period?
#
# A **cohort** is the customers whose first purchase fell into the same period. The **age** of a cohort is the number
# of periods since then; at age 0 everybody has bought, by definition.
#
# ## One cohort by hand
#
# Each purchase gets the number of its period; the smallest one of a customer is the cohort, the difference is the age.

# %%
number = bought.day.dt.to_period(period[0].upper()).astype("int64")
first = number.groupby(bought.customer_id).transform("min")
by_hand = bought.assign(cohort=first, age=number - first)

# %% [markdown]
# The cohort in the middle of the data, age by age:

# %%
middle = by_hand.cohort.drop_duplicates().sort_values().iloc[by_hand.cohort.nunique() // 2 :][:1]
one_cohort = by_hand[by_hand.cohort.isin(middle)]
active = one_cohort.groupby("age").customer_id.nunique().rename("customers").to_frame()
active["retention"] = (active.customers / one_cohort.customer_id.nunique()).round(4)
active.head(8)

# %% [markdown]
# Two things are to be minded. A period in which nobody of the cohort bought has no row here, although it was observed: it
# is a zero. And the last period may not be over: then its row is too low, and rises until the period ends. It has **not
# been observed**.
#
# ## The same with the library
#
# `cohorts` does this for all cohorts, leaves out what is not over, and puts zeros where nobody bought.

# %%
from crmlib.lifecycle import retention

cohorts = retention.cohorts(orders, as_of=chapter.as_of, period=period, since=since or None).to_pandas()
cohorts.drop(columns="revenue_per_customer").round({"revenue": 2, "retention": 4}).head(8)

# %% [markdown]
# Both ways agree, wherever a period is over:

# %%
hand = by_hand.groupby(["cohort", "age"]).customer_id.nunique().reset_index(name="by_hand")
library = cohorts.assign(cohort=cohorts.cohort.dt.to_period(period[0].upper()).astype("int64"))
both = library.merge(hand, on=["cohort", "age"], how="left").fillna({"by_hand": 0})
assert since or (both.by_hand == both.customers).all()

# %% [markdown]
# ## The picture: the triangle
#
# A row per cohort, a column per age. The lower right is empty: it lies in the future. Read it three ways: *along a row*,
# how a cohort ages; *down a column*, whether newer cohorts are better than older ones at the same age; *along a
# diagonal*, what happened to everybody in the same calendar period (a campaign, a holiday, a failure of the shop).

# %%
chapter.show(retention.plot_triangle(cohorts, period=period), name="cohorts", table=cohorts)

# %% [markdown]
# The same triangle can be had in customers, orders, revenue or revenue per customer, as a table in which `NaN` means
# *not observed*:

# %%
retention.cohort_triangle(cohorts, "revenue_per_customer").iloc[-6:, :6].round(2)

# %% [markdown]
# ## All cohorts together
#
# One cohort is small, and its line is noisy. Together they tell more: at each age, the customers of all cohorts that
# have come that far.

# %%
chapter.show(retention.plot_retention(cohorts, period=period), name="retention")

# %% [markdown]
# **How sure?** The band says what chance alone would do with so many customers (a Wilson interval: an
# interval of a share that stays between 0 and 1, also for few customers). It widens to the right, because only the
# oldest cohorts are that old. For the same reason the curve is not the life of *one* cohort:
# if newer cohorts are better, its left part, where they count, looks better than its right part.

# %%
pooled = retention.pooled_retention(cohorts)
pooled[pooled.age.isin([0, 1, pooled.age.max()])].round(3)

# %% [markdown]
# ## The second order: how many?
#
# A shopper may skip a period and come back, so activity is not an event. What happens once, and is seen when it
# happens, is the **second order**.
#
# The **repeat-purchase rate** is the share of new customers who order again within a fixed number of days. It can be
# judged only of customers who have been followed that long; those who came last week are neither a success nor a failure.
# It counts *new* customers; the repurchase rate of the scorecard (chapter 13) counts *all* buyers: another number.

# %%
customers = chapter.table("customers") if chapter.has("customers", "channel") else None
by = group_by or retention.grouping(customers)
returns = retention.second_orders(
    orders, customers, as_of=chapter.as_of, by=by, period=trend_period, since=since or None
)
returns.head(4).to_pandas()

# %% [markdown]
# By hand: who has been followed, who of these returned in time.

# %%
each = returns.to_pandas()
followed = each[each.followed_days >= within]
in_time = followed.returned & (followed.days <= within)
len(followed), int(in_time.sum())

# %% [markdown]
# With the library, which adds the interval:

# %%
rate = retention.repeat_rate(returns, within=within)
assert rate.followed.item() == len(followed) and rate.returned.item() == in_time.sum()
rate.round(3)

# %% [markdown]
# ## The second order: when?
#
# Customers who have not returned yet are not useless: of each we know *at least how long it takes*. Their waiting time
# is **censored**. The **Kaplan–Meier** estimate uses them as long as they were followed. Day by day: of those who were
# still waiting and still followed, what share returned on that day? The product of all who did *not* is the share
# still waiting.

# %%
waits = retention.waiting_times(returns, by=None).to_pandas().set_index("days")
returned_by = 1 - (1 - waits.returned / waits.at_risk).cumprod()

# %% [markdown]
# The library does the same and knows how sure it is. **Greenwood's formula** adds up, over the days, what chance alone
# does to each day's share, given how many were still waiting:

# %%
import numpy as np

curve = retention.return_curves(returns, by=None)
assert np.allclose(returned_by.loc[curve.day[1:]], curve.share[1:])
curve[curve.day.isin([0, 7, 30, 90, 180, 365])].round(3)

# %% [markdown]
# The **median** waiting time is the day by which half have returned. If the curve does not reach one half, there is none
# to tell: the mean of the waits seen so far would be far too short, because the long ones are not over.

# %%
from crmlib import text

median = retention.median_wait(curve)
text.say("Half of all new customers have ordered again by day {day}.", day=median) if median else text.say(
    "So far fewer than half of all new customers have ordered again: there is no median to tell."
)

# %% [markdown]
# Of those who do return within a fixed time, the quantiles are known, and they say when to remind:

# %%
timing = retention.time_to_return(returns)
timing

# %% [markdown]
# ## Do groups differ?
#
# One curve per group. The **log-rank test** asks whether the curves differ by more than chance, over all days.

# %%
curves = retention.return_curves(returns)
test = retention.log_rank(returns)
chapter.show(retention.plot_return_curves(curves, test=test, by=by), name="second_order", table=curves)

# %% [markdown]
# The test says *whether* they differ, not *which*. Comparing every two invites error: of many pairs, some look different
# by chance, above all the best and the worst, which we pick because they look different. So the intervals below hold
# for all pairs at once, and `p_adjusted` accounts for their number: it
# says how often chance alone would bring at least one difference as large among so many pairs.

# %%
pairs = retention.compare_groups(returns, within=within)
pairs.head(5).round(3)

# %% [markdown]
# Even a sure difference is no cause. Channels bring different people; moving money between channels moves people, not
# loyalty. What an action *adds* is measured with a control group (chapter 11).
#
# ## Are newer customers better?
#
# The fair comparison gives everybody the same time. Cohorts that cannot be followed that long stay empty.

# %%
rates = retention.repeat_rate(returns, within=within, by="cohort")
trend = retention.plot_repeat_rate(rates, within=within, period=trend_period)
several = (rates.followed > 0).sum() > 1
chapter.show(trend, name="repeat_rate", table=rates) if several else text.say(
    "There is one cohort only: nothing to compare."
)

# %% [markdown]
# For one answer with one interval, the newest customers who can be judged are set against those who came on the same
# days a year before, so that the season cannot be what differs (with less data, the later against the earlier half).

# %%
newer = retention.compare_newer(returns, as_of=chapter.as_of, within=within)
newer.T.rename(columns={0: "value"}) if newer is not None else text.say("Too few customers to compare.")

# %% [markdown]
# ## What the first days tell
#
# Whoever orders more at the beginning also buys more later. That helps to *recognise* good customers early. It does
# not show that talking others into a second order makes them the same: those came by themselves.

# %%
early = retention.early_orders(orders, as_of=chapter.as_of, within=within, since=since or None).to_pandas()
chapter.show(retention.plot_early_orders(early, within=within), name="first_days", table=early) if len(early) else (
    text.say("Nobody has been followed long enough.")
)

# %% [markdown]
# ## Contracts: where leaving is seen
#
# A subscriber who leaves says so. So survival can be observed: what share of contracts still runs after each
# **renewal**? Contracts that run today are censored; they count at the renewals that they have behind them.

# %%
contracts = chapter.table("subscriptions") if chapter.has("subscriptions", "started_at") else None
no_contracts = text.say("This client has no subscriptions: the part on contracts has nothing to show.")
terms = retention.subscription_terms(contracts, as_of=chapter.as_of).to_pandas() if contracts is not None else None
no_contracts if terms is None else terms

# %% [markdown]
# A monthly contract has twelve decisions a year, a yearly one has one: renewals of different **terms** cannot be counted
# together. From here on we look at the term of which there are most; what runs beside it is named with the finding.

# %%
term = retention.most_frequent_term(terms)
ages = retention.renewal_ages(contracts, as_of=chapter.as_of, term=term).to_pandas() if terms is not None else None
no_contracts if ages is None else ages.head(6)

# %% [markdown]
# Most often the share that renews *rises* with age. Nobody need have become more loyal: those who leave easily have
# left. The **shifted-beta-geometric** model (sBG; Fader & Hardie 2007) says just this. Each contract has its own
# probability to end at a renewal, always the same; over the contracts these probabilities follow a **beta distribution**:
# a family of curves between 0 and 1 whose two numbers α and β say how high they lie and how much they differ. Then the
# share renewed at the t-th renewal is (β + t − 1) / (α + β + t − 1).

# %%
from crmlib import models

model = retention.renewal_model(ages) if ages is not None else None
no_model = text.say("There are too few contracts, or they differ too little, for a model.")
compared = models.compare_renewals(ages) if model is not None else None
sbg = compared.models.get("sBG") if compared else None
no_sbg = text.say("These contracts settle no parameters of the sBG.") if compared else no_model
no_sbg if sbg is None else sbg.params.round(3)

# %% [markdown]
# By hand, survival under the sBG is the product of these shares:

# %%
t = np.arange(1, 13)
alpha, beta = (1.0, 1.0) if sbg is None else (sbg.alpha, sbg.beta)
by_product = np.cumprod((beta + t - 1) / (alpha + beta + t - 1))
assert sbg is None or np.allclose(by_product, sbg.survival(t))

# %% [markdown]
# The sBG is wrong where a contract's own chance to leave changes with its age: where people tire of what they get, or
# come to depend on it. The **beta-discrete-Weibull** model (BdW; Fader, Hardie and others 2018) has a third
# number for that, c: above 1 the chance rises with age, below 1 it falls, and at 1 it is the sBG. `renewal_model` fits
# both, as chapter 04 does, and takes the BdW where the data refute the sBG or settle no parameters of it, else the sBG.
# Which one was it here, and why?

# %%
from crmlib.lifecycle import clv

clv.renewals_in_words(compared) if compared else no_model

# %% [markdown]
# Beyond the last observed renewal the model that was taken projects. The band says how well its parameters are known.

# %%
projection = retention.project_renewals(ages, model) if ages is not None else None
chapter.show(retention.plot_projection(projection, term=term), name="contracts", table=projection) if (
    projection is not None
) else no_contracts

# %% [markdown]
# **How sure?** The honest test of a projection is time. The model is chosen and fitted anew, from what was known half a
# year ago: what would it have said of today? Beside it the usual rule of thumb, which takes contracts to be alike: the
# same rate of leaving at every renewal.

# %%
from datetime import timedelta

ago = chapter.as_of - timedelta(days=182)
earlier = retention.renewal_ages(contracts, as_of=ago, term=term).to_pandas() if contracts is not None else None
old_model = retention.renewal_model(earlier) if earlier is not None else None
if old_model:
    checked = retention.project_renewals(ages, old_model, until=int(ages.age.max()))
    checked["same_rate"] = (1 - earlier.lost.sum() / earlier.at_risk.sum()) ** checked.age
shown = ["age", "survival", "low", "high", "projected", "same_rate"]
checked[checked.age % 3 == 0][shown].round(3) if old_model else text.say("Half a year ago it was too early.")

# %% [markdown]
# ## What a second order is worth
#
# What is *sure* is that order itself. Those who returned by themselves went on to spend
# more; whoever has to be asked will hardly do as well, so that is an upper bound.

# %%
worth = retention.value_of_second_orders(
    orders, as_of=chapter.as_of, within=within, margin=chapter.client.margin, since=since or None
)
worth.T.rename(columns={0: "value"}).round(2) if worth is not None else text.say("Too few second orders to tell.")

# %%
outlook = None
if model is not None:
    outlook = retention.renewal_outlook(contracts, model, as_of=chapter.as_of, term=term, margin=chapter.client.margin)

# %% [markdown]
# ## In words
#
# One sentence, with the share, the time allowed, and what a point more is worth:

# %%
second = retention.finding_second_order(rate, worth, within=within)
second.sentence if second else text.say("Too few customers have been followed long enough to say it in a sentence.")

# %% [markdown]
# ## How sure
#
# The three numbers on which the findings rest, each with its 95% interval. Where one is missing, too few customers have
# been followed. A difference whose interval holds zero may be none.

# %%
sure = {"share who order again in time": rate[["repeat_rate", "low", "high"]]}
sure |= {} if newer is None else {"newer less older customers": newer[["difference", "low", "high"]]}
sure |= {} if worth is None else {"contribution of a second order": worth[["value", "low", "high"]]}
rows = {name: row.iloc[0].tolist() for name, row in sure.items()}
pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "low", "high"]).dropna().round(3)

# %% [markdown]
# ## What to do
#
# The findings, the largest amount at stake first.

# %%
chapter.keep(returns, name="second_orders")
chapter.conclude(
    retention.finding_second_order(rate, worth, within=within),
    retention.finding_timing(timing, curve),
    retention.finding_newer(newer, worth),
    retention.finding_groups(returns, pairs, within=within, worth=worth, by=by),
    retention.finding_renewals(outlook, model, term=term, terms=terms),
)

# %% [markdown]
# ## Pitfalls
#
# ### A period that is not over is no low one, and not a zero
#
# The cohort that we followed by hand, in its last periods, looked at sixteen days before the end of the data and at the
# end:

# %%
looks = {"before": chapter.as_of - timedelta(days=16), "at the end": chapter.as_of}
pd.DataFrame(
    {name: one_cohort[one_cohort.day <= str(end)].groupby("age").customer_id.nunique() for name, end in looks.items()}
).tail(3).astype("Int64")

# %% [markdown]
# Whoever looks in the middle of a period sees customers leaving, every time. Worse is to fill the triangle's empty half
# with zeros, as a spreadsheet does, and to average: the curve falls, whatever the customers do.

# %%
triangle = retention.cohort_triangle(cohorts)
wrong, right = triangle.fillna(0).mean(), triangle.mean()
wrong.to_frame("zeros for the unobserved").assign(**{"observed only": right}).iloc[::6].round(3)

# %% [markdown]
# ### Activity is not survival
#
# It is tempting to ask instead who bought at an age *or later*: that share can only fall, like the curve of
# survivors that models of leaving are made for. But look at the very same cohorts and ages a second time, as they were
# known half a year ago:

# %%
then = retention.last_seen(orders, as_of=ago, period=period, since=since or None).to_pandas()
now = retention.last_seen(orders, as_of=chapter.as_of, period=period, since=since or None).to_pandas()

# %%
twice = then.merge(now, on=["cohort", "age", "cohort_customers"], suffixes=("_then", "_now"))
seen = twice.groupby("age")[["cohort_customers", "customers_then", "customers_now"]].sum()
shares = seen[["customers_then", "customers_now"]].div(seen.cohort_customers, axis=0)
shares.tail(4).round(3)

# %% [markdown]
# Where the second column is higher, customers who looked lost have bought since. A curve that changes when one waits is
# not a survival curve, and a model of leaving fitted to it (such as the sBG above) would predict too much of it. For
# shoppers, chapter 04 has models that reckon with silence.

# %% [markdown]
# ### Cohorts that had different time
#
# "Share with a second order so far" needs no fixed time and uses everybody. It also gives new cohorts less time than old
# ones, so that the newest always look worst.

# %%
so_far = each.groupby("cohort").returned.mean().rename("ordered again so far")
fair = rates.set_index("cohort").repeat_rate.rename("within the same time")
so_far.to_frame().join(fair).round(3).tail(8)

# %% [markdown]
# ## Summary
#
# - Retention of shoppers is activity: the share of a cohort that bought in a period. It can rise again.
# - What is not over has not been observed. It is left empty: a zero would be a claim.
# - The repeat-purchase rate is judged of customers who were followed long enough, and of these only.
# - Kaplan–Meier curves use the others too, for as long as they were followed. A median is told only if it is reached.
# - Groups are compared with a test, pairs with an allowance for their number, years at the same follow-up and season.
# - Where leaving is seen (contracts), survival can be projected: by the sBG with two numbers, or by the BdW with a
#   third where a contract's own chance to leave changes with its age.
# - One percentage point has a price: new customers a year, a hundredth of them, and what a second order brings.
#
# ## Glossary
#
# - **cohort**: customers whose first purchase fell into the same period.
# - **age**: whole periods since the cohort's first.
# - **retention** (of shoppers): share of a cohort that bought at an age.
# - **repeat-purchase rate**: share of new customers who order again within a fixed time.
# - **censored**: known to take at least so long, because it has not ended yet.
# - **Kaplan–Meier estimate**: share that has (not) had an event by each day, with censored customers used as far as known.
# - **log-rank test**: whether such curves differ by more than chance.
# - **Wilson interval**: an interval of a share that stays between 0 and 1, also for few customers.
# - **Greenwood's formula**: how sure each point of a Kaplan–Meier curve is.
# - **p, adjusted p**: how often chance alone makes a difference as large; adjusted: among so many comparisons.
# - **beta distribution**: a family of curves between 0 and 1, here of contracts' probabilities to end at a renewal.
# - **survival, retention rate** (of contracts): share still running; share renewed of those who came to the renewal.
# - **sBG, BdW**: models of contracts that differ in how easily they end; in the BdW this may also change with their age.
#
# ## On to the exercises
#
# Five of them wait in the [exercises](exercises/05_retention_exercises.ipynb); they check themselves.
