# ---
# jupyter:
#   crmlib:
#     title: Segmentation
#     question: Who are our customers, what is each group worth, and who has moved where?
#     minutes: 75
#     needs:
#       orders: [customer_id, ordered_at, amount]
#     optional:
#       customers: [channel]
#       subscriptions: [started_at]
#       surveys: [score]
#       usage: [customer_id]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 Segmentation
#
# **The manager's question:** who are our customers, what is each group worth, and who has moved where?
#
# Not everybody can have a named advisor, and not everybody needs one. Before effort can be spent where it counts, each
# customer must have a place: a place that a colleague can explain, that two people would assign alike, and that can be
# looked up again a year later.
#
# ## What you will be able to do
#
# - score customers by recency, frequency and money so that equal customers are always treated alike;
# - put every customer into one value tier and one lifecycle stage, by rules that fit this client's rhythm;
# - say how much of the revenue hangs on how few customers, and how sure that is;
# - follow customers from one tier to another, and put an amount on it;
# - judge whether clusters found by a computer deserve to be believed.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
scores: int = 5  # how many scores recency, frequency and money are given
months: int = 12  # how far back the date lies with which today is compared
groups: int = 4  # how many clusters are looked at beside the rules
rules: str = ""  # the client's own rules file, relative to the configuration; empty: the kit's

# %%
import crmlib

chapter = crmlib.begin("03_segmentation", client, run)
orders = chapter.table("orders")
people = chapter.table("customers") if chapter.has("customers") else None

# %% [markdown]
# ## What data this needs
#
# Orders, with the customer, the time and the amount. Four things make it richer: the table `customers` (those who
# never bought, and the **channel** that won each), `subscriptions` (whose contract runs has not left), `surveys`
# (satisfaction and needs) and `usage`.
#
# From the orders comes one row per customer. `…_year` are the twelve months up to today; several orders on one day are
# one purchase. Where the orders begin later than that, `history_days` says how many days they cover; the sentences then
# name these days, and no money a year.

# %%
from crmlib.lifecycle import segmentation

customers = segmentation.customer_activity(orders, people, as_of=chapter.as_of).to_pandas()
history_days = segmentation.history_days(orders, as_of=chapter.as_of)
customers.drop(columns=["first_day", "tenure_days"]).round({"revenue": 2, "revenue_year": 2}).head()

# %% [markdown]
# ## Look at one customer first
#
# The customer with the most purchases, and the last of them:

# %%
from crmlib.purchases import purchases

bought = purchases(orders, as_of=chapter.as_of).select("customer_id", "day", "spend").to_pandas()
somebody = customers.sort_values(["purchases", "customer_id"]).customer_id.tail(1)
bought[bought.customer_id.isin(somebody)].sort_values(["day", "spend"]).tail().round({"spend": 2}).reset_index(drop=True)

# %% [markdown]
# Three questions sum up such a list. How long is the last purchase ago: **recency**. How often did the customer buy in
# the last twelve months: **frequency**. What did these purchases bring: **monetary value**. Together they are called
# **RFM**.

# %%
customers[customers.customer_id.isin(somebody)][["recency_days", "purchases_year", "revenue_year"]].round(2)

# %% [markdown]
# ## The idea by hand: cut points
#
# A number of days says little by itself. Is it long? That depends on the others. So we look for the number of days
# within which the most recent fifth of all buyers has bought (or third, or quarter: the parameter `scores` says how
# many parts). It is the **quantile**, and we take it as a value that somebody really has.

# %%
import numpy as np
import pandas as pd

pd.set_option("display.max_colwidth", None)
buyers = customers[customers.purchases > 0]
cut = np.quantile(buyers.recency_days, 1 / scores, method="inverted_cdf").item() if len(buyers) else 0.0
cut

# %% [markdown]
# Whoever bought within this many days gets the highest score. Note what has *not* happened: nobody was sorted into
# fifths of equal size. A **cut point** is a value, and equal values are on the same side of it.
#
# ## The same with the library
#
# `cut_points` answers the cut points of all three measures as a table that can be read aloud, agreed on, and used again
# next year.

# %%
cut_points = segmentation.cut_points(customers, scores=scores)
cut_points[["measure", "score", "words", "collapsed"]]

# %% [markdown]
# Where very many customers have the same value, several cut points coincide, and fewer scores can be told apart than
# were asked for: `collapsed` says how many fell together. That is no fault of the method; there is nothing to tell apart.
#
# Everybody within the cut point found by hand has one and the same recency score:

# %%
scored = segmentation.rfm_scores(customers, cut_points)
assert scored[scored.recency_days <= cut].r_score.nunique() <= 1

# %% [markdown]
# ## The picture: recency by frequency

# %%
grid = segmentation.rfm_grid(scored)
picture = segmentation.plot_rfm_grid(grid, cut_points, history_days=history_days) if len(grid) else None
chapter.show(picture, name="rfm_grid", table=grid) if picture else "Nobody has bought anything yet."

# %% [markdown]
# The upper right corner is the heart of the business: often, and just now. Going down from there deserves a second look:
# they came often *within* the twelve months, and have been silent since. Where the lower right is empty, that is no
# finding: frequency counts the last twelve months, so whoever bought last before these has none.
#
# All cells together are all customers who ever bought, and all of their revenue of the twelve months:

# %%
assert grid.customers.sum() == len(buyers)
assert abs(grid.revenue_year.sum() - customers.revenue_year.sum()) < 0.01

# %% [markdown]
# ## A pitfall: scores of equal size
#
# Many recipes want every score to have exactly as many customers as every other, and rank the customers to get there.
# Customers with the same number of purchases then get *different* scores, by the order of the rows in the file:

# %%
by_rank = pd.qcut(scored.purchases_year.rank(method="first"), scores, labels=False, duplicates="drop") + 1
pd.crosstab(scored.purchases_year.clip(upper=5).rename("purchases"), by_rank.rename("score by rank"))

# %% [markdown]
# A row with more than one number other than 0 is the mistake: the same behaviour, several scores. Sort the file
# differently and customers change segments. With cut points every row (but the last, which takes several numbers of
# purchases together) has one number other than 0:

# %%
pd.crosstab(scored.purchases_year.clip(upper=5).rename("purchases"), scored.f_score.rename("score"))

# %% [markdown]
# ## The client's rhythm
#
# Scores compare customers with each other; they do not say who is asleep. *Long silent* means something else for bread
# than for sofas. So we ask how long those who come back take, following each purchase for the same time, so that long
# gaps are not missed, and counting every customer once, however often they come.

# %%
rhythm = segmentation.purchase_rhythm(orders, as_of=chapter.as_of).to_pandas()
reached = rhythm.set_index("days_to_return").weight.cumsum() / rhythm.weight.sum()
reached.iloc[29::60].round(3).rename("share back").to_frame()

# %% [markdown]
# Each row is a number of days and the share of the returning customers who were back by then. From this distribution, and from
# what customers spend, come the **thresholds** that the rules use. The rules stand in a file that a consultant may copy
# and change; what they come to for this client is computed, and said in words:

# %%
own_rules = segmentation.read_rules(chapter.client.folder / rules if rules else None)
thresholds = segmentation.thresholds(customers, rhythm, rules=own_rules)
thresholds[["threshold", "value", "low", "high"]].set_index("threshold").round(2)

# %%
thresholds[["threshold", "words"]].set_index("threshold")

# %% [markdown]
# `low` and `high` are the 95 % interval, where a threshold is read from the rhythm. The others are agreements: they are
# drawn where the rules say, and have no interval.
#
# ## Value tiers
#
# Four tiers, as in most loyalty handbooks: **core**, **potential**, **ordinary** and **sleeping**. The rules are tried
# from the top, and the first that fits decides, so that nobody is in two tiers. That nobody is in none is checked: if a
# rule file leaves a gap, the library names the customers and the conditions that leave them out.

# %%
segmented = segmentation.segments(scored, thresholds, rules=own_rules)
guests = segmentation.revenue_without_customer(orders, as_of=chapter.as_of).to_pandas()
tiers = segmentation.segment_summary(segmented, guests=guests, rules=own_rules)
tier_rules = segmentation.segment_rules(thresholds, rules=own_rules)
has_contracts = chapter.has("subscriptions", "customer_id", "started_at")
contracts = chapter.table("subscriptions") if has_contracts else None
under_contract = segmentation.under_contract(contracts, as_of=chapter.as_of).to_pandas() if has_contracts else None
bound = segmentation.sleepers_under_contract(segmented, under_contract) if has_contracts else None
tier_table = segmentation.table_of_tiers(tiers, tier_rules, segmented, history_days=history_days, bound=bound)
chapter.show_table(tier_table.frame, name="tiers", title=tier_table.title, reading=tier_table.reading)

# %% [markdown]
# Revenue for which no customer is known has a row of its own, where there is any. So the table adds up to all revenue of
# the twelve months, computed here once more straight from the orders:

# %%
from crmlib.calendar import months_before

everything = purchases(orders, as_of=chapter.as_of, guests=True).select("day", "spend").to_pandas()
in_year = everything[everything.day > pd.Timestamp(months_before(chapter.as_of, 12))]
assert abs(tiers.revenue_year.sum() - in_year.spend.sum()) < 0.01

# %% [markdown]
# ## In words
#
# A **tier** is what a customer is worth *to us, now*. It is no judgement on a person, and it is no forecast. Whether it
# says something about the coming year must be tested, which we do with the stages. A **stage** is where the relationship
# stands. The tier *sleeping* takes in everybody who has been silent for long; the stages tell the *sleeping* from the
# *lost* among them.
#
# ## Lifecycle stages
#
# The second question about a customer is where the relationship stands: **prospect**, **new**, **growing**, **mature**,
# **sleeping**, **lost**. To test the stages, we put the customers of an earlier day into stages *with today's thresholds*
# and look at what they have done since.

# %%
everybody = segmentation.segments(customers, thresholds, rules=own_rules)
stages = segmentation.segment_summary(everybody, by="stage", rules=own_rules)
earlier = segmentation.comparison_day(customers, as_of=chapter.as_of, months=months)
stages[["segment", "customers", "share", "buyers", "revenue_year", "recency_days"]].round(3)

# %% [markdown]
# The earlier day lies `months` before today, or later if the data do not reach that far back. Where there is none, the
# comparison is left out.

# %%
moves = stage_outcomes = None
if earlier:
    activity_then = segmentation.customer_activity(orders, people, as_of=earlier).to_pandas()
    then = segmentation.segments(activity_then, thresholds, rules=own_rules)
    moves = segmentation.migration(then, everybody, since=earlier)
    by_stage = segmentation.migration(then, everybody, since=earlier, by="stage")
    stage_outcomes = segmentation.segment_outcomes(by_stage, by="stage", rules=own_rules)

# %%
stage_rules = segmentation.segment_rules(thresholds, by="stage", rules=own_rules)
stage_table = segmentation.table_of_stages(stages, stage_rules, stage_outcomes, since=earlier)
chapter.show_table(stage_table.frame, name="stages", title=stage_table.title, reading=stage_table.reading)

# %% [markdown]
# The right-hand columns are the test. If those who were sleeping came back as often as those who were mature, the stages
# would be words only. Among the lost, some come back too: *lost* is a line drawn in time, not a fact about a person.
#
# ## How much hangs on how few
#
# Line up the customers who bought in the last twelve months, the best first, and add up their revenue: the **Pareto
# curve**. If all spent the same, it would be the diagonal. **ABC classes** cut it: A are the best customers who together
# bring the first part of the revenue, B those who bring most of the rest, C all others.

# %%
spending = segmentation.spending(customers)
abc = segmentation.abc_classes(spending, rules=own_rules)
abc.round({"share": 3, "revenue_year": 2, "revenue_share": 3, "at_least": 2})

# %% [markdown]
# ## How sure
#
# A few large customers more or less, and the share of the best would be another. So we draw the customers anew, many
# times, with replacement (**bootstrap**), and look at how far the share moves. The **Gini coefficient** says the same
# about the whole curve: 0 where all spend alike, near 1 where one spends everything.

# %%
concentration = segmentation.concentration(spending)
concentration.round(3)

# %%
curve = segmentation.pareto_curve(spending)
pareto = None if curve.empty else segmentation.plot_pareto(curve, concentration, abc, history_days=history_days)
chapter.show(pareto, name="pareto", table=curve) if pareto else "Nobody bought in the last twelve months."

# %% [markdown]
# ## Who moved where
#
# Tiers are a photograph. Two of them, taken by the same rule, show the movement. Only the *same thresholds* on both days
# compare like with like: with thresholds of their own, each day would have its best fifth by definition, and a shop that
# loses half of its revenue would look unchanged.

# %%
picture = segmentation.plot_migration(moves, since=earlier, rules=own_rules) if earlier else None
chapter.show(picture, name="migration", table=moves) if earlier else "The orders do not reach back far enough."

# %% [markdown]
# Read along a row: where the customers of that tier are now. What was won and lost on the way, in the client's currency:

# %%
moves[["before", "after", "customers", "revenue_before", "revenue_after", "change"]].round(0) if earlier else None

# %% [markdown]
# A trap lies in the first rows. Core customers were picked *because* they had spent much, some of them by luck: a
# wedding, a gift. Luck does not repeat, so a part of them falls even if nothing is wrong; and others rise. This is
# **regression to the mean**, and the reason why a loss "among our best" must be read beside the gains of those who rose.
# The finding on the core therefore looks at all who were core then *or* are now: where nothing has changed, the two
# cancel.
#
# ## Would the computer form the same groups?
#
# Rules are drawn by people. **k-means** draws groups by itself: it looks for centres, so that everybody is near one of
# them. Two things decide whether that is worth anything. *Standardisation*: on raw numbers, money (in thousands) drowns
# purchases (in units), so each measure is first brought to the same spread. And *stability*: would other customers of
# the same shop form the same groups? We draw the customers anew, form groups again, and compare.

# %%
stability = segmentation.cluster_stability(customers)
stability.set_index("clusters").round(2)

# %% [markdown]
# `rand_index` is the **adjusted Rand index**: 1 if everybody ends up with the same companions again, 0 if no more than by
# chance. `weakest` is the fate of the least stable group; below 0.6 it should not be believed. k-means *always* answers
# groups, even for a shapeless cloud of points: only this table says whether they are there.

# %%
possible = groups in set(stability.clusters)
clustered = segmentation.clusters(segmented, clusters=groups) if possible else None
beside = segmentation.clusters_beside_rules(clustered) if possible else None
cluster_table = segmentation.table_of_clusters(beside, stability) if possible else None

# %%
(
    chapter.show_table(cluster_table.frame, name="clusters", title=cluster_table.title, reading=cluster_table.reading)
    if possible
    else "There are too few different customers for so many groups."
)

# %% [markdown]
# ## Who is in the core?
#
# Where customers came from says which kind will become core. Intervals belong to it: a channel with few customers may
# have a high share by chance.

# %%
has_channel = chapter.has("customers", "channel")
origin = segmentation.segment_shares(segmented, people.to_pandas(), attribute="channel") if has_channel else None
origin.drop(columns="attribute").round(3) if has_channel else None

# %% [markdown]
# How they use the product, where that is recorded:

# %%
has_usage = chapter.has("usage", "customer_id", "used_at")
used = chapter.table("usage").to_pandas() if has_usage else None
segmentation.segment_usage(segmented, used, as_of=chapter.as_of).round(3) if has_usage else None

# %% [markdown]
# ## What they say: satisfaction and needs
#
# Spending shows what customers did; surveys say what they felt about it. The latest answer of each customer makes the
# **satisfaction tier**. Who did not answer is neither satisfied nor dissatisfied: unknown.

# %%
has_answers = chapter.has("surveys", "score", "customer_id")
answers = chapter.table("surveys") if chapter.has("surveys", "customer_id") else None
said = segmentation.satisfaction(answers, as_of=chapter.as_of, rules=own_rules).to_pandas() if has_answers else None
by_satisfaction = segmentation.segment_satisfaction(segmented, said) if has_answers else None
by_satisfaction.pivot(index="segment", columns="satisfaction", values="customers") if has_answers else None

# %% [markdown]
# A needs survey asks what matters to somebody: that it *works* (functional), that it *feels right* (emotional), that it
# *says something about me* (social). The group that a customer rates highest leads.

# %%
needs = segmentation.needs(answers, as_of=chapter.as_of, rules=own_rules).to_pandas() if answers is not None else None
needs.need.value_counts(normalize=True).sort_index().round(3) if needs is not None and len(needs) else None

# %% [markdown]
# ## What to do
#
# Each finding says what was found, what is at stake in a year, how sure that is, and what to do. The amounts are looked at
# from several sides and overlap (a core customer who fell asleep is in two of them): do not add them up. First, where the
# line of the sleeping tier might also have been drawn. Customers whose contract runs are left out: whoever subscribes
# pays without ordering, or once a year, and is not asleep.

# %%
lines = segmentation.sleeping_lines(customers, thresholds, rules=own_rules, under_contract=under_contract)
tier_outcomes = segmentation.segment_outcomes(moves, rules=own_rules) if earlier else None
horizon = int(rhythm.horizon_days.iloc[0]) if len(rhythm) else None
lines.round(0)

# %%
chapter.conclude(
    segmentation.finding_sleeping(
        tiers, lines, tier_outcomes, since=earlier, history_days=history_days, horizon=horizon, bound=bound
    ),
    segmentation.finding_concentration(concentration, history_days=history_days),
    segmentation.finding_core_lost(moves, since=earlier) if earlier else None,
    segmentation.finding_potential(moves, tiers, since=earlier) if earlier else None,
    segmentation.finding_dissatisfied(by_satisfaction, history_days=history_days) if has_answers else None,
    segmentation.finding_origin(origin) if has_channel else None,
    segmentation.finding_clusters(stability, beside) if possible else None,
)

# %% [markdown]
# The list of customers with their scores, tier and stage is kept with the run's tables: it is what an advisor works with.

# %%
listed = everybody[["customer_id", "tier", "stage"]].merge(
    scored[["customer_id", "r_score", "f_score", "m_score"]], on="customer_id", how="left"
)
chapter.keep(listed.astype({name: "Int64" for name in ("r_score", "f_score", "m_score")}), name="customers")

# %% [markdown]
# ## More pitfalls
#
# - **The beginning of the data.** If the orders begin in the middle of a relationship, old customers look new. Ask from
#   which day on the orders are complete.
# - **Money in the tier, money as the result.** Core customers spend much because that is how they were chosen. It proves
#   nothing about the care they are given; only a comparison with a random control group does (chapter 11).
# - **Segments for their own sake.** If two segments are treated alike, they are one segment. If a segment has no owner,
#   it is a statistic.
# - **Too many.** The scores of three measures multiply. Nobody can hold a plan for each of so many combinations in mind:

# %%
int(cut_points.groupby("measure").score.nunique().prod())

# %% [markdown]
# ## Summary
#
# - Cut points are values, stated in words; equal customers get equal scores, and collapsed scores are reported.
# - Rules in a fixed order put everybody into exactly one tier and one stage; their thresholds follow the client's rhythm.
# - The segments of an earlier day are tested by what their customers have done since.
# - Movement between tiers is measured with the same thresholds on both days, and read with regression to the mean in mind.
# - Clusters are believed only as far as they are found again.
#
# ## Glossary
#
# | word | meaning |
# | --- | --- |
# | recency, frequency, monetary value | days since the last purchase; purchases and revenue of the last twelve months |
# | cut point | a value that separates two scores; equal values are on the same side |
# | threshold | a number at which a rule draws its line, computed for this client |
# | value tier | core, potential, ordinary or sleeping: what a customer is worth now |
# | lifecycle stage | prospect, new, growing, mature, sleeping or lost: where the relationship stands |
# | Pareto curve, ABC | share of revenue by share of customers, best first; classes cut from it |
# | Gini coefficient | 0 where all spend alike, near 1 where one spends everything |
# | migration | how customers moved between segments from one day to another |
# | regression to the mean | those picked for a good year have, on average, a less good one next |
# | adjusted Rand index | how alike two groupings are: 1 the same, 0 as by chance |
#
# **Now practise:** [exercises](exercises/03_segmentation_exercises.ipynb).
