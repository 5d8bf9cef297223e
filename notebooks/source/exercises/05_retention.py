# ---
# jupyter:
#   crmlib:
#     title: "Practice: retention"
#     question: Can you follow new customers without being deceived by what is not over yet?
#     minutes: 40
#     needs:
#       orders: [customer_id, ordered_at, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: retention
#
# Here are five exercises on chapter 05. Replace each `...` by your own code and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.pooled_retention.hint()`.
#
# The checks compute the right answer from the data at hand. Rates are between 0 and 1, and three decimals are enough.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import crmlib
from crmlib.course import retention as check
from crmlib.lifecycle import retention

chapter = crmlib.begin("05_retention", client, run)
orders, as_of = chapter.table("orders"), chapter.as_of

# %% [markdown]
# ## 1 All cohorts together
#
# This is the table of monthly cohorts. Take all cohorts that have come to age 3. What share of their customers bought at
# this age?

# %%
cohorts = retention.cohorts(orders, as_of=as_of, period="month").to_pandas()
cohorts[["cohort", "age", "cohort_customers", "customers"]].head(4)

# %% tags=["exercise"]
#: retention_at_3 = ...
three = cohorts[cohorts.age == 3]
retention_at_3 = three.customers.sum() / three.cohort_customers.sum()

# %%
check.pooled_retention(retention_at_3, cohorts, age=3)

# %% [markdown]
# ## 2 The repeat-purchase rate
#
# This table has one row per customer. `returned` says whether the customer ordered again. `days` says after how many
# days, or for how long we have waited. `followed_days` says for how many days we have followed the customer. What share
# of new customers order again within 60 days?

# %%
returns = retention.second_orders(orders, as_of=as_of, by="amount").to_pandas()
returns[["customer_id", "returned", "days", "followed_days"]].head(4)

# %% tags=["exercise"]
#: rate_60 = ...
followed = returns[returns.followed_days >= 60]
rate_60 = (followed.returned & (followed.days <= 60)).mean()

# %%
check.repeat_rate(rate_60, returns, within=60)

# %% [markdown]
# ## 3 Kaplan and Meier, by hand
#
# These eight customers are few enough to do it by hand. What share have ordered again by day 30? Use everybody, also
# those whom we have followed for less than 30 days. Who leaves the base on a day is still at risk on that day.

# %%
import pandas as pd

few = pd.DataFrame({"days": [5, 9, 12, 20, 25, 12, 30, 41], "followed_days": [90, 80, 12, 70, 25, 12, 60, 50]})
few["returned"] = few.days < few.followed_days
few.index = list("ABCDEFGH")
few.T

# %% tags=["exercise"]
#: returned_by_30 = ...
back = few[few.returned & (few.days <= 30)].days
returned_by_30 = 1 - (1 - 1 / pd.Series([(few.days >= day).sum() for day in back])).prod()

# %%
check.returned_by(returned_by_30, few, day=30)

# %% [markdown]
# ## 4 A projection
#
# For the high-end customers of Fader and Hardie's paper, the sBG model has α = 0.668 and β = 3.806. At the t-th renewal,
# the share (β + t − 1) / (α + β + t − 1) is renewed. What share of the contracts is left after 12 renewals?

# %% tags=["exercise"]
#: left_after_12 = ...
import numpy as np

t = np.arange(1, 13)
left_after_12 = np.prod((3.806 + t - 1) / (0.668 + 3.806 + t - 1))

# %%
check.survival(left_after_12, alpha=0.668, beta=3.806, renewals=12)

# %% [markdown]
# ## 5 The price of a point
#
# The table says what a second order brings (`value`, as contribution) and how many new customers there are in a year.
# Suppose that one percentage point more of them place a second order. What is that worth in a year, counting the second
# order alone?

# %%
margin = chapter.client.margin
worth = retention.value_of_second_orders(orders, as_of=as_of, within=90, margin=margin)
worth[["second_orders", "value", "with_a_year", "new_customers_a_year"]].round(2)

# %% tags=["exercise"]
#: one_point = ...
one_point = worth.new_customers_a_year.item() * 0.01 * worth.value.item()

# %%
check.one_point(one_point, worth, returns, margin=margin)

# %% [markdown]
# ## To think about
#
# - A colleague shows that customers with a second order spend several times as much as those without, and concludes that a
#   voucher for the second order multiplies spending. What is wrong with the conclusion, and how would you find out?
# - The share of customers with a second order *so far* has fallen from cohort to cohort for two years. Is that alarming?
# - For which of your own clients is leaving *seen*, and for which is it only silence?
