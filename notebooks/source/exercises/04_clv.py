# ---
# jupyter:
#   crmlib:
#     title: "Practice: customer lifetime value"
#     question: Can you say who is still a customer, what that is worth, and when not to believe it?
#     minutes: 45
#     needs:
#       orders: [customer_id, ordered_at, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 Customer lifetime value: exercises
#
# Replace `...` in the cells below, then run the cell after it: it says whether the answer is right, and if not,
# what to look at. Three digits are enough.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
workspace: str = ""  # folder of a run's workspace; filled in by the runner
output: str = ""  # folder for the tables shown; filled in by the runner
language: str = ""  # of titles and findings; empty: the client's

# %%
import crmlib
from crmlib.course import clv as check
from crmlib.lifecycle import clv

chapter = crmlib.begin("04_clv", client=client, workspace=workspace, output=output, language=language)
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
# The models are fitted here. If this client's data do not allow it, the message says why.

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
# Compute P(alive) of `customer` with the formula of the chapter, from `model.r`, `model.alpha`, `model.a` and
# `model.b`.

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
# ## 5. What is at risk with the sleeping?
#
# Add up the value at risk of all customers who have been silent for more than 26 weeks.

# %%
options = {**fitted.models, "margin": chapter.client.margin, "discount_rate": chapter.client.discount_rate}
values = clv.customer_values(base, **options) if fitted.complete else None
values.head(3).round(2) if values is not None else fitted.message

# %% tags=["exercise"]
#: sleeping = ...
sleeping = values[values.silence_weeks > 26].value_at_risk.sum()

# %%
check.check_sleeping_value(sleeping, values, weeks=26)

# %% [markdown]
# ## 6. Whom to call?
#
# There is time for fifty calls. Which rule reaches the most value at risk: `lowest_p_alive`, `highest_p_alive` or
# `highest_value_at_risk`? And why should the answer still be tried with a control group?

# %% tags=["exercise"]
#: rule = ...
rule = "highest_value_at_risk"

# %%
check.check_calling_rule(rule, values, calls=50)

# %% [markdown]
# ## 7. Was the forecast right?
#
# The last third of the data is held out. By what share did the orders that came differ from the expected ones?
# Positive means that more came.

# %%
end = clv.calibration_end(orders, as_of=chapter.as_of)
past = clv.summary(orders, as_of=chapter.as_of, calibration_end=end).to_pandas() if end else None
then = clv.fit_models(past).orders_model if end else None
table = clv.holdout_comparison(past, then) if then else None
table[["frequency", "customers", "actual_orders", "expected_orders"]].round(2) if then else "The data are too short."

# %% tags=["exercise"]
#: miss = ...
miss = table.actual_orders.sum() / table.expected_orders.sum() - 1

# %%
check.check_miss(miss, orders, as_of=chapter.as_of, calibration_end=end)
