# ---
# jupyter:
#   crmlib:
#     title: "Practice: growth"
#     question: Can you tell what belongs together from what chance brings together?
#     minutes: 40
#     needs:
#       orders: [order_id, ordered_at, amount]
#       order_lines: [order_id, product_id, quantity, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: growth
#
# Here are seven exercises on chapter 07. Replace each `...` by your own code and run the cell. Then run the check below it.
# If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.confidence.hint()`.
#
# The checks compute the right answer from the data at hand. Rates are between 0 and 1, and three decimals are enough.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import crmlib
from crmlib.course import growth as check
from crmlib.lifecycle import growth

chapter = crmlib.begin("07_growth", client, run)
orders, lines, as_of = chapter.table("orders"), chapter.table("order_lines"), chapter.as_of

# %% [markdown]
# ## 1 Confidence
#
# Here is one pair of items: how many `orders` there are, how many hold the `first`, the `second`, and `both`. Of the orders
# with the first item, what share also hold the second?

# %%
held = growth.baskets(lines, orders, as_of=as_of, item=growth.item_kind(lines))
pair = growth.affinities(held).sort_values(["both", "item"], ascending=[False, False]).head(1)
wanted = {"baskets": "orders", "item_baskets": "first", "other_baskets": "second", "both": "both"}
counts = pair.rename(columns=wanted)[["orders", "first", "second", "both"]]
counts

# %% tags=["exercise"]
#: confidence = ...
confidence = counts.both.item() / counts["first"].item()

# %%
check.confidence(confidence, counts)

# %% [markdown]
# ## 2 Lift
#
# How many times as often do the two items meet as chance would bring them together?

# %% tags=["exercise"]
#: lift = ...
lift = counts.both.item() * counts.orders.item() / (counts["first"].item() * counts.second.item())

# %%
check.lift(lift, counts)

# %% [markdown]
# ## 3 Many comparisons
#
# Six pairs were tested, and each has its p. How many are left at 5% after Holm's correction?

# %%
import pandas as pd

tests = pd.DataFrame({"pair": list("ABCDEF"), "p": [0.012, 0.2, 0.001, 0.045, 0.008, 0.024]})
tests.T

# %% tags=["exercise"]
#: left = ...
in_order = tests.p.sort_values(ignore_index=True)
left = (in_order * (len(in_order) - in_order.index) < 0.05).cumprod().sum()

# %%
check.beyond_chance(left, tests, level=0.05)

# %% [markdown]
# ## 4 What a measure changed
#
# Some shops began a measure, others did not. The table holds the share of orders in which the second item came along. What
# did the measure change?

# %%
rates = pd.DataFrame({"with_measure": {"before": 0.212, "after": 0.39}, "without": {"before": 0.171, "after": 0.288}})
rates

# %% tags=["exercise"]
#: effect = ...
change = rates.loc["after"] - rates.loc["before"]
effect = change.with_measure - change.without

# %%
check.effect(effect, rates)

# %% [markdown]
# ## 5 Recall
#
# Each customer was suggested 3 items. The table says how many different items each then `bought`, and how many of these were
# among the suggestions (`hits`). What is the recall at 3? Nobody can meet more than 3 items, so divide
# the hits of each by at most 3.

# %%
customers = pd.DataFrame({"bought": [1, 2, 4, 1, 6], "hits": [1, 1, 2, 0, 2]}, index=list("VWXYZ"))
customers.T

# %% tags=["exercise"]
#: recall_at_3 = ...
recall_at_3 = (customers.hits / customers.bought.clip(upper=3)).mean()

# %%
check.recall(recall_at_3, customers, k=3)

# %% [markdown]
# ## 6 Bargain hunters
#
# Of all orders, 20% are reduced. 500 customers have three orders each. How many of them buy only at a discount if nobody
# waits for one?

# %% tags=["exercise"]
#: lucky = ...
lucky = 500 * 0.2**3

# %%
check.by_luck(lucky, customers=500, orders=3, rate=0.2)

# %% [markdown]
# ## 7 The club
#
# These are the tiers of the club, and how many members joined with their first order. Does the club make members buy more?
# Answer "the club works", "the club does not work" or "cannot be told".

# %%
loyalty = chapter.table("loyalty")
tiers = growth.tier_summary(loyalty, orders, as_of=as_of, margin=chapter.client.margin).to_pandas()
at_once = growth.joined_with_first_order(loyalty, orders, as_of=as_of)
tiers[["tier", "customers", "orders_each", "contribution_each"]].round(2)

# %%
at_once

# %% tags=["exercise"]
#: answer = ...
answer = "cannot be told"

# %%
check.club(answer, tiers, at_once)

# %% [markdown]
# ## To think about
#
# - A tool shows that customers who bought a gift card also bought a beauty session, with a lift of 3 among customers. What do
#   you ask before you believe it?
# - The attach rate has doubled since the set began. Which table would you ask for?
# - How would you run the club so that next year you *can* tell what it brings?
