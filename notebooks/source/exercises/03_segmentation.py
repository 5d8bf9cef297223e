# ---
# jupyter:
#   crmlib:
#     title: "Practice: segmentation"
#     question: Can you put customers into groups that a colleague would find again?
#     minutes: 40
#     needs:
#       orders: [customer_id, ordered_at, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: segmentation
#
# Here are five exercises on chapter 03. Replace each `...` by your own code and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.frequency_scores.hint()`.
#
# The checks compute the right answer from the data at hand. Three digits are enough.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import pandas as pd

import crmlib
from crmlib.course import segmentation as check
from crmlib.lifecycle import segmentation

chapter = crmlib.begin("03_segmentation", client, run)
orders, as_of = chapter.table("orders"), chapter.as_of

# %% [markdown]
# ## 1 Equal customers, equal scores
#
# Nine customers have bought this often in the last twelve months. Score them from 1 to 3 by thirds, as the chapter does:
# the cut points are values that customers have, and a value that equals a cut point belongs below it. Answer a table
# with `customer_id` and `f_score`.

# %%
few = pd.DataFrame({"customer_id": list("abcdefghi"), "purchases_year": [1, 5, 1, 2, 8, 1, 2, 1, 3]})
few.T

# %% tags=["exercise"]
#: frequency_scores = ...
scores = 1 + (few.purchases_year > 1).astype(int) + (few.purchases_year > 2).astype(int)
frequency_scores = pd.DataFrame({"customer_id": few.customer_id, "f_score": scores})

# %%
check.frequency_scores(frequency_scores, few)

# %% [markdown]
# ## 2 Which rule comes first?
#
# These rules put customers into tiers. They are tried from the top.
#
# 1. `sleeping`: silent for more days than `sleeping_after`
# 2. `core`: spent at least `high_spend` in the year and bought at least `frequent` times
# 3. `potential`: only one of these two
# 4. `ordinary`: everybody else
#
# A customer has spent ten times `high_spend` in the last twelve months, on many days. But the customer has been silent
# for one day longer than `sleeping_after`. Which tier is it?

# %%
customers = segmentation.customer_activity(orders, as_of=as_of).to_pandas()
thresholds = segmentation.thresholds(customers, segmentation.purchase_rhythm(orders, as_of=as_of))
thresholds[["threshold", "value"]].round(2)

# %% tags=["exercise"]
#: tier = ...
tier = "sleeping"

# %%
check.first_rule(tier, thresholds)

# %% [markdown]
# ## 3 How much do the best bring?
#
# A small shop has 15 customers. Take those who bought in the last twelve months. What share of the revenue of these
# twelve months comes from the best fifth of them?

# %%
ever = [500, 420, 1500, 90, 900, 60, 700, 80, 30, 20, 400, 300, 250, 60, 40]
year = [400, 300, 90, 80, 70, 60, 50, 40, 30, 20, 0, 0, 0, 0, 0]
shop = pd.DataFrame({"purchases_year": [4, 3, 1, 1, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], "revenue_year": year, "revenue": ever})
shop

# %% tags=["exercise"]
#: best_fifth = ...
spent = shop[shop.purchases_year > 0].revenue_year.sort_values(ascending=False)
best_fifth = spent.head(len(spent) // 5).sum() / spent.sum()

# %%
check.best_fifth(best_fifth, shop)

# %% [markdown]
# ## 4 What may it cost to wake a customer?
#
# An offer to a sleeping customer should not cost more than the customer brought. `customers` has one row per customer who
# ever bought. Put them into tiers with `segmentation.segments` and the `thresholds`. How much did a customer of the **tier**
# `sleeping` bring in the **last twelve months**, on average? Those who brought nothing count, too.

# %%
customers[["customer_id", "recency_days", "purchases_year", "revenue_year", "revenue"]].head(3).round(2)

# %% tags=["exercise"]
#: asleep = ...
segmented = segmentation.segments(customers, thresholds)
asleep = segmented[segmented.tier == "sleeping"].revenue_year.mean()

# %%
check.asleep(asleep, customers, thresholds)

# %% [markdown]
# ## 5 Core then, core now
#
# We can compare today with the day `earlier`. Of the customers who were **core then**, what share is core today?

# %%
earlier = segmentation.comparison_day(orders, as_of=as_of)
str(earlier)

# %% tags=["exercise"]
#: still_core = ...
past = segmentation.segments(segmentation.customer_activity(orders, as_of=earlier).to_pandas(), thresholds)
moves = segmentation.migration(past, segmented, since=earlier)
core = moves[moves.before == "core"]
still_core = core[core.after == "core"].customers.sum() / core.customers.sum()

# %%
check.still_core(still_core, orders, as_of=as_of)
