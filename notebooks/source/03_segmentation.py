# ---
# jupyter:
#   crmlib:
#     title: Segmentation
#     question: Who are our customers, what is each group worth, and who has moved where?
#     minutes: 75
#     needs:
#       orders: [ordered_at, amount]
#     optional:
#       orders: [customer_id]
#       customers: [channel]
#       subscriptions: [started_at]
#       surveys: [customer_id, score]
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
# Not everybody can have a personal advisor, and not everybody needs one. Before we spend effort where it counts, each
# customer needs a place. A colleague must be able to explain it, two people must agree on it, and next year we must find
# it again.
#
# ## What you will be able to do
#
# - score customers by recency, frequency and money, and treat equal customers alike;
# - put every customer into one value tier and one lifecycle stage, by rules that fit this client's rhythm;
# - say how much of the revenue depends on how few customers, and how sure that is;
# - follow customers from one tier to another, and put an amount on it;
# - judge whether groups found by a computer deserve to be believed.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
scores: int = 5  # how many scores recency, frequency and money are given
months: int = 12  # how far back the date lies with which today is compared
groups: int = 4  # how many clusters are looked at beside the rules
rules: str = ""  # the client's own rules file, relative to the configuration; empty: the kit's

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib
from crmlib.lifecycle import segmentation

chapter = crmlib.begin("03_segmentation", client, run)

# %% [markdown]
# ## What data this needs
#
# The chapter needs the orders: who bought, when, and for how much. Four tables add detail. Customers tell us who never
# bought, and which **channel** won each of them. Subscriptions matter because a customer with a running contract has not
# left. Surveys bring satisfaction and needs, and usage shows who uses what they bought.
#
# From the orders we make one row per customer. Columns that end in `_year` look at the last twelve months. Several orders
# on one day are one purchase.
#
# The chapter's tables stay in a database, and a measure takes them as they are. Where we want to look at the rows
# ourselves, `.to_pandas()` fetches them.

# %%
orders, people = chapter.table("orders"), chapter.table("customers")
activity = segmentation.customer_activity(orders, people, as_of=chapter.as_of, earlier=chapter.earlier)
customers = activity.to_pandas()
customers[["customer_id", "recency_days", "purchases", "purchases_year", "revenue", "revenue_year"]].head().round(2)

# %% [markdown]
# **The start of the data is not the start of the customers.** Where an export begins in the middle of a business, an old
# customer may have one order in it. Nobody is new by that: for the rules below, what came before the data counts as one
# purchase (column `is_earlier`). The column `purchases` counts only what is there.

# %%
chapter.show(chapter.start_told())

# %% [markdown]
# Do the orders cover a whole year? If they do not, "the last twelve months" are only the days that we have. The reports
# then speak of these days and not of a year.

# %%
history_days = segmentation.history_days(orders, as_of=chapter.as_of)
history_days

# %% [markdown] tags=["lesson"]
# Aurora Beauty knows {{ len(customers) | count }} people, and {{ (customers.purchases > 0).sum() | count }} of them have
# bought something. In the last twelve months, {{ (customers.purchases_year > 0).sum() | count }} did. Online traffic has
# dried up, so the brand must look after those it has. But whom first?

# %% [markdown]
# ## Look at one customer first
#
# Here are the latest purchases of the customer who bought most often:

# %%
from crmlib.purchases import purchases

bought = purchases(orders, as_of=chapter.as_of).select("customer_id", "day", "spend")
somebody = customers.sort_values(["purchases", "customer_id"]).customer_id.tail(1)
theirs = bought.filter(bought.customer_id.isin(somebody.tolist())).to_pandas()
theirs.sort_values(["day", "spend"]).tail().round({"spend": 2}).reset_index(drop=True)

# %% [markdown]
# Three questions sum up such a list. How long ago was the last purchase? That is **recency**. How often did the customer
# buy in the last twelve months? That is **frequency**. How much did these purchases bring? That is **monetary value**.
# Together they are called **RFM**.

# %%
customers[customers.customer_id.isin(somebody)][["recency_days", "purchases_year", "revenue_year"]].round(2)

# %% [markdown]
# ## The idea by hand: cut points
#
# A number of days says little by itself. Is it long? That depends on the others. So we line up all buyers by the days
# since their last purchase, and stop where we have passed a fifth of them (parameter `scores`). Below, `reached` counts
# how many buyers have bought within so many days.

# %%
buyers = customers[customers.purchases > 0]
reached = buyers.recency_days.astype(int).value_counts().sort_index().cumsum().rename("buyers so far")
reached.head(3).to_frame()

# %%
cut = reached[reached >= len(buyers) / scores].index.min()
reached.loc[:cut].tail(2).to_frame()

# %% [markdown]
# The number of days in the last row is a **quantile**. We choose one that occurs in the data. Everybody who bought within
# this many days gets the highest score.
#
# Notice what we did *not* do: we did not sort people into fifths of equal size. A **cut point** is a value, and equal
# values are always on the same side of it.

# %% [markdown] tags=["lesson"]
# At Aurora, {{ (buyers.recency_days <= cut).sum() | count }} of {{ len(buyers) | count }} buyers bought within
# {{ cut | count }} days. That is {{ (buyers.recency_days <= cut).mean() | percent.1 }}: a fifth, and the few who share
# the last day with them.

# %% [markdown]
# ## The same with the library
#
# `cut_points` does this for all three measures. The table can be read aloud, agreed on, and used again next year. Before
# you run the cell: will every score be given out, if many customers bought equally often?

# %%
cut_points = segmentation.cut_points(customers, scores=scores)
chapter.show(segmentation.cut_points_table(cut_points))

# %% [markdown]
# Where many customers have the same value, fewer scores are possible than we ask for. Let us ask for twice as many, and
# look at frequency:

# %%
finer = segmentation.cut_points(customers, scores=2 * scores)
chapter.show(segmentation.cut_points_table(finer[finer.measure == "frequency"]))

# %% [markdown]
# Scores that cannot be told apart **collapse** into one, and the last column counts them. Nothing has gone wrong: customers
# who bought equally often get the same score, and so some scores are left over. We keep the cut points from above.
#
# Now everybody gets three scores. Everyone within the cut point that we found by hand has the same recency score:

# %%
scored = segmentation.rfm_scores(customers, cut_points)
assert scored[scored.recency_days <= cut].r_score.nunique() <= 1

# %% [markdown]
# ## The picture: recency by frequency

# %%
grid = segmentation.rfm_grid(scored)
chapter.show(segmentation.plot_rfm_grid(grid, cut_points, history_days=history_days))

# %% [markdown]
# The upper right corner is the heart of the business: these customers come often, and came just now. Go down from there
# and look twice. These customers came often *within* the twelve months, and have been silent since.
#
# The lower right fields are often empty by definition. Frequency counts the last twelve months, so customers who last
# bought before that have a frequency of 0.
#
# All fields together hold everybody who ever bought, and all of their revenue of the twelve months:

# %%
assert grid.customers.sum() == len(buyers)
assert abs(grid.revenue_year.sum() - customers.revenue_year.sum()) < 0.01

# %% [markdown]
# ## A pitfall: scores of equal size
#
# Many recipes want the same number of customers in every score. To get there, they rank the customers. Let us do that with
# the number of purchases. What happens to customers who bought equally often?

# %%
import pandas as pd

by_rank = pd.qcut(scored.purchases_year.rank(method="first"), scores, labels=False, duplicates="drop") + 1
pd.crosstab(scored.purchases_year.clip(upper=5).rename("purchases"), by_rank.rename("score by rank"))

# %% [markdown]
# Read along a row: everybody in it bought equally often (in the last row: five times or more). Two numbers in a row mean
# that equal customers got different scores, by their order in the file. Sort the file differently, and customers change
# segments. With cut points this cannot happen:

# %%
pd.crosstab(scored.purchases_year.clip(upper=5).rename("purchases"), scored.f_score.rename("score"))

# %% [markdown]
# ## The client's rhythm
#
# Scores compare customers with each other. They do not say who is asleep. A long silence means something else for bread
# than for sofas. So we ask: when customers come back, how long does it take them?
#
# Two details make the answer fair. We follow every purchase for the same time (`horizon_days`), and we count every
# customer once, however often they come. Somebody with three returns adds a third for each of them. The column `weight`
# holds these parts, and `returns` counts the returns themselves.

# %%
rhythm = segmentation.purchase_rhythm(orders, as_of=chapter.as_of).to_pandas()
rhythm.query("returns > 0")[["days_to_return", "returns", "weight", "horizon_days"]].head(3).round(2)

# %% [markdown]
# Add the weights up, day by day. What share of those who come back is back after one month, two, three, half a year?

# %%
back = rhythm.set_index("days_to_return").weight.cumsum() / rhythm.weight.sum()
back.reindex([30, 60, 90, 180, 365], method="ffill").round(3).rename("share back").to_frame()

# %% [markdown]
# All purchases count here, the first as well as the tenth. Chapter 05 asks another question: how long does the *second*
# order take after the first? Customers who come often have more returns than others, so the two answers need not agree.
#
# Is four in five a good place to draw the line of silence? Not everywhere. Think of somebody who orders five times in a
# week, and then not for 200 days. Four of five returns come within days. But after a week without an order, this customer
# is not gone at all. So we check the line on those who crossed it. `silent` counts the customers whose silence grew longer
# than so many days, and whom we could follow for a whole horizon after that. `came_back` counts those of them who bought.

# %%
beyond = rhythm.set_index("days_to_return")[["silent", "came_back"]]
beyond.assign(share=beyond.came_back / beyond.silent).reindex([30, 60, 90, 180, 210], method="ffill").round(3)

# %% [markdown]
# The longer the silence, the fewer come back. The line may stand only where at most half of them do. If more come back,
# the library moves it to a later day.
#
# From this rhythm, and from what customers spend, come the **thresholds** of the rules. The rules stand in a file that you
# may copy and change for a client (parameter `rules`).

# %%
own_rules = segmentation.read_rules(chapter.client.beside(rules))
thresholds = segmentation.thresholds(customers, rhythm, rules=own_rules)
chapter.show(segmentation.thresholds_table(thresholds, rules=own_rules))

# %% [markdown]
# A threshold that is read from the rhythm has a range, because other customers would have given a slightly different one.
# The other thresholds are choices written in the rules file; a choice has no range. Money is rounded to two digits, so that
# the line that people say is the line that is drawn.
#
# ## Value tiers
#
# Most loyalty handbooks know four tiers: **core**, **potential**, **ordinary** and **sleeping**. Each has a rule. The
# library tries the rules one after the other, and *the first rule that fits decides*. So nobody is in two tiers.

# %%
segmented = segmentation.segments(scored, thresholds, rules=own_rules)
segmented[["customer_id", "recency_days", "purchases_year", "revenue_year", "tier"]].head().round(2)

# %% [markdown]
# Nobody is left out either. If a rules file leaves a gap, the library refuses it, and names the conditions that fail.
#
# What is each tier worth? Revenue of unknown customers (guests) gets a row of its own, where there is any.

# %%
guests = segmentation.revenue_without_customer(orders, as_of=chapter.as_of)
tiers = segmentation.segment_summary(segmented, guests=guests, rules=own_rules)

# %% [markdown]
# One question remains about the silent. Some customers pay by contract, and order rarely. A silent customer with a running
# contract is not asleep, so we count them:

# %%
contracts = segmentation.under_contract(chapter.table("subscriptions"), as_of=chapter.as_of)
bound = segmentation.sleepers_under_contract(segmented, contracts)
bound.round(2)

# %% [markdown]
# Here is the result. The table lists the rules in the order in which they are tried. Before you run the cell: a customer
# spent more than anybody else this year, and has been silent since. Which tier is it?

# %%
chapter.show(
    segmentation.tiers_table(tiers, thresholds, segmented, bound, rules=own_rules, history_days=history_days)
)

# %% [markdown]
# Rule 1 comes first, so the silent are asleep, whatever they spent. This is on purpose: a customer who has left needs
# something else than one who is here.
#
# The table adds up to all revenue of the twelve months. We compute that once more, straight from the orders:

# %%
from crmlib.calendar import months_before

everything = purchases(orders, as_of=chapter.as_of, guests=True)
in_year = everything.filter(everything.day > months_before(chapter.as_of, 12))
assert abs(tiers.revenue_year.sum() - in_year.spend.sum().fill_null(0.0).to_pandas()) < 0.01

# %% [markdown] tags=["lesson"]
# Aurora has {{ (segmented.tier == "core").sum() | count }} core customers. They are
# {{ (segmented.tier == "core").mean() | percent }} of all who ever bought, and they bring
# {{ tiers.set_index("segment").revenue_share["core"] | percent }} of the year's revenue. And
# {{ (segmented.tier == "sleeping").sum() | count }} customers are asleep, more than in any other tier.

# %% [markdown]
# ## In words
#
# A **tier** says what a customer is worth *to us, now*. It does not judge the person, and it is no forecast.
#
# A **stage** says where the relationship stands. The tier *sleeping* holds everybody who has been silent for long. The
# stages tell the *sleeping* among them from the *lost*.
#
# ## Lifecycle stages
#
# There are six stages: **prospect**, **new**, **growing**, **mature**, **sleeping** and **lost**. They include people who
# never bought, so we use all known customers.

# %%
everybody = segmentation.segments(customers, thresholds, rules=own_rules)
stages = segmentation.segment_summary(everybody, by="stage", rules=own_rules)
stages[["segment", "customers", "share", "buyers", "revenue_year", "recency_days"]].round(3)

# %% [markdown]
# Do the stages mean anything? That can be tested. We go back 12 months (parameter `months`), put the customers of that day
# into stages *with the thresholds of today*, and look at what they have done since. If the data do not reach back that
# far, the day lies later; if they are too young, there is no such day and no test.

# %%
earlier = segmentation.comparison_day(orders, as_of=chapter.as_of, months=months)
then = segmentation.earlier_segments(
    orders, people, thresholds, on=earlier, rules=own_rules, earlier=chapter.earlier
)
moves_by_stage = segmentation.migration(then, everybody, since=earlier, by="stage")
outcomes = segmentation.segment_outcomes(moves_by_stage, by="stage", rules=own_rules)

# %%
chapter.show(
    segmentation.stages_table(
        stages, thresholds, outcomes, since=earlier, rules=own_rules, history_days=history_days
    )
)

# %% [markdown]
# The columns on the right are the test: who of each stage of that day has bought since? For a prospect this is the first
# purchase. Suppose the sleeping had come back as often as the mature: then the stages would be mere words.
#
# A dash means that nobody was in this stage on that day. The data may have been too young then for anybody to be *lost*.
# And do not write off those who have been silent: *sleeping* and *lost* are lines drawn in time, and not facts about a
# person.
#
# ## How much depends on how few
#
# Line up the customers who bought in the last twelve months, the best first, and add up their revenue. This gives the
# **Pareto curve**. If all spent the same, it would be the diagonal. **ABC classes** cut the curve: A holds the best, who
# together bring the first large part of the revenue; B brings most of the rest; C is everybody else.

# %%
spending = segmentation.spending(customers)
abc = segmentation.abc_classes(spending, rules=own_rules)
abc.round({"share": 3, "revenue_year": 2, "revenue_share": 3, "at_least": 2})

# %% [markdown]
# ## How sure
#
# With a few more or fewer big customers, the share of the best would be different. How different? We draw the customers
# anew, many times, and some of them twice (**bootstrap**). Then we see how far the share moves. Where customers are few, or
# spend very differently, not even that tells: then there is no interval.
#
# The **Gini coefficient** sums up the whole curve. It is 0 where all spend alike, and near 1 where one customer spends
# everything.

# %%
concentration = segmentation.concentration(spending)
concentration.round(3)

# %%
curve = segmentation.pareto_curve(spending)
chapter.show(segmentation.plot_pareto(curve, concentration, abc, history_days=history_days))

# %% [markdown]
# ## Who moved where
#
# Tiers are a photograph. Two photographs show the movement, if both are taken by the *same thresholds*. Imagine a shop that
# loses half of its revenue. If each day had its own best fifth, nothing would seem to have changed.

# %%
moves = segmentation.migration(then, everybody, since=earlier)
chapter.show(segmentation.plot_migration(moves, since=earlier, rules=own_rules))

# %% [markdown]
# Read along a row: it shows where the customers of that tier are now. A **newcomer** was not yet a customer on the earlier
# day. Customers who may be older than the data are no newcomers, even if their first order in the data came after that
# day: they have a row of their own. What did we win and lose on the way? The next table says it in the client's currency.

# %%
moves[["before", "after", "customers", "revenue_before", "revenue_after", "change"]].round(0)

# %% [markdown]
# The first rows hold a trap. We picked core customers *because* they had spent much, some of them by luck: a wedding, a
# gift. Luck does not repeat, so some of them fall back even if nothing is wrong. Others rise from the other tiers in their
# place. This is **regression to the mean**. Newcomers are something else: they show how many customers were won, and not
# how luck evens out.
#
# So never read the loss "among our best" alone. Read it beside the gains of those who rose. The finding below looks at all
# known customers who were core then *or* are core now. If nothing has changed, gains and losses cancel. Newcomers had no
# year before, so it tells them apart. It compares whole years only: if the twelve months up to the two days overlapped,
# the same money would be in both.

# %% [markdown] tags=["lesson"]
# A year ago Aurora had {{ moves[moves.before == "core"].customers.sum() | count }} core customers, and
# {{ moves[(moves.before == "core") & (moves.after != "core")].customers.sum() | count }} of them are core no longer. That
# sounds like a disaster. But in the same year
# {{ moves[moves.before.isin(["potential", "ordinary", "sleeping"]) & (moves.after == "core")].customers.sum() | count }}
# customers of the other tiers have become core. And
# {{ moves[(moves.before == "newcomer") & (moves.after == "core")].customers.sum() | count }} more are newcomers, whose first
# purchase is less than a year old.

# %% [markdown]
# Where did the silent come from? For each tier of the earlier day, we look at the share who are silent today.

# %%
silent = segmentation.silent_by_segment(moves, rules=own_rules)
chapter.show(segmentation.plot_asleep_by_tier(silent, since=earlier, as_of=chapter.as_of, rules=own_rules))

# %% [markdown]
# A high share does not mean that a tier is badly cared for: the longer the time, the more fall silent. But if even the best
# tier loses many, then being a good customer protects nobody. The last bar, *already silent*, reads the other way
# round: what is missing to 100 % has come back.

# %% [markdown]
# ## Who is counted?
#
# By now many numbers of customers have been named. Do they fit together? This table counts everybody once and says which
# group is a part of which.

# %%
counts = segmentation.counted(
    everybody, orders, contracts, as_of=chapter.as_of, history_days=history_days,
    silence="sleeping" in own_rules.tiers.shown,
)
chapter.show(segmentation.counted_table(counts, thresholds))

# %% [markdown]
# Read upwards: the parts of a group add up to it. Whenever two reports name different numbers of customers, ask which row
# of such a table each of them means.

# %% [markdown]
# ## What the orders say without a name
#
# Guests leave no customer behind, so nothing above holds them. Still their orders tell how many there are, how large
# they are, and when they come.

# %%
buyers_by_name = segmentation.orders_by_name(orders, as_of=chapter.as_of)
chapter.show(segmentation.orders_by_name_table(buyers_by_name, history_days=history_days))

# %%
by_season = segmentation.seasons(orders, as_of=chapter.as_of)
chapter.show(segmentation.plot_seasons(by_season, buyers_by_name))

# %% [markdown]
# ## Would the computer form the same groups?
#
# People draw rules. **k-means** draws groups by itself: it looks for centres, and puts everybody with the nearest. Two
# things decide whether we can use them.
#
# - *Standardisation.* Money runs into thousands and purchases do not. On raw numbers, money alone would decide. So each
#   measure is first brought to the same spread.
# - *Stability.* Would other customers of the same shop form the same groups? We draw the customers anew, form groups
#   again, and compare.

# %%
stability = segmentation.cluster_stability(customers, clusters=range(2, max(groups, 6) + 1))
stability.set_index("clusters").round(2)

# %% [markdown]
# `rand_index` is the **adjusted Rand index**. It is 1 if everybody ends up with the same companions again, and 0 if only
# chance brings them together. `weakest` looks at the least stable group; below 0.6, do not believe it. k-means *always*
# answers groups, even for a shapeless cloud. Only this table says whether they are there.
#
# How do the groups lie beside the tiers? We look at four of them (parameter `groups`).

# %%
clustered = segmentation.clusters(segmented, clusters=groups)
beside = segmentation.clusters_beside_rules(clustered)
chapter.show(segmentation.clusters_table(beside, stability, rules=own_rules, history_days=history_days))

# %% [markdown] tags=["needs:customers.channel"]
# ## Who is in the core?
#
# Which customers become core? Where they came from tells us something. Each share needs its range: a channel with few
# customers may have a high share by chance.

# %% tags=["needs:customers.channel"]
origin = segmentation.segment_shares(segmented, people, attribute="channel")
origin.drop(columns="attribute").round(3)

# %% [markdown] tags=["needs:customers.channel"]
# `share` is the part of a channel's customers who are core, and `low` to `high` is its range (95 %). Compare the range with
# `overall`, the part among all customers. A channel stands out only if its whole range lies above or below that. `NaN`
# stands for customers whose channel is not known.

# %% [markdown] tags=["lesson", "needs:customers.channel"]
# At Aurora, {{ origin.set_index("value").share["referral"] | percent }} of the customers won through referral are core, and
# {{ origin.set_index("value").share["social"] | percent }} of those won through social media. Of all, it is
# {{ origin.overall[0] | percent }}.

# %% [markdown] tags=["needs:usage.customer_id"]
# Do they use what they bought? Where usage is recorded, we can see it by tier:

# %% tags=["needs:usage.customer_id"]
used = segmentation.segment_usage(segmented, chapter.table("usage"), as_of=chapter.as_of)
used.round(3)

# %% [markdown] tags=["needs:usage.customer_id"]
# `share` is the part of a tier who used it in the last twelve months, and `uses_per_user` says how often they did. Look at
# the sleeping: those who still use what they bought have not turned away altogether.

# %% [markdown] tags=["lesson", "needs:usage.customer_id"]
# At Aurora, {{ used.set_index("segment").share["core"] | percent }} of the core customers use it, and still
# {{ used.set_index("segment").share["sleeping"] | percent }} of the sleeping:
# {{ used.set_index("segment").users["sleeping"] | count }} people who have stopped buying and not stopped using.

# %% [markdown] tags=["needs:surveys.customer_id", "needs:surveys.score"]
# ## What they say: satisfaction and needs
#
# Spending shows what customers did. Surveys tell us how they felt about it. The latest answer of each customer makes their
# **satisfaction tier**. A customer who did not answer is neither satisfied nor dissatisfied. We do not know.

# %% tags=["needs:surveys.customer_id", "needs:surveys.score"]
said = segmentation.satisfaction(chapter.table("surveys"), as_of=chapter.as_of, rules=own_rules)
by_satisfaction = segmentation.segment_satisfaction(segmented, said)
by_satisfaction.pivot(index="segment", columns="satisfaction", values="customers")

# %% [markdown] tags=["needs:surveys.customer_id", "needs:surveys.score"]
# Read along a row. Do not compare the numbers of two rows: the tiers differ in size, and in how many answered. Begin with
# the dissatisfied of the core. They have the most to take elsewhere, and they have told us that something is wrong.

# %% [markdown] tags=["lesson", "needs:surveys.customer_id", "needs:surveys.score"]
# At Aurora, {{ by_satisfaction.query("segment == 'core' and satisfaction == 'dissatisfied'").customers.sum() | count }} core
# customers are dissatisfied. That is a list which one person can call in a week.

# %% [markdown] tags=["needs:surveys.customer_id"]
# A needs survey asks what matters to somebody: that it *works* (functional), that it *feels right* (emotional), or that it
# *says something about me* (social). The need that a customer rates highest leads.

# %% tags=["needs:surveys.customer_id"]
needs = segmentation.needs(chapter.table("surveys"), as_of=chapter.as_of, rules=own_rules)
chapter.show(segmentation.needs_table(needs))

# %% [markdown]
# ## What to do
#
# The first finding is about customers who have fallen silent. How sure is their number? That depends on where we draw the
# line. So we draw it at both ends of its range as well. Customers with a running contract are left out, because they have
# not left.

# %%
lines = segmentation.sleeping_lines(customers, thresholds, rules=own_rules, under_contract=contracts)
lines.round(0)

# %% [markdown]
# Is all that the silent have spent lost? No: some of them come back by themselves. So this finding names no amount. What
# those silent on the earlier day have spent since tells us how much would be missing.
#
# Each finding says what we found, how sure that is, and what to do. Most of them only inform. A finding asks for a decision
# if it has an owner, a time, and something to do.

# %%
tier_outcomes = segmentation.segment_outcomes(moves, rules=own_rules)
days = {"since": earlier, "as_of": chapter.as_of}
followed = days | {"history_days": history_days, "horizon": rhythm.horizon_days.max()}

# %%
chapter.conclude(
    segmentation.finding_sleeping(
        moves, tiers, lines, tier_outcomes, bound, thresholds=thresholds, rules=own_rules, **followed
    ),
    segmentation.finding_concentration(concentration, history_days=history_days),
    segmentation.finding_core_lost(moves, **days),
    segmentation.finding_potential(moves, tiers, since=earlier),
)

# %% tags=["needs:surveys.customer_id", "needs:surveys.score"]
chapter.conclude(
    segmentation.finding_dissatisfied(segmented, said.to_pandas(), history_days=history_days, rules=own_rules)
)

# %% tags=["needs:customers.channel"]
chapter.conclude(segmentation.finding_origin(origin))

# %% [markdown]
# An advisor works with a list. So the run keeps every customer with their tier, stage and scores.

# %%
three = ["r_score", "f_score", "m_score"]
listed = everybody[["customer_id", "tier", "stage"]].merge(scored[["customer_id", *three]], on="customer_id", how="left")
chapter.keep(listed.astype(dict.fromkeys(three, "Int64")), name="customers")

# %% [markdown]
# ## More pitfalls
#
# - **The beginning of the data.** If the orders begin in the middle of a relationship, old customers look new. Ask from
#   which day on the orders are complete.
# - **Money in the tier, money in the result.** Core customers spend much because we chose them for it. That proves nothing
#   about the care we give them. Only a comparison with a random control group does (chapter 11).
# - **Segments for their own sake.** If you treat two segments alike, they are one segment. If a segment has no owner, it is
#   a statistic.
# - **Too many.** The scores of three measures multiply. How many plans would that be? Nobody can hold them all in mind:

# %%
int(cut_points.groupby("measure").score.nunique().prod())

# %% [markdown]
# ## Summary
#
# - Cut points are values, stated in words. Equal customers get equal scores, and collapsed scores are reported.
# - Rules are tried in a fixed order, and the first that fits decides. Their thresholds follow the client's rhythm.
# - What customers have done since tests the segments of an earlier day.
# - Measure movement between tiers with the same thresholds on both days, and keep regression to the mean in mind.
# - Believe clusters only as far as they are found again.
#
# ## Glossary
#
# - **Purchase**: an order of which something was paid and kept; cancelled, fully refunded and free orders are none (购买).
# - **Recency, frequency, monetary value**: days since the last purchase; purchases and revenue of the last twelve months
#   (近度, 频度, 额度).
# - **Cut point**: a value that separates two scores; an equal value is within it, what is above has the next score (切点).
# - **Threshold**: a number at which a rule draws its line, computed for this client; money with two digits (阈值).
# - **Value tier**: core, potential, ordinary or sleeping; what a customer is worth now (客户分级: 核心, 潜力, 普通, 沉睡).
# - **Lifecycle stage**: prospect, new, growing, mature, sleeping or lost; where the relationship stands
#   (生命周期阶段: 潜在, 新, 成长, 成熟, 沉睡, 流失).
# - **Silent**: without a purchase for longer than the line of silence; sleeping or lost. A subscriber may be silent and has
#   not left (沉默).
# - **Pareto curve, ABC**: share of revenue by share of customers, best first; classes cut from it (帕累托曲线, ABC分类).
# - **Gini coefficient**: 0 where all spend alike, near 1 where one customer spends everything (基尼系数).
# - **Migration**: how customers moved between segments from one day to another (客户迁移).
# - **Newcomer**: who was not yet a customer on the earlier of two days (新增客户).
# - **Regression to the mean**: after a good year, customers have on average a less good one (回归均值).
# - **Adjusted Rand index**: how far two groupings agree; 1 completely, 0 by chance (调整兰德指数).
#
# **On to the exercises:** [practice notebook](exercises/03_segmentation_exercises.ipynb).
