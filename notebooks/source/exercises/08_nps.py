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
# Seven exercises on chapter 08. Replace each `...` by your own code, run the cell, then run the check below it.
# The checks recompute the answer from the data at hand; scores are in points, and one decimal is enough.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import crmlib
from crmlib.course import nps as check
from crmlib.lifecycle import nps

chapter = crmlib.begin("08_nps", client, run)
answers = nps.answers(chapter.table("surveys"), as_of=chapter.as_of).to_pandas()

# %%
optional = {"customers": "customer_id", "orders": "customer_id", "touches": "kind"}
tables = {name: chapter.table(name) if chapter.has(name, column) else None for name, column in optional.items()}

# %% [markdown]
# ## 1 The score
#
# Here are some answers. What is the net promoter score of all of them, in points?

# %%
answers[["answered_at", "score"]].head(4)

# %% tags=["exercise"]
#: score = ...
score = 100 * ((answers.score >= 9).mean() - (answers.score <= 6).mean())

# %%
check.check_score(score, answers)

# %% [markdown]
# ## 2 The interval
#
# We keep the latest answer of each customer, so that the answers are independent. What is the **lower end** of
# the 95% adjusted Wald interval, in points? Three answers are added: 0.75 promoters, 0.75 detractors, 1.5
# passives. The variance of the score is (p + d − (p − d)²) / n.

# %%
latest = answers.drop_duplicates("respondent", keep="last")
promoters, detractors, count = (latest.score >= 9).sum(), (latest.score <= 6).sum(), len(latest)

# %% tags=["exercise"]
#: low = ...
p, d = (promoters + 0.75) / (count + 3), (detractors + 0.75) / (count + 3)
half = 1.96 * ((p + d - (p - d) ** 2) / (count + 3)) ** 0.5
low = 100 * (p - d - half)

# %%
check.check_interval(low, latest)

# %% [markdown]
# ## 3 A table that can be shown
#
# A table of scores by channel (that won the customer), with the columns `channel` and `nps`, groups with fewer
# than 30 customers left out.

# %%
described = nps.with_traits(answers, customers=tables["customers"])
described = described if "channel" in described.columns else described.assign(channel="unknown")

# %% tags=["exercise"]
#: by_channel = ...
by_channel = nps.scores(described, by=["channel"])
by_channel = by_channel.loc[~by_channel.small_base, ["channel", "nps"]]

# %%
check.check_groups(by_channel, described, by="channel")

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
more_than_chance = "yes" if ((last.change_low > 0) | (last.change_high < 0)).any() else "no"

# %%
check.check_signal(more_than_chance, trend)

# %% [markdown]
# ## 5 Those who kept silent
#
# Each answer now has a `weight`: how many of those who were asked it stands for. What is the weighted score, in
# points?

# %%
requests = nps.requests(tables["touches"], answers, as_of=chapter.as_of, customers=tables["customers"], orders=tables["orders"])
weighted = nps.weigh(answers, requests, nps.response_model(requests))
weighted[["score", "weight"]].head(4).round(2)

# %% tags=["exercise"]
#: weighted_score = ...
net = (weighted.score >= 9).astype(float) - (weighted.score <= 6).astype(float)
weighted_score = 100 * (net * weighted.weight).sum() / max(weighted.weight.sum(), 1e-9)

# %%
check.check_weighted(weighted_score, weighted)

# %% [markdown]
# ## 6 Where to begin
#
# The drivers of the score. One point more in the rating of which of them goes with the largest gain of the score?
# Answer its name.

# %%
drivers = nps.drivers(answers)
drivers[["driver", "mean_rating", "importance", "nps_gain"]].round(2)

# %% tags=["exercise"]
#: begin_with = ...
begin_with = "".join(drivers.sort_values("nps_gain").driver.tail(1))

# %%
check.check_driver(begin_with, drivers)

# %% [markdown]
# ## 7 What they spent afterwards
#
# One row per customer whose answer could be followed for 180 days. By how much does the mean `revenue_after` of
# promoters exceed that of detractors? (And before you tell anybody: look at `revenue_before`.)

# %%
later = nps.later_revenue(answers, tables["orders"], as_of=chapter.as_of)
later.groupby("category")[["revenue_before"]].agg(["size", "mean"]).astype(float).round(1)

# %% tags=["exercise"]
#: difference = ...
mean_after = later.groupby("category").revenue_after.mean().reindex(["promoter", "detractor"])
difference = mean_after["promoter"] - mean_after["detractor"]

# %%
check.check_later_revenue(difference, later)
