# ---
# jupyter:
#   crmlib:
#     title: "Practice: acquisition"
#     question: Can you tell what a channel costs and brings without being deceived by what is not over yet?
#     minutes: 45
#     needs:
#       leads: [created_at, converted_at]
#       lead_stages: [stage, entered_at]
#       orders: [customer_id, ordered_at, amount]
#       customers: [channel]
#       spend: [channel, cost]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: acquisition
#
# Here are seven exercises on chapter 02. Replace each `...` by your own code and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.conversion.hint()`.
#
# The checks compute the right answer from the data at hand. Rates are between 0 and 1, and three decimals are enough. Of
# money, three digits are enough.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import pandas as pd

import crmlib
from crmlib.course import acquisition as check
from crmlib.lifecycle import acquisition

chapter = crmlib.begin("02_acquisition", client, run)
as_of = chapter.as_of

# %% [markdown]
# ## 1 Leads that are still open
#
# These are thirty leads. The table says on which day after they came in so many were won or lost, and `open`
# counts leads that came in so many days ago and are undecided today. Which share will be won, if the open ones go the way of the others? Who is open after a day
# counts among those at risk on that day.

# %%
by_day = pd.DataFrame({"days": [2, 5, 8, 12, 20], "won": [3, 4, 2, 1, 1], "lost": [2, 1, 3, 2, 1], "open": [4, 3, 1, 1, 1]})
by_day

# %% tags=["exercise"]
#: share_won = ...
risk = by_day[["won", "lost", "open"]].sum(axis=1)[::-1].cumsum()[::-1]
left = (1 - (by_day.won + by_day.lost) / risk).cumprod()
share_won = (left.shift(fill_value=1) * by_day.won / risk).sum()

# %%
check.conversion(share_won, by_day)

# %% [markdown]
# ## 2 Does speed win?
#
# The table says how soon leads were contacted, by channel, and how many of them were won. By how much more are leads won
# that were contacted within a day (`0` or `1`) than leads contacted later? Take all channels together,
# leave out leads that nobody contacted, and answer as a share.

# %%
leads, stages = chapter.table("leads"), chapter.table("lead_stages")
speed = acquisition.contact_speed(leads, stages, as_of=as_of).to_pandas()
speed.head(5)

# %% tags=["exercise"]
#: difference = ...
at = speed.groupby("wait")[["leads", "won"]].sum()
fast, slow = at.loc[["0", "1"]].sum(), at.loc[["2-3", "4+"]].sum()
difference = fast.won / fast.leads - slow.won / slow.leads

# %%
check.effect_of_speed(difference, speed)

# %% [markdown]
# ## 3 What a customer costs
#
# These are the months of one channel in the last year. What did a new customer cost in this year?

# %%
tables = [chapter.table(name) for name in ("orders", "customers", "spend")]
costs = acquisition.acquisition_costs(*tables, as_of=as_of, earlier=chapter.earlier, start=chapter.start)
months = costs[costs.channel == "search"].tail(12)[["period", "cost", "new_customers"]].reset_index(drop=True)
months.head(3)

# %% tags=["exercise"]
#: cost = ...
cost = months.cost.sum() / months.new_customers.sum()

# %%
check.cost_to_win(cost, months)

# %% [markdown]
# ## 4 When is the money back?
#
# It cost 100 to win each of these customers. `earned` is what a customer has left up to the end of a month, after the cost
# of the goods. In which month is the money back?

# %%
earned = pd.DataFrame({"month": range(7), "revenue": [90, 125, 155, 180, 200, 215, 225]})
earned["earned"] = 0.5 * earned.revenue
earned.T

# %% tags=["exercise"]
#: month = ...
month = earned.month[earned.earned >= 100].min()

# %%
check.payback_month(month, earned, cost=100)

# %% [markdown]
# ## 5 The position rule
#
# Six people met these channels in this order. Which share of the customers does the position rule credit to `social`?
# The first and the last contact get 40 % each, and those between share the rest. Of two contacts, each gets half.

# %%
ways = pd.DataFrame(
    {"path": ["social > mail", "search > social > mail > search", "social", "mail > search > social", "social > search",
              "mail"],
     "won": [1, 1, 1, 0, 0, 1]}
)
ways

# %% tags=["exercise"]
#: position = ...
position = (0.5 + 0.2 / 2 + 1 + 0) / 4

# %%
check.position_share(position, ways, channel="social")

# %% [markdown]
# ## 6 A removal effect
#
# Seven people, and two channels. What is the removal effect of `mail`? First find the chance to get from the start to an
# order. Then let everybody be lost who would meet `mail`, in
# the **Markov chain** of the chapter: the next step depends on the last contact only.

# %%
seven = pd.DataFrame(
    {"path": ["ads", "ads", "ads", "mail > ads", "mail", "ads > mail", "ads > mail"], "won": [1, 1, 0, 1, 1, 0, 0]}
)
seven

# %% tags=["exercise"]
#: effect = ...
whole = 4 / 7
without_mail = 5 / 7 * 3 / 6
effect = 1 - without_mail / whole

# %%
check.removal_effect(effect, seven, channel="mail")

# %% [markdown]
# ## 7 How far does it pay?
#
# The table says what a new customer costs, brings in within the first year, and leaves over. We move money from `social` to
# `referral`. Each further customer will cost more there. Up to which cost does the money bring in at least as much as it
# did before?

# %%
year = pd.DataFrame(
    {"channel": ["referral", "social"], "cost_to_win": [60.0, 140.0], "brings_in": [820.0, 210.0], "left_over": [760.0, 70.0]}
)
year

# %% tags=["exercise"]
#: cost_most = ...
at = year.set_index("channel")
cost_most = at.brings_in["referral"] * at.cost_to_win["social"] / at.brings_in["social"]

# %%
check.highest_cost(cost_most, year, source="social", target="referral")

# %% [markdown]
# ## To think about
#
# - A channel wins 60 % of its leads, another 20 %. The second one's customers come back twice as often. Which one gets the
#   next unit of money, and what else must you know?
# - Your agency reports a cost per customer by the last contact, and is paid by it. What will it do?
# - In which regions could you switch a channel off for eight weeks, and how would you choose them?
