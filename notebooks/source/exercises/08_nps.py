# ---
# jupyter:
#   crmlib:
#     title: "Practice: net promoter score"
#     question: Can you tell what a score says from what it does not?
#     minutes: 45
#     needs:
#       surveys: [answered_at, kind, score]
#     optional:
#       touches: [kind]
#       customers: [channel]
#       orders: [customer_id, ordered_at, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: net promoter score
#
# Here are seven exercises on chapter 08. Replace each `...` by your own code and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.score.hint()`.
#
# The checks compute the right answer from the data at hand. Scores are in points, and one decimal is enough.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import pandas as pd

import crmlib
from crmlib.course import nps as check
from crmlib.lifecycle import nps

chapter = crmlib.begin("08_nps", client, run)
answers = nps.answers(chapter.table("surveys"), as_of=chapter.as_of).to_pandas()

# %% [markdown]
# ## 1 The score
#
# These are some of the answers. What is the net promoter score of all answers, in points?

# %%
answers[["answered_at", "score"]].head(4)

# %% tags=["exercise"]
#: score = ...
score = 100 * ((answers.score >= 9).mean() - (answers.score <= 6).mean())

# %%
check.score(score, answers)

# %% [markdown]
# ## 2 The interval
#
# A new shop has 15 answers, each from another customer. What is the **lower end** of the 95% adjusted Wald interval
# of its score, in points?
#
# The adjusted interval adds three answers: 0.75 promoters, 0.75 detractors and 1.5 passives. The variance of the
# score is (p + d − (p − d)²) / n. With thousands of answers the three make no difference; with 15 they do.

# %%
few = pd.DataFrame({"score": [10] * 8 + [9] * 4 + [8] * 2 + [5]})
promoters, detractors, count = (few.score >= 9).sum(), (few.score <= 6).sum(), len(few)
few.score.value_counts().rename("answers").to_frame()

# %% tags=["exercise"]
#: low = ...
p, d = (promoters + 0.75) / (count + 3), (detractors + 0.75) / (count + 3)
half = 1.96 * ((p + d - (p - d) ** 2) / (count + 3)) ** 0.5
low = 100 * (p - d - half)

# %%
check.interval(low, few)

# %% [markdown]
# ## 3 A table that can be shown
#
# These customers answered, and we know through which channel each of them was won. Make a table of the scores by
# channel, with the columns `channel` and `nps`. Leave out groups with fewer than 30 customers.

# %%
counts = {"search": {10: 32, 7: 10, 3: 8}, "social": {9: 15, 8: 9, 6: 11}, "fair": {10: 5, 4: 1}}
rows = [(channel, score) for channel, given in counts.items() for score, count in given.items() for _ in range(count)]
few_channels = pd.DataFrame(rows, columns=["channel", "score"]).assign(respondent=range(len(rows)))
few_channels.groupby(["channel", "score"]).size().rename("answers").to_frame()

# %% tags=["exercise"]
#: by_channel = ...
by_channel = nps.scores(few_channels, by=["channel"])
by_channel = by_channel.loc[~by_channel.small_base, ["channel", "nps"]]

# %%
check.groups(by_channel, few_channels)

# %% [markdown]
# ## 4 Signal or noise?
#
# This is how the score moved from quarter to quarter, with the interval of each change. Is the **last** change
# more than chance explains? Answer `"yes"` or `"no"`.

# %%
trend = nps.trend(answers, as_of=chapter.as_of)
trend.set_index("period")[["answers", "nps", "change", "change_low", "change_high"]].astype(float).round(1)

# %% tags=["exercise"]
#: more_than_chance = ...
last = trend[trend.change.notna()].iloc[-1:]
more_than_chance = ((last.change_low > 0) | (last.change_high < 0)).any()

# %%
check.signal(more_than_chance, trend)

# %% [markdown]
# ## 5 Those who kept silent
#
# Each answer now has a `weight`: it says for how many of the people whom we asked this answer stands. What is the
# weighted score, in points?

# %%
touches, customers, orders = (chapter.table(name) for name in ("touches", "customers", "orders"))
requests = nps.requests(touches, answers, as_of=chapter.as_of, customers=customers, orders=orders)
weighted = nps.weigh(answers, requests, nps.response_model(requests))
weighted[["score", "weight"]].head(4).round(2)

# %% tags=["exercise"]
#: weighted_score = ...
net = (weighted.score >= 9).astype(float) - (weighted.score <= 6).astype(float)
weighted_score = 100 * (net * weighted.weight).sum() / weighted.weight.sum()

# %%
check.weighted(weighted_score, weighted)

# %% [markdown]
# ## 6 Where to begin
#
# These are the drivers of a shop's score. One of them stands in the upper left of the chapter's picture: it is more
# important than the mean of all, and rated below the mean of all. Suppose that the rating of one driver rises by one
# point. For which driver does the score gain most? Answer its name.

# %%
drivers = pd.DataFrame({"driver": ["wait", "service", "price"], "mean_rating": [2.1, 2.6, 4.2]})
drivers = drivers.assign(importance=[0.25, 0.55, 0.2], nps_gain=[5.2, 9.5, 3.8])
drivers

# %% tags=["exercise"]
#: begin_with = ...
begin_with = drivers.set_index("driver").nps_gain.idxmax()

# %%
check.driver(begin_with, drivers)

# %% [markdown]
# ## 7 What they spent afterwards
#
# This table has one row per customer whom we could follow for 180 days after the answer. `revenue_after` is the revenue of
# those 180 days, `revenue_before` that of the 365 days before the answer. By how much does the mean `revenue_after` of
# promoters exceed that of detractors? One decimal is enough. Before you tell anybody, see whether they already differed in
# `revenue_before`.

# %%
later = nps.later_revenue(answers, orders, as_of=chapter.as_of)
later.groupby("category")[["revenue_before"]].agg(["size", "mean"]).astype(float).round(1)

# %% tags=["exercise"]
#: difference = ...
mean_after = later.groupby("category").revenue_after.mean().reindex(["promoter", "detractor"])
difference = mean_after["promoter"] - mean_after["detractor"]

# %%
check.later(difference, later)
