# ---
# jupyter:
#   crmlib:
#     title: Customer lifetime value
#     question: What will each of our customers still be worth, how sure is that, and where is value about to be lost?
#     minutes: 100
#     needs:
#       orders: [customer_id, ordered_at, amount]
#     optional:
#       orders: [cost]
#       customers: [channel]
#       subscriptions: [started_at, ended_at, price]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 Customer lifetime value
#
# **The manager's question:** what will each of our customers still be worth, how sure is that, and where is value
# about to be lost?
#
# What a customer has spent is known. What matters is what is still to come, because only that can be won or lost.
# This chapter predicts it, one customer at a time, and tests whether such predictions would have come true.
#
# ## What you will be able to do
#
# - tell two stories about every customer: *how often* they order, and *until when*;
# - fit the models that tell them (BG/NBD and its kin for orders, gamma-gamma for spend) and say what they mean;
# - test models on a time that they have not seen, against each other and against simple rules, and pick one;
# - say what a customer, a group and the whole base are worth, how sure that is, and what an interval means;
# - find where a model is wrong, by data whose truth is known;
# - do the same for contracts, whose end is seen.
#
# The first part is about **shoppers**, who never say that they are gone. The second is about **contracts**.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
holdout_weeks: int = 0  # weeks held out to test the model; 0: the last third of the data, at most 52 weeks
margin: float = 0.0  # contribution margin, 0 to 1; 0: from the cost of orders, or else the client's
group_by: str = "channel"  # column of customers by which value is compared

# %%
import crmlib

chapter = crmlib.begin("04_clv", client, run)
orders = chapter.table("orders")

# %% [markdown]
# ## What data this needs
#
# Orders, with the customer, the time and the amount. If orders carry their **cost**, the margin is computed from it;
# if it is known which **channel** won each customer, channels are compared. The second part needs **subscriptions**.
#
# All that the models look at fits into four numbers for each customer. `summary` counts them, in weeks:
#
# - **frequency** x: repeat orders, so one less than all (orders of one day are one);
# - **recency** t_x: time from the first order to the last. Mind: *not* the time since the last one;
# - **T**: time from the first order to today;
# - **monetary**: mean spend of the repeat orders.

# %%
from crmlib.lifecycle import clv

base = clv.summary(orders, as_of=chapter.as_of).to_pandas()
base.head(5).round(2)

# %% [markdown]
# Not every order counts. Which did, and by which rule the others did not, is an account that adds up:

# %%
account = clv.summary_account(orders, as_of=chapter.as_of).to_pandas()
assert account.orders.sum() == orders.count().execute()
account.loc[account.orders > 0, ["orders", "amount", "rule"]].round(2).set_index("rule")

# %% [markdown]
# ## Look at one customer first
#
# We take somebody who came back a few times and has been silent for a while.

# %%
from crmlib.purchases import purchases

everyone = base.assign(silence=base["T"] - base.recency).sort_values(["silence", "customer_id"])
several = everyone[everyone.frequency.between(3, 8)]
one = several.iloc[[len(several) // 2]] if len(several) else everyone.nlargest(1, "frequency")
bought = purchases(orders, as_of=chapter.as_of).select("customer_id", "day", "spend").to_pandas()
visits = bought[bought.customer_id.isin(one.customer_id)].sort_values("day").reset_index(drop=True)
gap = (visits.day.diff().dt.days / 7).round(1)
visits.assign(weeks_since_last=gap.astype(object).where(gap.notna(), "")).round({"spend": 2})

# %%
one.round(2)

# %% [markdown]
# What happens next? Two stories fit this silence.
#
# 1. *Still a customer.* Orders come at random times; this is just one of the longer gaps.
# 2. *Gone.* After the last order something was over: moved house, found another shop. Nobody told us.
#
# The longer the silence is in comparison with the gaps before, the harder the first story is to believe. Suppose we
# knew the two things that matter: the customer's **rate** λ (orders a week while a customer) and the chance p of
# **leaving** after any order. Then Bayes' rule weighs the stories: a gap of at least this silence happens with
# probability exp(−λ · silence) to somebody who stayed.

# %%
import numpy as np
import pandas as pd

from crmlib import text

came_back = one[one.frequency > 0]
rate = came_back.frequency / came_back.recency
leaving = 0.2
stayed_and_silent = (1 - leaving) * np.exp(-rate * came_back.silence)
still = (stayed_and_silent / (stayed_and_silent + leaving)).rename("probability of still being a customer")
still.round(3) if len(still) else text.say("Nobody has come back yet: there is no rate to tell.")

# %% [markdown]
# The weak point is clear: the rate was guessed from a handful of gaps, and p from nothing at all. One customer is too
# little to learn from. But there are others.
#
# ## The idea by hand
#
# The **BG/NBD** model (Fader, Hardie & Lee 2005) lets every customer have a rate and a chance of leaving of their
# own, and learns from *all* customers how these differ:
#
# - rates λ differ as a gamma distribution (r, α): on average r/α orders a week;
# - chances of leaving p differ as a beta distribution (a, b): on average a/(a+b) after each order.
#
# Four numbers describe the whole base. They are found by **maximum likelihood**: those under which the histories that
# we see would be most probable.

# %%
first = clv.fit_models(base)
first.message

# %%
first.orders_model.params.round(3) if first.orders_model else first.message

# %% [markdown]
# With them, Bayes' rule has a closed form. P(alive) is one over one plus the odds of being gone:
#
# odds = a / (b + x − 1) · ((α + T) / (α + t_x))^(r + x), for those who came back (x > 0).

# %%
p_by_hand = None
if first.orders_model:
    r, alpha, a, b = first.orders_model.params.estimate
    came_back = base[base.frequency > 0]
    x, t_x, T = came_back.frequency, came_back.recency, came_back["T"]
    p_by_hand = 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))
    assert np.allclose(p_by_hand, first.orders_model.p_alive(x, t_x, T))

p_by_hand[one.index.intersection(came_back.index)].round(3) if first.orders_model else first.message

# %% [markdown]
# By hand and by library agree. That is our customer's probability. It differs from the first guess, because rate and
# chance to leave are no longer guessed from one customer: they are what is likely for somebody with such a history.

# %% [markdown]
# Spend is the second model. The **gamma-gamma** model (Fader & Hardie 2013) says: somebody's orders vary around a
# mean of their own, and these means differ. What to expect is then a compromise between the customer's own mean and
# that of all. The more orders we have seen, the more their own mean counts: its weight is px / (px + q − 1), where p and
# q are parameters of this model (this p is no chance to leave). Where q is 1 or less, spend is so unequal that there is
# no mean of all, and the observed one is taken.

# %%
if first.complete and first.spend_model.q > 1:
    p, q, v = first.spend_model.params.estimate
    believed = p * base.frequency / (p * base.frequency + q - 1)
    spend_by_hand = believed * base.monetary + (1 - believed) * p * v / (q - 1)
    assert np.allclose(spend_by_hand, first.spend_model.expected_spend(base.frequency, base.monetary))

# %%
first.spend_model.params.round(3) if first.complete else first.message

# %% [markdown]
# It takes it that who orders more often does not spend more, or less, on an order. That can be checked at once:

# %%
clv.independence_in_words(clv.spend_and_frequency(base))

# %% [markdown]
# Value is money that stays with us. So spend is multiplied by the **margin**, and later money counts a little less
# than money today: it is **discounted** by the client's yearly rate.

# %%
used = clv.contribution_margin(orders, as_of=chapter.as_of, fallback=margin or chapter.client.margin)
used = used.assign(margin=margin, source="client") if margin else used
text.say("The margin comes from the cost of the orders.") if used.source[0] == "cost" else text.say(
    "The orders carry no (or too little) cost: the margin is the one set for this client."
)

# %% [markdown]
# ## Would it have been right?
#
# A model that fits the past well may still be wrong about the future. Only time can tell. So we go back, fit to what
# was known then, and compare the forecast with what came: a **holdout**.
#
# And we do not trust one model alone. Three tell the two stories, and differ in *when* customers may leave:
#
# - **BG/NBD**: after any repeat order;
# - **MBG/NBD**: after any order, also the first one;
# - **Pareto/NBD**: at any time (the oldest of them, Schmittlein, Morrison & Colombo 1987).
#
# They must also beat rules that need no model: everyone goes on at their own rate (`personal_rate`), everyone repeats
# what they did in the last period (`last_period`), whoever is silent for long is gone (`recency_rule`), all are alike
# (`overall_mean`).

# %%
from crmlib import models

end = clv.calibration_end(orders, as_of=chapter.as_of, holdout_weeks=holdout_weeks)
past = clv.summary(orders, as_of=chapter.as_of, calibration_end=end).to_pandas() if end else None
kinds = [models.BetaGeoNBD, models.ModifiedBetaGeoNBD, models.ParetoNBD]
choice = clv.compare(kinds, base if past is None else past)
choice.why

# %% [markdown]
# What the table says of each of them:
#
# - `missed`, for planning totals: by what share more orders came (less, if negative) than were expected;
# - `mean_absolute_error`, for treating customers one by one: orders that a forecast is wrong by;
# - `gini`, for ranking them: 1 is the best ranking there could be, 0 is chance;
# - `log_score` holds all of it: the mean log-probability that a model gave to what each customer then did. Small
#   differences may be sure, because they are compared customer by customer, with their own standard error;
# - `bic`: how well a model describes the histories it was fitted to, the less the better.

# %%
measured = ["missed", "mean_absolute_error", "gini", "log_score", "bic", "p_alive_one_time"]
shown = choice.table[["model", *[name for name in measured if name in choice.table]]]
shown.set_index("model").astype("Float64").round(3).astype(object).fillna("")

# %%
helped = choice.table[choice.table.reason != ""]
helped.set_index("model")[["reason"]] if len(helped) else text.say("The data alone settled every model.")

# %%
kind = type(choice.picked) if choice.pick else None
then = choice.picked if past is not None else None
too_short = text.say("The data are too short, or too few customers came back, to test the model on a time held out.")
untested = too_short if past is None else choice.why
text.say("Held out: {first} to {last}.", first=text.day(end), last=text.day(chapter.as_of)) if then else untested

# %%
total = clv.holdout_total(past, then) if then else None
by_frequency = clv.holdout_comparison(past, then) if then else None
weeks = clv.tracking(orders, then, as_of=chapter.as_of, calibration_end=end) if then else None
chapter.show(clv.plot_holdout(by_frequency, weeks, total), name="holdout", table=by_frequency) if then else untested

# %% [markdown]
# The intervals tell what would be chance. Bars beyond them are not: then the customers did something that they had
# not done before, be it because of a season, a campaign, or a shop that got better or worse, none of which the models
# know; or the model is wrong about how customers differ.
#
# **Calibration**: customers are put into ten equal groups by what was expected of them. Did those in the upper groups
# order as much more as the model said?

# %%
deciles = clv.calibration_by_decile(past, then) if then else None
chapter.draw(clv.plot_calibration(deciles)) if then else untested

# %% [markdown]
# **Lift**: if only the best-ranked customers had been contacted, what share of the orders would they have placed?

# %%
ranking = clv.lift(past, then) if then else None
chapter.draw(clv.plot_lift(ranking)) if then else untested

# %%
baselines = clv.baseline_comparison(past, then) if then else None
chapter.show_table(
    clv.baselines_in_words(baselines),
    name="baselines",
    title=text.say("The model against simple rules, on the time held out"),
    reading=text.say("What counts is the error customer by customer, and the ranking; a good total may be luck."),
) if then else untested

# %% [markdown]
# ## The same with the library
#
# The model that was picked is fitted to all the data, and `customer_values` predicts for everybody, over the next 365
# days: `p_alive`, `expected_orders`, `expected_spend`, `clv`, each with the ends of an interval.

# %%
fitted = clv.fit_models(base, orders_model=kind)
value_of = {**fitted.models, "margin": float(used.margin[0]), "discount_rate": chapter.client.discount_rate}
values = clv.customer_values(base, **value_of) if fitted.complete else None
if values is not None:
    digits = {name: 2 if name.startswith(("clv", "residual", "value", "expected_spend")) else 6 for name in values}
    chapter.keep(values.round(digits), name="clv")
shown = ["customer_id", "frequency", "silence_weeks", "p_alive", "expected_orders", "expected_spend", "clv"]
values[values.customer_id.isin(one.customer_id)][shown].round(3) if values is not None else fitted.message

# %% [markdown]
# Followed day by day, P(alive) is a picture of our one customer: it falls in every silence, and an order lifts it.
# Under BG/NBD it is 100 % until the second order, because so far there was no occasion to leave.

# %%
path = clv.alive_path(fitted.orders_model, visits.day, as_of=chapter.as_of) if fitted.orders_model else None
chapter.draw(clv.plot_alive_path(path)) if path is not None else fitted.message

# %% [markdown]
# For our one customer, orders × spend × margin is nearly the value. The rest is discounting.

# %%
mine = values[values.customer_id.isin(one.customer_id)] if values is not None else None
(mine.clv / (mine.expected_orders * mine.expected_spend * used.margin[0])).rename("after discounting").round(3) if (
    mine is not None
) else fitted.message

# %% [markdown]
# ## The picture
#
# Every customer has a place: how often they came back, and how long they have been silent. Read a column from the
# bottom to the top. Usually, in the first columns more
# orders mean a surer customer, and farther right it turns round: *for
# somebody who used to come often, a long silence is worse news than for somebody who came rarely*.

# %%
grid = clv.alive_grid(values) if values is not None else None
chapter.show(clv.plot_alive_grid(grid), name="alive", table=grid) if grid is not None else fitted.message

# %% [markdown]
# Mind the bottom line, those who bought once. If it is hatched, the model picked is BG/NBD: there people leave *after a
# repeat order*, so whoever bought once has had no occasion to leave, and P(alive) is 1 for every one of them **by
# construction**. It is not a result. What the model expects of them on average can be tested (it learnt it from what
# such customers did); who of them has left, it does not know. The other two models give them a probability.

# %%
once = base[base.frequency == 0]
text.say(
    "Of {all} customers, {count} bought once only, {old} of them more than half a year ago.",
    all=len(base),
    count=len(once),
    old=int((once["T"] > 26).sum()),
)

# %% [markdown]
# ## In words
#
# The value of all customers together is **customer equity**. What would be added if everybody were surely still a
# customer is the **value at risk**. Under BG/NBD, how many are still there can be told only of those who came back, and
# the value at risk of one-time buyers is 0 by construction; they then have a row of their own.

# %%
equity = clv.customer_equity(base, **value_of) if fitted.complete else None
if equity is not None:
    chapter.keep(equity, name="equity_values")
    reading = text.say("95% intervals; all but that of the value at risk include chance.")
    within = equity[equity.measure != "residual_equity"]

# %%
heads = [text.say("Today's customers, next 12 months"), text.say("Expected"), text.say("From"), text.say("To")]
chapter.show_table(
    clv.equity_in_words(within, base),
    name="equity",
    title=text.say("What the customer base is worth"),
    reading=reading,
    labels=dict(zip(["measure", "value", "low", "high"], heads, strict=True)),
) if equity is not None else fitted.message

# %% [markdown]
# How evenly is it spread? Customers are sorted by what they are expected to bring.

# %%
shares = clv.equity_shares(base, clv.top_fifth(values), **value_of) if fitted.complete else None
curve = clv.equity_concentration(values) if fitted.complete else None
chapter.show(clv.plot_concentration(curve, shares), name="concentration", table=curve) if (
    fitted.complete and len(curve)
) else fitted.message

# %% [markdown]
# ### By group
#
# Do some groups, such as channels, bring better customers? Each group gets models of its own. Two questions are kept apart: what
# *today's* customers will still bring (old groups hold many who have left), and what a *new* one brings in the
# first year after the first order. Only the second is a fair comparison.

# %%
known = chapter.has("customers", group_by) and fitted.complete
people = chapter.table("customers") if known else None
options = {"margin": value_of["margin"], "discount_rate": value_of["discount_rate"]}
groups = clv.value_by_group(base, people, by=group_by, **options) if known else None
chapter.show_table(
    clv.groups_in_words(groups, by=group_by),
    name="by_group",
    title=text.say("What customers are worth, by channel"),
    reading=text.say("Contribution. Groups need not add up to the total, because each has a model of its own."),
) if known else text.say("Without models, or without this column of customers, there is no comparison of groups.")

# %% [markdown]
# The groups' values need not add up to the equity above: one model for all treats customers alike who, by their
# channel, are not.
#
# ### Value now, value to come
#
# Who brought much is not always who will bring much. Two questions make four cells, and each asks for something else
# (当前价值 × 潜在价值). So far is the contribution of all orders, to come that of the next 12 months; the lines are
# drawn at the means.

# %%
so_far = base.customer_id.map(bought.groupby("customer_id").spend.sum()) * value_of["margin"]
matrix = clv.value_matrix(base, values, value_now=so_far) if values is not None else None
chapter.show(clv.plot_value_matrix(matrix), name="matrix", table=matrix) if matrix is not None else fitted.message

# %% [markdown]
# ## How sure?
#
# Three things are unknown of a single customer's next year, and an interval must hold all of them:
#
# 1. the **parameters**: they are estimated. The more customers, the better they are known;
# 2. the customer's **own** rate and spend: a handful of orders tells little of them;
# 3. **chance**: who orders once a year on average will some years not order at all.
#
# The library draws parameters that the data leave possible, then a customer with such a history, then a future, two
# hundred times. The 95 % interval reaches from what 2.5 % of these futures stay below to what 2.5 % of them exceed.

# %%
drawn = clv.parameter_posterior(fitted.orders_model) if fitted.complete else None
chapter.draw(clv.plot_parameter_posterior(drawn)) if drawn is not None else fitted.message

# %% [markdown]
# The diagonal shows how well each parameter is known, the other pictures which go together: under BG/NBD, a and b do,
# because the data tell their ratio better than either.

# %%
best = values.sort_values(["clv", "customer_id"], ascending=[False, True]) if values is not None else None
shown = ["customer_id", "frequency", "expected_orders", "expected_orders_low", "expected_orders_high"]
shown += ["clv", "clv_low", "clv_high"]
best[shown].head(8).round(2).reset_index(drop=True) if best is not None else fitted.message

# %% [markdown]
# How wide these are, even for the best! A low end of 0 is the second story: this customer may have left. Over many
# customers chance evens out, because they will not all have. So single values are for ranking, sums are for planning:

# %%
if equity is not None:
    worth = equity.set_index("measure").loc["customer_equity"]
    top_one = best.iloc[0]
    ends = [text.money(amount) for amount in (top_one.clv_low, top_one.clv_high, worth.low, worth.high)]
text.say(
    "The best customer's value reaches from {a} to {b}, that of all customers together from {c} to {d}.",
    **dict(zip("abcd", ends, strict=True)),
) if equity is not None else fitted.message

# %% [markdown]
# ## Where the model is wrong
#
# An interval says what is unknown *if the model is right*. Three ways to see where it is not.
#
# ### Against the truth
#
# The sample brand is made up, so its truth is known: who is still a customer, and how many orders each would place in
# the next year. We sort by P(alive), and look at how many are really there.

# %%
from crmlib.course import truth

true = truth.true_customers(chapter.client)
no_truth = text.say("Of real customers nobody knows the truth; this part has something to show on the sample brand.")
known = values.merge(true, on="customer_id", suffixes=("", "_true")) if true is not None else None

# %%
if known is not None:
    classes = ["to 20 %", "to 40 %", "to 60 %", "to 80 %", "below 100 %", "100 %"]
    known["said"] = pd.cut(known.p_alive, [0, 0.2, 0.4, 0.6, 0.8, 1 - 1e-9, 1], labels=classes, include_lowest=True)
    seen = {"customers": ("alive", "size"), "said_alive": ("p_alive", "mean"), "truly_alive": ("alive", "mean")}
known.groupby("said", observed=True).agg(**seen).round(3) if known is not None else no_truth

# %% [markdown]
# A line of 100 % is of those who bought once, under BG/NBD. What do the three models expect of them, and what is true?

# %%
buyers = base[base.frequency == 0].merge(true, on="customer_id") if true is not None else None
expected = {"in truth": buyers.expected_orders.sum()} if true is not None else {}
for each in kinds if true is not None else []:
    model = each.fit(base)
    said = model.expected_orders(365 / 7, buyers.frequency, buyers.recency, buyers["T"])
    expected[models.model_name(each.__name__)] = said.sum()
pd.Series(expected, name="orders of one-time buyers").round(0) if expected else no_truth

# %% [markdown]
# That P(alive) is 1 sounds wrong, and as a probability of single customers it is. But which model comes nearest for
# these customers depends on the business, so the holdout picks, not what looks reasonable.
#
# And groups? By the channel that won the customers:

# %%
won_by = chapter.table("customers").select("customer_id", "channel").to_pandas() if known is not None else None
if known is not None:
    sums = {
        "customers": ("alive", "size"),
        "expected": ("expected_orders", "sum"),
        "true": ("expected_orders_true", "sum"),
    }
    by_channel = known.merge(won_by, on="customer_id").groupby("channel").agg(**sums)
    by_channel.loc["all"] = by_channel.sum()
by_channel.assign(off=by_channel.expected / by_channel.true - 1).round(2) if known is not None else no_truth

# %% [markdown]
# `off` is the share by which the model is wrong there. One model for everybody may be right for the sum (the last line)
# and still treats all alike who have equal histories, whichever channel they came by: it is too low for the good
# channels and too high for the others. Where groups are large, model them apart, as in the comparison of groups.
#
# ### Against a famous base
#
# The 2,357 customers of the CD shop CDNOW (1997–98) are those on whom these models became known.

# %%
cdnow = truth.cdnow_orders()
no_cdnow = text.say("The data of CDNOW are not beside this kit.")
then_1997 = clv.summary(cdnow, as_of="1998-06-30", calibration_end="1997-09-30") if cdnow is not None else None
of_cdnow = clv.compare(kinds, then_1997) if cdnow is not None else None
of_cdnow.why if of_cdnow else no_cdnow

# %%
measured = ["log_likelihood", "actual_total", "expected_total", "missed", "log_score", "gini"]
shown = of_cdnow.table.set_index("model")[measured].round(3) if of_cdnow else None
shown.astype(object).fillna("") if of_cdnow else no_cdnow

# %% [markdown]
# The model picked misses the total by the most of the three (`missed`), although customer by customer none is better: a
# pick answers one question, and for planning a total another model may serve better.

# %%
tracked = clv.tracking(cdnow, of_cdnow.picked, as_of="1998-06-30", calibration_end="1997-09-30") if of_cdnow else None
chapter.draw(clv.plot_tracking(tracked)) if of_cdnow else no_cdnow

# %% [markdown]
# Every model (not every simple rule) expected fewer orders than came; the weeks show when. Customers who seemed gone came back, as a season or
# a campaign brings them back, and a model in which leaving is *for good* has no word for that.
#
# ### Against its assumption of random times
#
# The models take it that orders come at random times. Whoever orders every fourth Friday is no such customer: one
# missed Friday tells all. The gaps themselves show whether customers are like that.

# %%
try:
    timing = clv.regularity(orders, as_of=chapter.as_of)
    said_of_timing = clv.regularity_in_words(timing)
except models.TooFewRepeatBuyers as too_few:
    timing, said_of_timing = None, str(too_few)
said_of_timing

# %% [markdown]
# ## Pitfalls
#
# ### Calling those who are least likely still there
#
# "Win back those with the lowest P(alive)" sounds reasonable. Who are they, and what could be won? Compare them
# with as many customers at the top of **value at risk**: what each would bring if surely still there, less what is
# expected anyway. Those who are less than 5 % likely to be still there are left out of these: they are lost.

# %%
many = min(100, len(base))
lowest = values.sort_values(["p_alive", "customer_id"]).head(many) if values is not None else None
reachable = values[values.p_alive >= 0.05] if values is not None else None
top = reachable.sort_values("value_at_risk", ascending=False).head(many) if values is not None else None

# %%
measured = ["p_alive", "value_if_alive", "value_at_risk"]
means = {} if values is None else {"lowest P(alive)": lowest, "highest value at risk": top}
pd.DataFrame({name: some[measured].mean() for name, some in means.items()}).round(2) if means else fitted.message

# %% [markdown]
# Sorting by P(alive) forgets what a customer is worth. But mind also what value at risk is *not*: it is the prize if
# winning back works for sure. With those who are nearly certainly gone it seldom works, and how often it does is told
# by a control group only.
#
# ### Believing P(alive) of one-time buyers
#
# "Then take those with the highest P(alive)" is no better. Under BG/NBD that top is full of one-time buyers: for them
# it is 1 by construction, and says nothing. Under any model it is full of people who bought recently, and would come
# back without a call. Among those who bought once, choose by expected value and by days since the order.

# %%
surest = values.sort_values("p_alive", ascending=False, kind="stable").head(many) if values is not None else None
text.say(
    "Of the {count} customers with the highest P(alive), {once} bought once only.",
    count=many,
    once=int((surest.frequency == 0).sum()),
) if values is not None else fitted.message

# %% [markdown]
# ### "CLV" without saying which
#
# Two numbers go by that name. `clv` ends with the horizon; `residual_clv` has no end, only discounting makes it
# finite. They are different questions, and must neither be mixed nor added.

# %%
both = [name for name in ("clv", "residual_clv") if values is not None and name in values]
values[both].sum().round(0) if both else fitted.message

# %% [markdown]
# The second rests on years that no holdout has tested, and models that agree on the next year differ widely on it.
# Compare customers by it if you must; do not plan with it, and do not report it.

# %% [markdown]
# # Second part: contracts
#
# A subscriber who leaves says so. There is no P(alive) to guess: the question is only how long those who are there
# will stay. At every renewal some leave, and the retention rate of a cohort *rises* with its age. Not because
# customers become more loyal: the disloyal leave first.
#
# ## Look at one cohort first

# %%
from crmlib.lifecycle import retention

has_contracts = chapter.has("subscriptions", "started_at", "ended_at", "price")
contracts = chapter.table("subscriptions") if has_contracts else None
no_contracts = text.say("This client has no subscriptions: the part on contracts has nothing to show.")
terms = retention.subscription_terms(contracts, as_of=chapter.as_of).to_pandas() if has_contracts else None
terms if has_contracts else no_contracts

# %% [markdown]
# Contracts of different terms come to different numbers of renewals, so they are not counted together: from here on
# it is the term of which there are most.

# %%
term = retention.most_frequent_term(terms)
ages = retention.renewal_ages(contracts, as_of=chapter.as_of, term=term).to_pandas() if has_contracts else None
ages.head(12) if has_contracts else no_contracts

# %% [markdown]
# `at_risk` came to that renewal, `lost` ended there. By hand: retention is 1 − lost / at risk, and the share that
# survives is the product of these.

# %%
by_age = ages.assign(retention=1 - ages.lost / ages.at_risk) if has_contracts else None
by_age = by_age.assign(survival=by_age.retention.cumprod()) if has_contracts else None
by_age[["age", "retention", "survival"]].head(12).round(3) if has_contracts else no_contracts

# %% [markdown]
# ## Two models
#
# - **sBG** (Fader & Hardie 2007): everybody has a chance of leaving of their own, the same at each renewal; the
#   chances differ as a beta distribution.
# - **BdW** (Fader, Hardie and others 2018): the chance may also change with a contract's age, by the power c. c = 1
#   is the sBG.
#
# Is the third parameter worth it?

# %%
try:
    compared = models.compare_renewals(ages) if has_contracts else None
    why = clv.renewals_in_words(compared) if compared else no_contracts
except (models.FitDidNotConverge, models.CustomerBaseInvalid) as problem:
    compared, why = None, str(problem)
why

# %%
compared.table.round(3) if compared else why

# %%
projected = retention.project_renewals(ages, compared.picked) if compared else None
chapter.show(retention.plot_projection(projected, term=term), name="contracts", table=projected) if compared else why

# %% [markdown]
# ## What contracts are worth
#
# What a contract will still bring is its price, times margin, times the renewals that it will still make, each
# discounted: the **residual lifetime**. The next renewal counts in full. The margin of contracts is the client's.

# %%
running = retention.running_subscriptions(contracts, as_of=chapter.as_of, term=term).to_pandas() if compared else None
rate = models.rate_per_period(chapter.client.discount_rate, term) if compared else None
if compared:
    price, margin_of = running.revenue / running.contracts, chapter.client.margin
    worth = {"renewals": running.age, "contracts": running.contracts, "price": price, "margin": margin_of}
by_renewals = models.renewal_value(compared.picked, discount_rate=rate, **worth) if compared and len(running) else None
by_renewals.assign(each=by_renewals.value / by_renewals.contracts).head(8).round(0) if by_renewals is not None else why

# %% [markdown]
# `each` is the value of one: whether it rises with the renewals behind a contract, the model says. In the interval of all together, the chance of who leaves when evens out; that the parameters are not known exactly
# does not.

# %%
renewal_equity = models.renewal_equity(compared.picked, discount_rate=rate, **worth) if compared and len(running) else None
renewal_equity.round(0) if renewal_equity is not None else why

# %% [markdown]
# ## What to do
#
# The values just computed become decisions: how much may be spent on keeping a customer, on calling one, on winning
# a new one. None of it says what an action *adds*; for that, leave a control group out (chapter 11). How the model did
# in its test goes with every finding; if it failed, they name no money.

# %%
single = clv.equity_shares(base, base.frequency == 0, **value_of) if fitted.complete else None
yearly = chapter.client.discount_rate
weeks_seen = float(base["T"].max()) if len(base) else 0.0
trust = clv.trust_in_model(total, baselines, fitted=fitted, history_weeks=weeks_seen, timing=timing)
trust.said

# %%
found = (
    []
    if equity is None
    else [
        clv.finding_equity(equity, used, customers=len(base), discount_rate=yearly, trust=trust),
        clv.finding_value_at_risk(equity, values, trust=trust),
        clv.finding_concentration(shares, trust=trust),
        clv.finding_one_time_buyers(single, trust=trust, equity=equity),
        clv.finding_groups(groups, by=group_by) if groups is not None else None,
    ]
)

# %%
of_contracts = None
if renewal_equity is not None:
    model, priced = compared.picked, {"margin": chapter.client.margin, "term": term}
    outlook = retention.renewal_outlook(contracts, model, as_of=chapter.as_of, **priced)
    mean_price = float(running.revenue.sum() / running.contracts.sum())
    of_contracts = clv.finding_renewal_equity(
        renewal_equity, model, price=mean_price, rate=rate, outlook=outlook, **priced
    )

# %%
found.append(clv.finding_holdout(total, baselines, equity) if then else None)
of_orders = found[0].money if found and found[0] and found[0].money else 0.0
contracts_first = of_contracts is not None and (of_contracts.money or 0.0) > of_orders
chapter.conclude(*([of_contracts, *found] if contracts_first else [*found, of_contracts]))

# %% [markdown]
# ## Summary
#
# - Two stories explain a silence: a long gap, or the end. How likely each is depends on the customer's own rhythm.
# - Models are picked by what happened afterwards: a holdout, a proper score, and simple rules to beat.
# - One customer tells too little; the whole base tells how customers differ, and that fills the gap.
# - Value is expected orders × expected spend × margin, discounted. Only the future counts.
# - An interval holds parameters, the customer's own rate and spend, and chance, if the model is right. A holdout and
#   known truth show whether it is.
# - Under BG/NBD, P(alive) of one-time buyers is 1 by construction: then never use it to choose among them.
# - Call by value at risk, not by P(alive). What calling adds needs a control group.
# - Contracts say when they end: sBG and BdW project how many stay, and retention rises because the disloyal leave first.
#
# ## Glossary
#
# - **frequency, recency, T**: repeat orders; time from the first to the last order; time from the first order to
#   today.
# - **P(alive)**: probability that a customer has not left for good.
# - **BG/NBD**: model of orders that come at random at a personal rate until the customer leaves after one of them.
# - **MBG/NBD**, **Pareto/NBD**: its kin, where customers may leave after the first order too, or at any time.
# - **sBG**, **BdW**: models of contracts, which end at a renewal with a chance that differs between contracts.
# - **log score**: the mean log-probability that a model gave to what each customer then did.
# - **calibration**, **lift**: whether forecasts are as large as what came; whether they rank customers well.
# - **gamma-gamma**: model of spend in which each customer's orders vary around a personal mean.
# - **maximum likelihood**: choosing the parameters under which what was seen is most probable.
# - **customer lifetime value (CLV)**: discounted contribution expected of a customer; here, of the next 12 months.
# - **customer equity**: the sum of these over all customers.
# - **value at risk**: what would be added if customers who may be gone were surely still there.
# - **residual value**: all value still to come, discounted, without a horizon.
# - **decile**: a tenth of customers, sorted by their forecast. **k**: how regular the gaps between orders are; 1 is
#   random, above it more regular.
# - **value matrix**: value so far against value to come.
# - **holdout**: a time whose data the model is not shown, to test its forecast.
# - **discounting**: counting later money for less than money today.
#
# Now practise: [exercises](exercises/04_clv_exercises.ipynb).
