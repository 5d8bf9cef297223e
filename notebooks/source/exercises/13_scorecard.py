# ---
# jupyter:
#   crmlib:
#     title: KPI scorecard
#     chapter: 13_scorecard
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: 13 KPI scorecard
#
# Replace each `...` by your answer and run the cell below it. The checks compute what they expect from the data at hand,
# so they hold for any client; ask as often as you like.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import crmlib
from crmlib.course import scorecard as check
from crmlib.lifecycle import scorecard

chapter = crmlib.begin("13_scorecard", client, run)
orders, as_of = chapter.table("orders"), chapter.as_of
measures = scorecard.base_measures(orders=orders, as_of=as_of)

# %% [markdown]
# `measures` has one row per month that is over:

# %%
measures[["period", "revenue", "orders", "buyers", "buyers_again", "active_at_start", "lapsed"]].tail().round(2)

# %% [markdown]
# ## 1 A KPI of one month
#
# What was the average order value of the last month in `measures`?

# %% tags=["exercise"]
#: order_value = ...
last_month = measures.iloc[-1]
order_value = last_month["revenue"] / last_month["orders"]

# %%
check.check_order_value(order_value, orders, as_of=as_of)

# %% [markdown]
# ## 2 A KPI of a year
#
# What was the monthly churn rate over the last twelve months together? Of every hundred customers who were active when
# a month began, how many had lapsed when it ended? Answer a rate between 0 and 1; three digits are enough.

# %% tags=["exercise"]
#: churn = ...
twelve_months = measures.tail(12)
churn = twelve_months["lapsed"].sum() / twelve_months["active_at_start"].sum()

# %%
check.check_churn_of_the_year(churn, orders, as_of=as_of)

# %% [markdown]
# ## 3 Signal or noise
#
# What is the upper natural process limit of the monthly average order value? The last month is the one to be judged, so
# the limit comes from all months before it.

# %% tags=["exercise"]
#: upper_limit = ...
monthly = (measures["revenue"] / measures["orders"]).dropna()
before_last = monthly.iloc[:-1]
upper_limit = before_last.mean() + 2.66 * before_last.diff().abs().mean()

# %%
check.check_upper_limit(upper_limit, orders, as_of=as_of)

# %% [markdown]
# ## 4 Define a KPI
#
# A shop manager asks: of those who bought this month, which share had bought before? Write the formula as it would
# stand in the KPI file, as a text such as `"revenue / orders"`. These are the measures there are:

# %%
{name: measure.about for name, measure in scorecard.BASE_MEASURES.items() if measure.table == "orders"}

# %% tags=["exercise"]
#: formula = ...
formula = "returning_customers / buyers"

# %%
check.check_formula(formula, orders, as_of=as_of)

# %% [markdown]
# ## 5 What is not known yet
#
# The repurchase rate asks who bought again within 90 days. What is the first day of the last month for which it is
# known? Answer a text such as `"2025-03-01"`.

# %% tags=["exercise"]
#: last_known = ...
followed = measures[measures["buyers_again"].notna()]
last_known = str(followed["period"].max())

# %%
check.check_last_observed(last_known, orders, as_of=as_of)

# %% [markdown]
# ## 6 Drivers
#
# These are the factors of known customers' revenue, before and after:

# %%
tree = scorecard.driver_tree(orders, as_of=as_of).set_index("driver")
factors = tree.reindex(["customers", "orders_per_customer", "order_value"])[["before", "after"]]
factors.round(4)

# %% [markdown]
# How much of the change of revenue does LMDI give to the average order value? Revenue is the product of the three
# factors; `scorecard.logarithmic_mean` is at hand.

# %% tags=["exercise"]
#: contribution = ...
import math

revenue_before, revenue_after = factors["before"].prod(), factors["after"].prod()
weight = scorecard.logarithmic_mean(revenue_after, revenue_before)
contribution = weight * math.log(factors.loc["order_value", "after"] / factors.loc["order_value", "before"])

# %%
check.check_contribution(contribution, orders, as_of=as_of)
