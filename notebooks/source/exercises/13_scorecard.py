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
# # Practice: KPI scorecard
#
# Here are six exercises on chapter 13. Replace each `...` by your own code and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.order_value.hint()`.
#
# The checks compute the right answer from the data at hand. Three digits are enough for rates, four for money.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import crmlib
from crmlib.course import scorecard as check
from crmlib.lifecycle import scorecard

chapter = crmlib.begin("13_scorecard", client, run)
orders, as_of = chapter.table("orders"), chapter.as_of

# %% [markdown]
# `measures` has one row per month that is over:

# %%
measures = scorecard.base_measures(orders=orders, as_of=as_of)
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
check.order_value(order_value, measures)

# %% [markdown]
# ## 2 A KPI of several months
#
# A young shop had more customers from month to month. Some of those who were active when a month began had lapsed when
# it ended. What was the monthly churn rate over these months together?

# %%
import pandas as pd

shop = pd.DataFrame({"active_at_start": [100, 180, 300, 450, 620, 800], "lapsed": [30, 36, 45, 54, 62, 72]})
shop.index = ["February", "March", "April", "May", "June", "July"]
shop.T

# %% tags=["exercise"]
#: churn = ...
churn = shop["lapsed"].sum() / shop["active_at_start"].sum()

# %%
check.churn(churn, shop)

# %% [markdown]
# ## 3 Signal or noise?
#
# What is the upper natural process limit of the monthly average order value? The last month is the one that we judge, so
# the limit comes from all months before it.

# %% tags=["exercise"]
#: upper_limit = ...
monthly = (measures["revenue"] / measures["orders"]).dropna()
before_last = monthly.iloc[:-1]
upper_limit = before_last.mean() + 2.66 * before_last.diff().abs().mean()

# %%
check.upper_limit(upper_limit, measures)

# %% [markdown]
# ## 4 Define a KPI
#
# A shop manager asks: of those who bought this month, what share had bought before? Write the formula as it would
# stand in the KPI file, as a text such as `"revenue / orders"`. These are the measures that you can use:

# %%
[name for name, measure in scorecard.BASE_MEASURES.items() if measure.table == "orders"]

# %% tags=["exercise"]
#: formula = ...
formula = "returning_customers / buyers"

# %%
check.formula(formula, measures)

# %% [markdown]
# ## 5 What we do not know yet
#
# The repurchase rate says who bought again within 90 days. What is the first day of the last month for which we know it?
# Answer a text such as `"2025-03-01"`.

# %% tags=["exercise"]
#: last_known = ...
followed = measures[measures["buyers_again"].notna()]
last_known = str(followed["period"].max())

# %%
check.last_known(last_known, measures)

# %% [markdown]
# ## 6 Drivers
#
# The revenue of a shop's known customers is the product of these three factors, before and after:

# %%
factors = pd.DataFrame({"before": [2000, 2.5, 80.0], "after": [3000, 2.0, 120.0]})
factors.index = ["customers", "orders_per_customer", "order_value"]
factors

# %% [markdown]
# How much of the change of revenue comes from the average order value, by LMDI? You can use
# `scorecard.logarithmic_mean`.

# %% tags=["exercise"]
#: contribution = ...
import math

revenue_before, revenue_after = factors["before"].prod(), factors["after"].prod()
weight = scorecard.logarithmic_mean(revenue_after, revenue_before)
contribution = weight * math.log(factors.loc["order_value", "after"] / factors.loc["order_value", "before"])

# %%
check.contribution(contribution, factors)
