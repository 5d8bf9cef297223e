# ---
# jupyter:
#   crmlib:
#     title: "Practice: customer lifetime value"
#     question: Can you say who is still a customer, what that is worth, and when not to believe it?
#     minutes: 75
#     needs:
#       orders: [customer_id, ordered_at, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: customer lifetime value
#
# Here are twelve exercises on chapter 04. Replace each `...` by your own code and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.silence.hint()`.
#
# Exercises 1 to 5 are about the models, 6 to 8 about trusting them, 9 to 11 about using them, and 12 is about contracts.
# Three digits are enough. Exercises 6 to 11 need customers who came back over at least half a year.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import pandas as pd

import crmlib
from crmlib import models
from crmlib.course import clv as check
from crmlib.lifecycle import clv

chapter = crmlib.begin("04_clv", client, run)
orders, as_of = chapter.table("orders"), chapter.as_of

# %% [markdown]
# Fader, Hardie and Lee published BG/NBD with the customers of CDNOW, an early shop for music. One of them came back
# twice; times are in weeks:

# %%
customer = pd.Series({"frequency": 2, "recency": 30.43, "T": 38.86})
customer.to_frame("value")

# %% [markdown]
# ## 1 Silence
#
# For how many weeks has this customer been silent?

# %% tags=["exercise"]
#: silence = ...
silence = customer["T"] - customer["recency"]

# %%
check.silence(silence, customer)

# %% [markdown]
# ## 2 The average chance to leave
#
# These are the published parameters. What is the average probability that a customer leaves after an order? You need
# `model.a` and `model.b`.

# %%
model = models.BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
model

# %% tags=["exercise"]
#: chance_to_leave = ...
chance_to_leave = model.a / (model.a + model.b)

# %%
check.chance_to_leave(chance_to_leave, model)

# %% [markdown]
# ## 3 Still a customer?
#
# What is P(alive) of `customer`? Use the formula of the chapter with `model.r`, `model.alpha`, `model.a` and `model.b`.

# %% tags=["exercise"]
#: p_alive = ...
since_first, since_last = model.alpha + customer["T"], model.alpha + customer["recency"]
x = customer["frequency"]
odds = model.a / (model.b + x - 1) * (since_first / since_last) ** (model.r + x)
p_alive = 1 / (1 + odds)

# %%
check.p_alive(p_alive, customer, model)

# %% [markdown]
# ## 4 Their own mean or everybody's?
#
# The customer has placed two repeat orders. How much does the customer's *own* mean weigh in the expected spend? The
# model of spend has `p` and `q`.

# %%
spend = models.GammaGamma(p=6.25, q=3.74, v=15.44)
spend

# %% tags=["exercise"]
#: weight = ...
weight = 2 * spend.p / (2 * spend.p + spend.q - 1)

# %%
check.belief(weight, spend, repeats=2)

# %% [markdown]
# ## 5 Somebody who bought once
#
# BG/NBD says that everybody who bought once is surely still a customer, however long ago that was. Under **MBG/NBD**
# people may leave after the first order, too. For somebody who never came back, the odds of being gone are
#
# odds = a / b · ((α + T) / α)^r.
#
# What is P(alive) of `single` under MBG/NBD? These are its published parameters.

# %%
modified = models.ModifiedBetaGeoNBD(r=0.525, alpha=6.183, a=0.891, b=1.614)
single = pd.Series({"frequency": 0, "recency": 0.0, "T": 38.86})
modified

# %% tags=["exercise"]
#: p_alive_of_single = ...
grown = (modified.alpha + single["T"]) / modified.alpha
p_alive_of_single = 1 / (1 + modified.a / modified.b * grown**modified.r)

# %%
check.p_alive_of_single(p_alive_of_single, single, modified, model)

# %% [markdown]
# So two models say very different things of the same person. Their orders cannot tell us who is right: in both stories
# this person has done nothing since. That is why we pick models by what happened in a time that we held out.
#
# ## 6 Was the forecast right?
#
# Now to your customers. The last third of the data is held out. By what share did the orders that came differ from the
# expected ones? Positive means that more came.

# %%
end = clv.calibration_end(orders, as_of=as_of)
past = clv.summary(orders, as_of=as_of, calibration_end=end).to_pandas()
then = clv.fit_models(past)
table = clv.holdout_comparison(past, then.orders_model)
table[["frequency", "customers", "actual_orders", "expected_orders"]].round(2)

# %% tags=["exercise"]
#: miss = ...
miss = table.actual_orders.sum() / table.expected_orders.sum() - 1

# %%
check.miss(miss, table)

# %% [markdown]
# ## 7 The best fifth
#
# Suppose that before the holdout we had money to look after a fifth of the customers. We choose those of whom the model
# **expected** the most orders. What share of all orders that **came** (`holdout_orders`) did they place?

# %%
history = [past[name] for name in ("holdout_length", "frequency", "recency", "T")]
forecast = past[["customer_id", "holdout_orders"]].assign(expected=then.orders_model.expected_orders(*history))
forecast.head(3).round(2)

# %% tags=["exercise"]
#: best_fifth = ...
chosen = forecast.nlargest(len(forecast) // 5, "expected")
best_fifth = chosen.holdout_orders.sum() / forecast.holdout_orders.sum()

# %%
check.best_fifth(best_fifth, forecast)

# %% [markdown]
# ## 8 Do intervals hold what they promise?
#
# For each customer, the model predicted the orders of the holdout with a 95 % interval. What share of customers placed a
# number of orders (`came`) **within** theirs? The ends belong to the interval.

# %%
promised = clv.predict(past, as_of, as_of=end, **then.models).assign(came=past.holdout_orders)
promised[["customer_id", "expected_orders", "expected_orders_low", "expected_orders_high", "came"]].head(3).round(2)

# %% tags=["exercise"]
#: inside = ...
above_low = promised.came >= promised.expected_orders_low
below_high = promised.came <= promised.expected_orders_high
inside = (above_low & below_high).mean()

# %%
check.inside(inside, promised)

# %% [markdown]
# More than 95 % is common, because orders are whole numbers: an interval from 0 to 1 cannot be a little narrower. Clearly
# fewer than 95 % of many customers would be a warning. Then the model is surer than it may be.
#
# ## 9 What is at risk with the sleeping?
#
# Add up the value at risk of all customers who have been silent for more than 26 weeks.

# %%
base = clv.summary(orders, as_of=as_of).to_pandas()
options = {"margin": chapter.client.margin, "discount_rate": chapter.client.discount_rate, **clv.fit_models(base).models}
values = clv.customer_values(base, **options)
values[["customer_id", "silence_weeks", "p_alive", "clv", "value_if_alive", "value_at_risk"]].head(3).round(2)

# %% tags=["exercise"]
#: sleeping = ...
sleeping = values[values.silence_weeks > 26].value_at_risk.sum()

# %%
check.sleeping(sleeping, values, weeks=26)

# %% [markdown]
# ## 10 Whom to call?
#
# There is time for fifty calls. Which rule reaches the most value at risk: `"lowest_p_alive"`, `"highest_p_alive"` or
# `"highest_value_at_risk"`? And why should you still try it with a control group?

# %% tags=["exercise"]
#: rule = ...
rule = "highest_value_at_risk"

# %%
check.calling_rule(rule, values, calls=50)

# %% [markdown]
# ## 11 Twice as long, twice as much?
#
# Take the sum of `clv` over all customers. How many times as much are they worth over the next **24 calendar months** as
# over the next 12? Four digits are enough.
#
# `clv.customer_values(base, horizon, as_of=as_of, **options)` predicts for any horizon: `"365D"` are days, `"52W"` weeks,
# `"12M"` calendar months. Only months need `as_of`, because they differ in length.

# %% tags=["exercise"]
#: times_as_much = ...
two_years = clv.customer_values(base, "24M", as_of=as_of, **options).clv.sum()
one_year = clv.customer_values(base, "12M", as_of=as_of, **options).clv.sum()
times_as_much = two_years / one_year

# %%
check.two_years(times_as_much, base, as_of=as_of, **options)

# %% [markdown]
# ## 12 The sixth renewal
#
# The sBG model says: of the contracts that come to renewal t, the share (β + t − 1) / (α + β + t − 1) is renewed. For the
# regular customers of Fader and Hardie's paper, α = 0.704 and β = 1.182. What share is renewed at the sixth renewal?

# %% tags=["exercise"]
#: sixth = ...
alpha, beta = 0.704, 1.182
sixth = (beta + 6 - 1) / (alpha + beta + 6 - 1)

# %%
check.renewal(sixth, alpha=0.704, beta=1.182, number=6)
