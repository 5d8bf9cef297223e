# ---
# jupyter:
#   crmlib:
#     title: "Practice: customer lifetime value"
#     question: Can you say who is still a customer, what that is worth, and when not to believe it?
#     minutes: 75
#     needs:
#       orders: [customer_id, ordered_at, amount]
#     optional:
#       subscriptions: [started_at, ended_at]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 Customer lifetime value: exercises
#
# Replace `...` in the cells below, then run the cell after it: it says whether the answer is right, and if not,
# what to look at. Three digits are enough. Where a client's data do not allow an exercise, the check says so.
#
# Exercises 1 to 4 are about the models, 5 to 8 about trusting them, 9 to 11 about using them, 12 is about contracts.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import crmlib
from crmlib import models
from crmlib.course import clv as check
from crmlib.lifecycle import clv

chapter = crmlib.begin("04_clv", client, run)
orders = chapter.table("orders")
base = clv.summary(orders, as_of=chapter.as_of).to_pandas()

# %% [markdown]
# Here is a customer who came back several times:

# %%
several = base[base.frequency >= min(4, base.frequency.max())]
customer = several.iloc[len(several) // 2]
customer.to_frame("value").map(lambda value: round(value, 2) if isinstance(value, float) else value)

# %% [markdown]
# ## 1. Silence
#
# For how many weeks has this customer been silent? Use the columns of `customer`.

# %% tags=["exercise"]
#: silence = ...
silence = customer["T"] - customer.recency

# %%
check.check_silence(silence, base, customer_id=customer.customer_id)

# %% [markdown]
# ## 2. The average chance of leaving
#
# BG/NBD (for orders) and gamma-gamma (for spend) are fitted here. If this client's data do not allow it, the message
# says why.

# %%
fitted = clv.fit_models(base)
model = fitted.orders_model
model.params.round(3) if model else fitted.message

# %% [markdown]
# What is the average probability that a customer leaves after an order? The parameters are `model.a` and `model.b`.

# %% tags=["exercise"]
#: chance_to_leave = ...
chance_to_leave = model.a / (model.a + model.b)

# %%
check.check_chance_to_leave(chance_to_leave, base)

# %% [markdown]
# ## 3. Still a customer?
#
# Compute P(alive) of `customer` under BG/NBD, with the formula of the chapter, from `model.r`, `model.alpha`, `model.a`
# and `model.b`.

# %% tags=["exercise"]
#: p_alive = ...
since_first, since_last = model.alpha + customer["T"], model.alpha + customer.recency
odds = model.a / (model.b + customer.frequency - 1) * (since_first / since_last) ** (model.r + customer.frequency)
p_alive = 1 / (1 + odds)

# %%
check.check_p_alive(p_alive, base, customer_id=customer.customer_id)

# %% [markdown]
# ## 4. Their own mean or everybody's?
#
# A customer has placed two repeat orders. In the expected spend, what weight does the customer's *own* mean have? The
# model of spend has `p` and `q`.

# %%
spend = fitted.spend_model
spend.params.round(3) if spend else fitted.message

# %% tags=["exercise"]
#: weight = ...
weight = 2 * spend.p / (2 * spend.p + spend.q - 1)

# %%
check.check_belief(weight, base, repeats=2)

# %% [markdown]
# ## 5. Was the forecast right?
#
# The last third of the data is held out. By what share did the orders that came differ from the expected ones?
# Positive means that more came.

# %%
end = clv.calibration_end(orders, as_of=chapter.as_of)
past = clv.summary(orders, as_of=chapter.as_of, calibration_end=end).to_pandas() if end else None
held_out = clv.fit_models(past) if end else None
then = held_out.orders_model if end else None
table = clv.holdout_comparison(past, then) if then else None
table[["frequency", "customers", "actual_orders", "expected_orders"]].round(2) if then else "The data are too short."

# %% tags=["exercise"]
#: miss = ...
miss = table.actual_orders.sum() / table.expected_orders.sum() - 1

# %%
check.check_miss(miss, orders, as_of=chapter.as_of, calibration_end=end)

# %% [markdown]
# ## 6. The best fifth
#
# Suppose that at the end of the calibration there had been money to look after a fifth of the customers, those of
# whom `then` **expected** the most orders. What share of all orders that **came** did they place? `forecast` has a row
# per customer.

# %%
seen = ["holdout_length", "frequency", "recency", "T"]
forecast = past[["customer_id", "holdout_orders"]].copy() if then else None
if then:
    forecast["expected"] = then.expected_orders(*(past[name] for name in seen))
forecast.head(3).round(2) if then else "There is no model for a time held out."

# %% tags=["exercise"]
#: best_fifth = ...
chosen = forecast.nlargest(len(forecast) // 5, "expected")
best_fifth = chosen.holdout_orders.sum() / forecast.holdout_orders.sum()

# %%
check.check_best_fifth(best_fifth, past)

# %% [markdown]
# ## 7. Somebody who bought once
#
# BG/NBD calls everybody who bought once surely still a customer, however long ago that was. Under **MBG/NBD** people
# may leave after the first order, too. For somebody who never came back (x = 0) its odds of being gone are
#
# odds = a / b · ((α + T) / α)^r.
#
# What is P(alive) of `single` under MBG/NBD? The parameters are those of `modified`.

# %%
of_mbg = clv.fit_models(base, orders_model=models.ModifiedBetaGeoNBD)
modified = of_mbg.orders_model
modified.params.round(3) if modified else of_mbg.message

# %%
bought_once = base[base.frequency == 0]
single = bought_once.iloc[len(bought_once) // 2] if len(bought_once) else None
bought_once[bought_once.customer_id == single.customer_id].round(2) if single is not None else "Everybody came back."

# %% tags=["exercise"]
#: p_alive_of_single = ...
p_alive_of_single = 1 / (
    1 + modified.a / modified.b * ((modified.alpha + single["T"]) / modified.alpha) ** modified.r
)

# %%
check.check_p_alive_one_time(p_alive_of_single, base, customer_id=None if single is None else single.customer_id)

# %% [markdown]
# So two models can say very different things of the same person, and this person's orders cannot tell which is right:
# in both stories they have done nothing since. What can be tested is how many orders came from *all* who had bought
# once (`frequency` 0 in the table of exercise 5). Where the truth is known, as for the sample brand, one can look:

# %%
from crmlib.course import truth

true = truth.true_customers(chapter.client) if modified and single is not None else None
said = bought_once.assign(mbg_nbd=modified.p_alive(0, 0, bought_once["T"])) if true is not None else None
seen_through = said.assign(bg_nbd=1.0).merge(true, on="customer_id") if true is not None else None
seen_through[["bg_nbd", "mbg_nbd", "alive"]].mean().round(2) if true is not None else "Here nobody knows the truth."

# %% [markdown]
# The model whose P(alive) looks more reasonable need not be the one that is nearer to the truth. That is why models are
# picked by what happened in a time held out.
#
# ## 8. Do intervals hold what they promise?
#
# Each customer's orders in the holdout were predicted with a 95 % interval. What share of customers placed a number
# of orders **within** theirs? The ends belong to it.

# %%
promised = clv.predict(past, chapter.as_of, as_of=end, **held_out.models) if then and held_out.complete else None
ends = ["customer_id", "expected_orders_low", "expected_orders_high"]
promised[ends].assign(came=past.holdout_orders).head(3) if promised is not None else "No model for a time held out."

# %% tags=["exercise"]
#: inside = ...
above_low = past.holdout_orders >= promised.expected_orders_low
below_high = past.holdout_orders <= promised.expected_orders_high
inside = (above_low & below_high).mean()

# %%
check.check_inside(inside, past)

# %% [markdown]
# More than 95 % may well come out, because orders are whole numbers: an interval from 0 to 1 cannot be a little
# narrower. Clearly fewer than 95 % of many customers would be a warning: the model is surer than it may be.

# %% [markdown]
# ## 9. What is at risk with the sleeping?
#
# Add up the value at risk of all customers who have been silent for more than 26 weeks.

# %%
options = {**fitted.models, "margin": chapter.client.margin, "discount_rate": chapter.client.discount_rate}
values = clv.customer_values(base, **options) if fitted.complete else None
shown = ["customer_id", "silence_weeks", "p_alive", "clv", "value_if_alive", "value_at_risk"]
values[shown].head(3).round(2) if values is not None else fitted.message

# %% tags=["exercise"]
#: sleeping = ...
sleeping = values[values.silence_weeks > 26].value_at_risk.sum()

# %%
check.check_sleeping_value(sleeping, values, weeks=26)

# %% [markdown]
# ## 10. Whom to call?
#
# There is time for fifty calls. Which rule reaches the most value at risk: `lowest_p_alive`, `highest_p_alive` or
# `highest_value_at_risk`? And why should the answer still be tried with a control group?

# %% tags=["exercise"]
#: rule = ...
rule = "highest_value_at_risk"

# %%
check.check_calling_rule(rule, values, calls=50)

# %% [markdown]
# ## 11. Twice as long, twice as much?
#
# How many times as much are all customers worth (sum of `clv`) over the next **24 calendar months** as over the next
# 12? `clv.customer_values(base, horizon, as_of=chapter.as_of, **options)` predicts for any horizon: `"365D"` are days,
# `"52W"` weeks, `"12M"` calendar months. Only the last needs `as_of`, because months differ in length.

# %% tags=["exercise"]
#: times_as_much = ...
two_years = clv.customer_values(base, "24M", as_of=chapter.as_of, **options).clv.sum()
one_year = clv.customer_values(base, "12M", as_of=chapter.as_of, **options).clv.sum()
times_as_much = two_years / one_year

# %%
of_client = {"margin": chapter.client.margin, "discount_rate": chapter.client.discount_rate}
check.check_two_years(times_as_much, base, as_of=chapter.as_of, **of_client)

# %% [markdown]
# ## 12. The sixth renewal
#
# The sBG says that of the contracts that come to renewal t, the share (β + t − 1) / (α + β + t − 1) is renewed. What
# does it say of the sixth renewal? Use `of_contracts.alpha` and `of_contracts.beta`.

# %%
from crmlib.lifecycle import retention

contracts = chapter.table("subscriptions") if chapter.has("subscriptions", "started_at", "ended_at") else None
ages = retention.renewal_ages(contracts, as_of=chapter.as_of).to_pandas() if contracts is not None else None
of_contracts = None
try:
    of_contracts = models.ShiftedBetaGeometric.fit(ages) if ages is not None else None
    why = "This client has no contracts."
except (models.FitDidNotConverge, models.CustomerBaseInvalid) as problem:
    why = str(problem)
of_contracts.params.round(3) if of_contracts else why

# %% tags=["exercise"]
#: sixth = ...
sixth = (of_contracts.beta + 6 - 1) / (of_contracts.alpha + of_contracts.beta + 6 - 1) if of_contracts else None

# %%
check.check_renewal(sixth, ages, renewal=6)
