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
# # Practice: 03 Segmentation
#
# Replace each `...` by your answer and run the cell below it. The checks compute what they expect from the data at hand,
# so they hold for any client; ask as often as you like. Three digits are enough.

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
customers = segmentation.customer_activity(orders, as_of=as_of).to_pandas()
rhythm = segmentation.purchase_rhythm(orders, as_of=as_of).to_pandas()
thresholds = segmentation.thresholds(customers, rhythm)

# %% [markdown]
# `customers` has one row per customer who ever bought; `thresholds` is what the rules use:

# %%
pd.set_option("display.max_colwidth", None)
thresholds[["threshold", "value", "words"]].round(2)

# %% [markdown]
# ## 1 Equal customers, equal scores
#
# Score the frequency (`purchases_year`) from 1 to 3 with these cut points: nothing in the year → 1; one or two purchases
# → 2; more → 3. Answer a table with `customer_id` and `f_score`.

# %% tags=["exercise"]
#: frequency_scores = ...
bins = pd.cut(customers.purchases_year, [-1, 0, 2, float("inf")], labels=[1, 2, 3]).astype(int)
frequency_scores = pd.DataFrame({"customer_id": customers.customer_id, "f_score": bins})

# %%
check.check_frequency_scores(frequency_scores, orders, as_of=as_of)

# %% [markdown]
# ## 2 Which rule comes first?
#
# A customer spent ten times the threshold `high_spend` in the last twelve months, on many days, but has been silent for
# one day longer than `sleeping_after`. Which tier: `"core"`, `"potential"`, `"ordinary"` or `"sleeping"`?

# %% tags=["exercise"]
#: tier = ...
tier = "sleeping"

# %%
check.check_first_rule(tier, thresholds)

# %% [markdown]
# ## 3 How much do the best bring?
#
# Take the customers who bought in the last twelve months. The best fifth of them (rounded down to whole customers) brings
# which share of the revenue of the twelve months?

# %% tags=["exercise"]
#: best_fifth = ...
spent = customers[customers.purchases_year > 0].revenue_year.sort_values(ascending=False)
best_fifth = spent.head(len(spent) // 5).sum() / spent.sum()

# %%
check.check_best_fifth(best_fifth, orders, as_of=as_of)

# %% [markdown]
# ## 4 Money that has gone to sleep
#
# Put the customers into tiers (`segmentation.segments`). How much of the revenue of the **last twelve months** came from
# customers who are in the tier `sleeping` today?

# %% tags=["exercise"]
#: asleep = ...
segmented = segmentation.segments(customers, thresholds)
asleep = segmented[segmented.tier == "sleeping"].revenue_year.sum()

# %%
check.check_asleep(asleep, orders, as_of=as_of)

# %% [markdown]
# ## 5 Core then, core now
#
# `earlier` is a day in the past that can be compared with today. Of the customers who were **core then**, which share is
# core today? Use today's thresholds for both days.

# %%
earlier = segmentation.comparison_day(customers, as_of=as_of)
earlier

# %% tags=["exercise"]
#: still_core = ...
still_core = None
if earlier:
    past = segmentation.segments(segmentation.customer_activity(orders, as_of=earlier).to_pandas(), thresholds)
    moves = segmentation.migration(past, segmented, since=earlier)
    core = moves[moves.before == "core"]
    still_core = core[core.after == "core"].customers.sum() / max(1, core.customers.sum())

# %%
check.check_still_core(still_core, orders, as_of=as_of)
