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
# Five exercises on chapter 05. Replace each `...` by your own code, run the cell, then run the check below it. The checks
# recompute the answer from the data at hand. Rates are between 0 and 1 and judged to within 0.0005: rounding to three
# digits is fine. Money is judged to within a thousandth.

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
# Here is the table of monthly cohorts. What share of customers bought at age 3, over all cohorts that have come that
# far?

# %%
cohorts = retention.cohorts(orders, as_of=as_of, period="month").to_pandas()
cohorts[["cohort", "age", "cohort_customers", "customers"]].head(4)

# %% tags=["exercise"]
#: retention_at_3 = ...
three = cohorts[cohorts.age == 3]
retention_at_3 = three.customers.sum() / three.cohort_customers.sum()

# %%
check.check_pooled_retention(retention_at_3, orders, as_of=as_of, age=3)

# %% [markdown]
# ## 2 The repeat-purchase rate
#
# One row per customer: whether they `returned`, after how many `days` (or for how long they have been waited for), and for
# how many days they have been followed. What share of new customers order again within 60 days?

# %%
returns = retention.second_orders(orders, as_of=as_of, by="amount").to_pandas()
returns[["customer_id", "returned", "days", "followed_days"]].head(4)

# %% tags=["exercise"]
#: rate_60 = ...
followed = returns[returns.followed_days >= 60]
rate_60 = (followed.returned & (followed.days <= 60)).mean()

# %%
check.check_repeat_rate(rate_60, orders, as_of=as_of, within=60)

# %% [markdown]
# ## 3 Kaplan and Meier, by hand
#
# The table below says for each day how many customers were still at risk of returning, and how many did. What share have
# ordered again by day 30? Use everybody, also those who have been followed for less than 30 days.

# %%
daily = retention.return_curves(returns, by=None, least_at_risk=1)[["day", "at_risk", "returned"]]
daily.head(4)

# %% tags=["exercise"]
#: returned_by_30 = ...
month = daily[daily.day <= 30]
returned_by_30 = 1 - (1 - month.returned / month.at_risk).prod()

# %%
check.check_returned_by(returned_by_30, orders, as_of=as_of, day=30)

# %% [markdown]
# ## 4 A projection
#
# For the high-end customers of Fader and Hardie's paper, the sBG model has α = 0.668 and β = 3.806. What share of the
# contracts will be left after 12 renewals? The share renewed at the t-th renewal is (β + t − 1) / (α + β + t − 1).

# %% tags=["exercise"]
#: left_after_12 = ...
import numpy as np

t = np.arange(1, 13)
left_after_12 = np.prod((3.806 + t - 1) / (0.668 + 3.806 + t - 1))

# %%
check.check_survival(left_after_12, alpha=0.668, beta=3.806, renewals=12)

# %% [markdown]
# ## 5 The price of a point
#
# The table tells what a second order brings (`value`, as contribution) and how many new customers there are in a year. What
# would one percentage point more of second orders be worth in a year, counting the second order alone?

# %%
worth = retention.value_of_second_orders(orders, as_of=as_of, within=90, margin=chapter.client.margin)
facts = worth.iloc[0] if worth is not None else {}
worth[["second_orders", "value", "with_a_year", "new_customers_a_year"]].round(2) if worth is not None else worth

# %% tags=["exercise"]
#: one_point = ...
one_point = facts["new_customers_a_year"] * 0.01 * facts["value"] if worth is not None else None

# %%
check.check_one_point(one_point, orders, as_of=as_of, within=90, margin=chapter.client.margin)

# %% [markdown]
# ## To think about
#
# - A colleague shows that customers with a second order spend several times as much as those without, and concludes that a
#   voucher for the second order multiplies spending. What is wrong with the conclusion, and how would you find out?
# - The share of customers with a second order *so far* has fallen from cohort to cohort for two years. Is that alarming?
# - For which of your own clients is leaving *seen*, and for which is it only silence?
