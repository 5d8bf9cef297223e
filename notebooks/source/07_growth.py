# ---
# jupyter:
#   crmlib:
#     title: Growth
#     question: What do customers buy together and next, and what do sets, discounts and the club truly bring?
#     minutes: 80
#     needs:
#       orders: [order_id, ordered_at, amount]
#       order_lines: [order_id, product_id, quantity, amount]
#     optional:
#       orders: [customer_id, discount, store]
#       order_lines: [category]
#       customers: [channel]
#       loyalty: [points_earned, tier]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 Growth
#
# **The manager's question:** what do customers buy together and next, and what do sets, discounts and the club truly bring?
#
# A customer who already trusts us may buy more: a second product, a larger order, a higher tier. Many tools promise to find
# out what. They look at thousands of combinations, and some of them look good by chance alone. So this chapter asks of each
# finding: would chance have made it, too?
#
# ## What you will be able to do
#
# - find products that belong together, and say how many such pairs chance would have made;
# - tell "bought together" from "bought by those who buy much";
# - see what comes next, and test a suggestion before you trust it;
# - say what a set or a guide truly changed, where some shops began before others;
# - judge discounts, steps of order value and points by what they bring;
# - explain why nobody can tell from its members what a club brings.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
item: str = ""  # what a basket holds: category or product; empty: what the lines tell best
within: int = 120  # days within which a next purchase counts
suggestions: int = 3  # how many items are suggested to a customer
rollouts: str = "rollouts.yaml"  # measures that some shops began before others, beside the configuration
point_value: float = 0.1  # what a redeemed point costs, in the client's currency; 0: not known

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib
from crmlib.lifecycle import growth

chapter = crmlib.begin("07_growth", client, run)
orders, lines = chapter.table("orders"), chapter.table("order_lines")

# %% [markdown]
# ## What data this needs
#
# The chapter needs orders and their **lines**: which product, how many, for how much. Three more things add detail. The
# **category** makes baskets easier to compare, the customers' **channel** shows who lacks what, and **loyalty** holds points
# and tiers.
#
# A **basket** is what one order holds. We name its items by category where the lines have one, else by product (parameter
# `item`). Each item counts once per order, however many pieces it has. What was cancelled or came back is in no basket.

# %%
kind = item or growth.item_kind(lines)
held = growth.baskets(lines, orders, as_of=chapter.as_of, item=kind)
names = growth.item_names(lines, item=kind).to_pandas()
kind

# %% [markdown]
# ## Look at one customer first
#
# Here is a customer with a few orders. Each row is an item in one of them.

# %%
known = held.filter(held.customer_id.notnull())
counted = known.group_by("customer_id").agg(orders=known.order_id.nunique())
somebody = counted.filter(counted.orders.between(3, 5)).order_by("customer_id").limit(1)

# %%
one = held.semi_join(somebody, "customer_id").order_by("ordered_at", "item")
one.select("order_id", "day", "item", "pieces", "amount").to_pandas()

# %% [markdown]
# Some items of this customer came in one order, others later. Is there a system in it? One customer cannot tell. First, how
# full are the baskets of all?

# %%
trend = growth.basket_trend(held, period="quarter")
chapter.show(growth.plot_basket_trend(trend, period="quarter"))

# %% [markdown] tags=["lesson"]
# Aurora's orders hold {{ trend["items"].iloc[-1] | number.2 }} different items on average, and
# {{ trend.several.iloc[-1] | percent }} hold more than one. The shops have an idea: offer serum and mask as a set. Do they
# belong together?

# %% [markdown]
# ## One pair by hand
#
# We take one pair: that of the first measure in the file of rollouts, else the pair that stands out most. In how many orders
# is the one, in how many the other, and in how many are both?

# %%
pairs = growth.affinities(held)
measures = growth.read_rollouts(
    chapter.client.beside(rollouts), orders=orders, lines=lines, as_of=chapter.as_of, item=kind
)
first, second = growth.pair_to_follow(pairs, measures)
first, second

# %%
with_first = held.filter(held["item"] == first).select("order_id").distinct()
with_second = held.filter(held["item"] == second).select("order_id").distinct()
with_both = with_first.semi_join(with_second, "order_id")

# %%
tables = [held.select("order_id").distinct(), with_first, with_second, with_both]
n, n_first, n_second, n_both = (int(table.count().execute()) for table in tables)
n, n_first, n_second, n_both

# %% [markdown]
# Three numbers say it all. **Support**: the share of all orders that hold both. **Confidence**: of the orders with the first,
# the share that also hold the second. And **lift**: how many times as often they meet as they would by chance. Before you run
# the cell: how often would they meet by chance?

# %%
support, confidence = n_both / max(n, 1), n_both / max(n_first, 1)
by_chance = n_first * n_second / max(n, 1)
round(support, 3), round(confidence, 3), round(by_chance, 1)

# %% [markdown]
# If the second item did not care for the first, it would be in as many of its orders as in all orders. Divide what you see
# by what chance would bring: that is the lift. The library says the same, and how sure it is.

# %%
pair = pairs[(pairs["item"] == first) & (pairs.other == second)]
pair[["both", "expected", "confidence", "base", "lift", "lift_low", "lift_high"]].round(3)

# %%
import numpy as np

assert (pair.both == n_both).all()
assert np.allclose(pair.lift, n_both / max(by_chance, 1e-9))

# %% [markdown] tags=["lesson"]
# Serum and mask belong together. {{ pair.confidence.iloc[0] | percent.1 }} of orders with a serum hold a mask, against
# {{ pair.base.iloc[0] | percent.1 }} of all orders: a lift of {{ pair.lift.iloc[0] | number.2 }}. Chance would have brought
# them together {{ by_chance | count }} times. We saw {{ n_both | count }}.

# %% [markdown]
# ## All pairs, and what many comparisons cost
#
# One pair was easy. But a shop does not know which pair to look at, so it looks at all. Suppose that nothing belonged
# together. One pair in twenty would still pass a test at 5%, by luck. So each p is **adjusted** for the number of pairs
# (Holm's method): then luck finds *anything* in at most one of twenty data sets.

# %%
found = pairs[pairs.lift > 1]
careless, careful = int((found.p < 0.05).sum() / 2), int((found.p_adjusted < 0.05).sum() / 2)
careless, careful

# %% [markdown]
# We halve both, because each pair stands in the table twice, once in each direction. The first number counts pairs that
# pass a test each, the second those that are left after the correction. The picture shows
# these. The dot is the confidence, and the short line is the share among all orders.

# %%
chapter.show(growth.plot_affinities(pairs, names=names))

# %% [markdown]
# Only a lift above 1 says something. An order in which nobody bought anything is in no table, and that alone makes pairs look
# as if they avoided each other.
#
# ## Sets of three and more
#
# If A goes with B and B with C, we will see all three together. Is the set more than its pairs? We compare it with its best
# part, meeting the rest by chance. The sets are found by **FP-growth**, an algorithm that counts only what is frequent.

# %%
sets = growth.item_sets(held)
chapter.show(growth.item_sets_table(sets, names=names))

# %% [markdown]
# ## By customer: a trap
#
# Products need not be in one order to belong together. We can ask what the same *customer* buys at any time. What do you
# expect: more pairs, or fewer?

# %%
as_one_order = known.select("item", order_id=known.customer_id).distinct()
naive = growth.affinities(as_one_order)
by_customer = growth.affinities(held, by="customer")
[round(float((table.lift > 1).mean()), 3) for table in (naive, by_customer)]

# %% [markdown]
# The first number is the share of pairs with a lift above 1 if we simply count customers. So there are more pairs: nearly
# everything seems to belong together! Customers who order often have bought more of *everything*. So the library compares customers with those who
# ordered on as many days, and the spell is broken.

# %%
chapter.show(growth.plot_affinities(by_customer, names=names, by="customer"))

# %% [markdown]
# ## What comes next
#
# Now we look at the *next* purchase of a customer. We take only those purchases after which we have followed the customer for
# `within` days (a parameter), and after which the customer came back in that time.

# %%
steps = growth.sequences(held, as_of=chapter.as_of, within=within)
chapter.show(growth.plot_sequences(steps, names=names, within=within))

# %%
columns = ["item", "other", "with_next", "both", "confidence", "base", "lift", "median_days", "p_adjusted"]
steps[columns].head(5).round(3)

# %% [markdown] tags=["lesson"]
# After a sunscreen, {{ steps.confidence.iloc[0] | percent }} of next purchases hold after-sun care. That is
# {{ steps.lift.iloc[0] | number.1 }} times the usual share, and half of them come within
# {{ steps.median_days.iloc[0] | number }} days. But both sell in summer. Would a customer who bought sunscreen in June not
# have bought after-sun care in July anyway? We come back to that.

# %% [markdown]
# ## Which product for which customer?
#
# A suggestion can be personal: customers who bought what you have also bought this. That is **item-based collaborative
# filtering**. Two items are near if the same customers bought them (the cosine of their buyers). It sounds clever. Is it?
#
# Time is the honest test. We go back half a year, suggest a few items to each customer (parameter `suggestions`), and see
# which share of what they then bought was among them: **recall**. Nobody can meet more items than are suggested, so a
# customer who bought more counts as one who bought just so many. It has two simple rivals: what most customers buy, and
# what this customer bought before.

# %%
recall = growth.recall(held, as_of=chapter.as_of, k=suggestions)
chapter.show(growth.plot_recall(recall))

# %%
recall[["method", "recall", "gain", "gain_low", "gain_high", "lead", "lead_low", "lead_high"]].round(3)

# %% [markdown]
# `gain` compares each way with the popular list, `lead` with what the customer bought before, on the same customers. A
# recommender is worth its price only if both ranges of `neighbours` are above zero. Else a simple list does as well. Here is
# how to get the nearest items that a customer does not have yet:

# %%
growth.next_items(held, somebody.to_pandas(), k=suggestions).round(3)

# %% [markdown]
# ## When will they need it again?
#
# A serum is used up some day. If that day were the same for all, a reminder would help. So we look at the days until an item
# is bought again, and at how far they spread. People who buy by chance make a spread too: within half a year, the slow quarter
# waits three to five times as long as the quick one. We call an item regular if its spread is far smaller: at most five
# eighths of what chance makes, and so far below that luck does not explain it.

# %%
rhythms = growth.replenishment(held, as_of=chapter.as_of)
judged = rhythms.to_pandas()[["item", "again", "rate", "median_days", "spread", "spread_by_chance", "regular"]]
judged.sort_values("again", ascending=False).head(5).round(2)

# %%
chapter.show(growth.plot_replenishment(rhythms, names=names))

# %%
needed = growth.due(held, rhythms, as_of=chapter.as_of)
needed.count().execute()

# %% [markdown]
# That many customers are due within a month, before or after today. If no item is regular, nobody is.
#
# ## How often does the second come with the first?
#
# The **attach rate** is the confidence of one pair, followed over time. Here it is for the pair from above.

# %%
chances = growth.attachable(held, item=first, other=second)
rates = growth.attach_rate(chances, period="quarter").to_pandas()
chapter.show(growth.plot_attach_rate(rates, item=first, other=second, names=names, period="quarter"))

# %% [markdown] tags=["lesson"]
# From {{ rates.rate.iloc[0] | percent }} to {{ rates.rate.iloc[-1] | percent }}: the set is a triumph! Or is it? It began in
# six of twelve shops in March 2025. The line rises before March, too. What else could have lifted it?

# %% [markdown]
# ## What a measure truly changed
#
# Some shops began a measure, others did not (the file of rollouts says which, and when). The others show what would have
# happened anyway. So we take the change in the shops with it, and subtract the change in the same months in the shops
# without it: the **difference in differences**.

# %%
effects = [growth.rollout_effect(held, one, as_of=chapter.as_of, margin=chapter.client.margin) for one in measures]
compared = growth.all_effects(effects)
compared[["measure", "naive", "effect", "low", "high", "unit_low", "unit_high"]].round(3)

# %%
said = {one.name: one.said for one in measures}
chapter.show(growth.rollouts_table(compared, said=said))

# %% [markdown]
# There are two ranges. The first takes each order for itself. The second takes each *shop* for itself, because shops were
# chosen and not orders: a shop may have good and bad months of its own. It is wider where
# shops differ by more than single orders explain, and may be narrower where they do not. Only if both leave zero out, we say
# that it works. The library compares month by month, so four rates by hand give nearly, but not quite, its number.

# %% [markdown] tags=["lesson"]
# Before and after alone would praise the set for {{ 100 * compared.naive.iloc[0] | number.1 }} points. Masks became fashionable
# in all shops; what the set added is {{ 100 * compared.effect.iloc[0] | number.1 }} points, and counting shop by shop the
# range holds zero. The after-sun guide added {{ 100 * compared.effect.iloc[1] | number.1 }} points, summer or not, because the
# shops without it had the same summer. That is surer.

# %% [markdown]
# ## The ladder of order values
#
# "Spend 20 more and get a gift": such an offer speaks to those who are just below a step. How many are there, and how much is
# missing?

# %%
ladder = growth.ladder(orders, as_of=chapter.as_of, margin=chapter.client.margin)
chapter.show(growth.ladder_table(ladder))

# %% [markdown]
# The last column supposes that one in ten takes the step. Nobody knows that before a test. And those who are above the step
# anyway will take the gift, too.
#
# ## Does anybody wait for discounts?

# %%
reduced = growth.discount_trend(orders, as_of=chapter.as_of).to_pandas().set_index("period")
reduced[["orders", "reduced", "share", "low", "high", "depth"]].tail(4).round(3)

# %% [markdown]
# Some customers have bought only at a discount. A list of them is quickly made, and often they are called bargain hunters.
# But with three orders and one in five reduced, chance alone makes some. By hand, that is 0.2 × 0.2 × 0.2.

# %%
dependence = growth.discount_dependence(orders, as_of=chapter.as_of)
chapter.show(growth.plot_discount_dependence(dependence))

# %% [markdown]
# The bars are what chance makes if every order is reduced with the same probability, for customers with as many orders. The
# dots are what we see. Where they meet, luck alone explains them.
#
# ## What grows, and what fades

# %%
changes = growth.item_changes(held, as_of=chapter.as_of)
chapter.show(growth.plot_item_changes(changes, names=names))

# %% [markdown]
# Both years have the same seasons, so a summer product does not seem to fade in winter. Quarter by quarter, seasons show
# themselves:

# %%
lives = growth.item_lives(held)
chapter.show(growth.plot_item_lives(lives, names=names))

# %% [markdown]
# And with what do new customers begin? Here a column is a cohort: the customers whose *first* order was in that quarter.

# %%
begun = growth.item_lives(held, of="first")
chapter.show(growth.plot_item_lives(begun, names=names, of="first"))

# %% [markdown] tags=["needs:customers"]
# ## White space
#
# Is there a segment that does not buy what others buy? If a segment orders less often, it has less of everything. So each
# segment is compared with all customers who ordered on as many days.

# %% tags=["needs:customers"]
customers = chapter.table("customers")
by = growth.segment_column(customers)
space = growth.whitespace(held, customers, as_of=chapter.as_of, by=by)
chapter.show(growth.plot_whitespace(space, names=names, by=by))

# %% [markdown] tags=["needs:loyalty"]
# ## The club
#
# What do members of each tier bring, and what do they redeem?

# %% tags=["needs:loyalty"]
loyalty = chapter.table("loyalty")
tiers = growth.tier_summary(loyalty, orders, as_of=chapter.as_of, margin=chapter.client.margin).to_pandas()
chapter.show(growth.tiers_table(tiers))

# %% tags=["needs:loyalty"]
moves = growth.tier_migration(loyalty, as_of=chapter.as_of)
chapter.show(growth.plot_tier_migration(moves, tiers.tier.tolist()))

# %% [markdown] tags=["needs:loyalty"]
# ### Points are a debt
#
# Who has points may come and claim them. Some never will: that is **breakage**. How many, only time tells, so we look at the
# oldest points. Each customer's points are paid off in the order in which they were earned.

# %% tags=["needs:loyalty"]
ages = growth.points_by_age(loyalty, as_of=chapter.as_of)
owed = growth.points_liability(ages, point_value=point_value)
chapter.show(growth.plot_points(ages, owed))

# %% [markdown] tags=["needs:loyalty"]
# ### Does the club make members buy more?
#
# Taken together, members bring more than others, because of the upper tiers, and that goes into many presentations. But who joins? To
# see it, we look at what members bought *before* they joined, when the club could not have changed anything.

# %% tags=["needs:loyalty"]
joiners = growth.joiners_before(loyalty, orders, as_of=chapter.as_of)
at_once = growth.joined_with_first_order(loyalty, orders, as_of=chapter.as_of)
chapter.show(growth.joiners_table(joiners, at_once))

# %% [markdown] tags=["lesson", "needs:loyalty"]
# All {{ at_once.members.iloc[0] | count }} members of Aurora joined with their first order. There is no before. Whatever
# members do afterwards, we do not know what they would have done without the club, and no method can find out from these
# data. The right answer is: it cannot be told. Invite half of the next new customers, drawn by lot, and in 90 days you know.

# %% [markdown]
# ## How sure
#
# The findings rest on these numbers, each with its 95% interval. A lift whose range holds 1, or an effect whose range holds
# zero, may be none.

# %%
sure = pairs[["item", "other", "lift", "lift_low", "lift_high", "p_adjusted"]]
sure.head(6).round(3)

# %%
compared[["measure", "observations", "units", "low", "high", "unit_low", "unit_high"]].round(3)

# %% [markdown]
# ## What to do
#
# Here is what the chapter concludes: a finding, the money where it can be named, how sure it is, and what to do. A measure
# that works on the next order comes with a list: customers of the other shops whom it could still reach.

# %%
chapter.conclude(growth.finding_affinity(pairs, names=names), growth.finding_discounts(dependence))

# %%
chapter.conclude(*growth.findings_of_rollouts(held, measures, effects, as_of=chapter.as_of, names=names))

# %% tags=["needs:loyalty"]
chapter.conclude(growth.finding_club(tiers, joiners, at_once))

# %% [markdown]
# ## Pitfalls
#
# **Frequent pairs need not belong together.** Sort the pairs by how often they occur. Which of the first have a lift near 1?

# %%
often = pairs.sort_values(["both", "item"], ascending=[False, True])
often[["item", "other", "both", "expected", "lift", "p_adjusted"]].head(6).round(3)

# %% [markdown]
# Frequent items meet often, because they are frequent. Where the lift is near 1, the pair says nothing.
#
# **Before and after is not an effect.** Take the shops that never began, and cut their time at the day when the others did.
# They had no measure. What does before and after say?

# %%
growth.idle_before_after(chances, measures[:1]).round(3)

# %% [markdown]
# Where the second rate is higher, these shops improved without doing anything. Before and after would have praised a measure
# that they do not have.
#
# ## Summary
#
# - Support, confidence and lift describe a pair. Lift compares it with chance.
# - Many comparisons need a correction, and only what is left afterwards is a finding.
# - By customer, everything goes together, until we compare customers who order as often.
# - What comes next may be a season. Only a comparison with others in the same months tells.
# - Test suggestions on time, against what is popular. Often the simple list wins.
# - Before and after is no effect. Shops that began later, or never, are the fair comparison.
# - Some always buy at a discount by luck. Count how many chance makes.
# - Members buy more because they are members, or are members because they buy more: only a draw by lot can tell.
#
# ## Glossary
#
# - **Basket, item**: what one order holds; a category or a product (购物篮, 商品项).
# - **Support**: share of all orders that hold both items (支持度).
# - **Confidence**: of the orders with one item, the share that also hold the other (置信度).
# - **Lift**: how many times as often two items meet as by chance (提升度).
# - **FP-growth**: an algorithm that finds frequent sets (频繁模式增长).
# - **Adjusted p**: how often chance alone would find anything, among so many comparisons (校正后p值).
# - **Attach rate**: the confidence of one pair, followed over time (搭购率).
# - **Item-based collaborative filtering**: suggestions from items with the same buyers (基于物品的协同过滤).
# - **Recall at k**: share of what was then bought that is among k suggestions (召回率).
# - **Difference in differences**: change where something began, less the change where it did not (双重差分).
# - **Breakage**: points that nobody will ever redeem (积分沉没).
# - **White space**: what a segment buys less than others who order as often (空白机会).
#
# **On to the exercises:** [practice notebook](exercises/07_growth_exercises.ipynb).
