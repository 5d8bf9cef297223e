# ---
# jupyter:
#   crmlib:
#     title: "Practice: churn and win-back"
#     question: Can you tell a false alarm from a loss, and an effect from a return that would have come anyway?
#     minutes: 45
#     needs:
#       orders: [customer_id, ordered_at, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: churn and win-back
#
# Here are seven exercises on chapter 06. Replace each `...` by your own code and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.false_alarms.hint()`.
#
# The checks compute the right answer from the data at hand. Three decimals are enough for rates, two for all else.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import crmlib
from crmlib.course import churn as check
from crmlib.lifecycle import churn

chapter = crmlib.begin("06_churn", client, run)
orders, as_of = chapter.table("orders"), chapter.as_of

# %% [markdown]
# ## 1 False alarms
#
# We stand on a day three months before the end of the data. The table says for how many days each customer had been silent
# then, and whether they came back since (1 or 0). A rule flags whoever was silent for 120 days or longer. What share of the
# flagged are false alarms?

# %%
from datetime import timedelta

then = as_of - timedelta(days=90)
known = churn.silence_on(orders, as_of=then, active_within=365).to_pandas()
back = churn.bought_again(orders, since=then, within=90).to_pandas()
known["came_back"] = known.customer_id.isin(back.customer_id).astype(int)
known[["customer_id", "silence_days", "came_back"]].head(4)

# %% tags=["exercise"]
#: alarms = ...
alarms = known[known.silence_days >= 120].came_back.mean()

# %%
check.false_alarms(alarms, known, days=120)

# %% [markdown]
# ## 2 Odds
#
# A customer's chance to buy again is 30%. One thing changes, and its odds ratio is 2. What is the chance now?

# %% tags=["exercise"]
#: chance = ...
odds = 0.3 / (1 - 0.3) * 2
chance = odds / (1 + odds)

# %%
check.chance_after(chance, chance=0.3, odds_ratio=2)

# %% [markdown]
# ## 3 The Brier score
#
# A model gave these six customers a risk to leave. Later we saw who left. What is its Brier score?

# %%
import pandas as pd

few = pd.DataFrame({"risk": [0.9, 0.8, 0.6, 0.4, 0.3, 0.1], "left": [1, 1, 0, 1, 0, 0]}, index=list("ABCDEF"))
few.T

# %% tags=["exercise"]
#: score = ...
score = ((few.left - few.risk) ** 2).mean()

# %%
check.brier(score, few)

# %% [markdown]
# ## 4 Lift
#
# Take the customers of exercise 1 again. Rank them by their silence, longest first. What is the lift of the first tenth:
# how many times as many left there as among all? (The number of customers divided by ten, rounded down.)

# %% tags=["exercise"]
#: first_tenth = ...
top = known.sort_values("silence_days", ascending=False, kind="stable").head(len(known) // 10)
first_tenth = (1 - top.came_back.mean()) / (1 - known.came_back.mean())

# %%
check.lift(first_tenth, known)

# %% [markdown]
# ## 5 A threshold in money
#
# A call costs 6. It keeps 15% of those who would leave, and each of these brings 80. From which risk on does a call pay?

# %% tags=["exercise"]
#: threshold = ...
threshold = 6 / (80 * 0.15)

# %%
check.break_even(threshold, cost=6, saved=80, success=0.15)

# %% [markdown]
# ## 6 What an offer leaves
#
# Chance drew who got a half-price offer. `left_per_buyer` is the gross profit that a buyer left, and `cost` what the offer
# cost for each person who got it. How much more did the offer leave, per person who got it, than leaving them alone?

# %%
arms = pd.DataFrame({"arm": ["treat", "control"], "people": [500, 480], "bought": [120, 72]})
arms = arms.assign(left_per_buyer=[50.0, 60.0], cost=[4.0, 0.0])
arms

# %% tags=["exercise"]
#: left_each = ...
at = arms.set_index("arm")
each = at.bought / at.people * at.left_per_buyer
left_each = each["treat"] - each["control"] - at.cost["treat"]

# %%
check.profit_each(left_each, arms)

# %% [markdown]
# ## 7 Net revenue retention
#
# The table has what six subscribers paid a month a year ago, and what they pay now. What is the net revenue retention?

# %%
payers = pd.DataFrame({"then": [100.0, 80.0, 60.0, 40.0, 20.0, 0.0], "now": [100.0, 120.0, 0.0, 30.0, 0.0, 90.0]})
payers.T

# %% tags=["exercise"]
#: net = ...
old = payers[payers.then > 0]
net = old.now.sum() / old.then.sum()

# %%
check.net_retention(net, payers)

# %% [markdown]
# ## To think about
#
# - An agency reports that 24% of the customers it wrote to came back. What do you ask first?
# - A model predicts leaving with an AUC of 0.97. Where would you look for the mistake?
# - The list of the riskiest customers is called every week, and nearly nobody comes back. Is the model bad?
