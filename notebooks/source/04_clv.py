# ---
# jupyter:
#   crmlib:
#     title: Customer lifetime value
#     question: What will each of our customers still be worth, how sure is that, and where is value about to be lost?
#     minutes: 75
#     needs:
#       orders: [customer_id, ordered_at, amount]
#     optional:
#       orders: [cost]
#       customers: [channel]
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
# - fit the models that tell them (BG/NBD for orders, gamma-gamma for spend) and say what their parameters mean;
# - test a model on a time that it has not seen, and against simple rules;
# - say what the customer base is worth in the next 12 months, with an interval;
# - find the customers with whom value is about to be lost, and those of whom the model knows nothing.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
workspace: str = ""  # folder of a run's workspace; filled in by the runner
output: str = ""  # folder for the tables shown; filled in by the runner
language: str = ""  # of titles and findings; empty: the client's
holdout_weeks: int = 0  # weeks held out to test the model; 0: the last third of the data, at most 52 weeks
margin: float = 0.0  # contribution margin, 0 to 1; 0: from the cost of orders, or else the client's
group_by: str = "channel"  # column of customers by which value is compared

# %%
import crmlib

chapter = crmlib.begin("04_clv", client=client, workspace=workspace, output=output, language=language)
orders = chapter.table("orders")

# %% [markdown]
# ## What data this needs
#
# Orders, with the customer, the time and the amount. If orders carry their **cost**, the margin is computed from it;
# if it is known which **channel** won each customer, channels are compared.
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
# ## Look at one customer first
#
# We take somebody who came back a few times and has been silent for a while.

# %%
from crmlib.lifecycle.purchases import purchases

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
fitted = clv.fit_models(base)
fitted.message

# %%
fitted.orders_model.params.round(3) if fitted.orders_model else fitted.message

# %% [markdown]
# With them, Bayes' rule has a closed form. P(alive) is one over one plus the odds of being gone:
#
# odds = a / (b + x − 1) · ((α + T) / (α + t_x))^(r + x), for those who came back (x > 0).

# %%
p_by_hand = None
if fitted.orders_model:
    r, alpha, a, b = fitted.orders_model.params.estimate
    came_back = base[base.frequency > 0]
    x, t_x, T = came_back.frequency, came_back.recency, came_back["T"]
    p_by_hand = 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))

# %% [markdown]
# Spend is the second model. The **gamma-gamma** model (Fader & Hardie 2013) says: somebody's orders vary around a
# mean of their own, and these means differ. What to expect is then a compromise between the customer's own mean and
# that of all. The more orders we have seen, the more their own mean counts.

# %%
spend_by_hand = None
if fitted.complete:
    p, q, v = fitted.spend_model.params.estimate
    believed = p * base.frequency / (p * base.frequency + q - 1)
    spend_by_hand = believed * base.monetary + (1 - believed) * p * v / (q - 1)

# %%
fitted.spend_model.params.round(3) if fitted.complete else fitted.message

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
# ## The same with the library
#
# `customer_values` predicts all of it for everybody, over the next 365 days.

# %%
value_of = {**fitted.models, "margin": float(used.margin[0]), "discount_rate": chapter.client.discount_rate}
values = clv.customer_values(base, **value_of) if fitted.complete else None
chapter.keep(values, name="clv") if values is not None else None
shown = ["customer_id", "frequency", "silence_weeks", "p_alive", "expected_orders", "expected_spend", "clv"]
values[values.customer_id.isin(one.customer_id)][shown].round(3) if values is not None else fitted.message

# %% [markdown]
# By hand and by library agree:

# %%
if values is not None:
    assert np.allclose(p_by_hand, values.p_alive[base.frequency > 0])
    assert fitted.spend_model.q <= 1 or np.allclose(spend_by_hand, values.expected_spend)

# %% [markdown]
# And for our one customer: orders × spend × margin is nearly the value. The rest is discounting.

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
# The bottom line is hatched for a reason. In this model people leave *after a repeat order*, so whoever bought once
# has had no occasion to leave, and P(alive) is 1 for every one of them **by construction**. It is not a result.
# What the model expects of them on average can be tested (it learnt it from what such customers did); who of them has
# left, it does not know.

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
# customer is the **value at risk**. How many are still there can be told only of those who came back; the others have
# a row of their own.

# %%
equity = clv.customer_equity(base, **value_of) if fitted.complete else None
if equity is not None:
    chapter.keep(equity, name="equity_values")
    reading = text.say(
        "Lost or sleeping (Segmentation) is a line drawn in days of silence; this is a probability. 95% intervals; "
        "all but that of the value at risk include chance."
    )

# %%
heads = [text.say("Next 12 months"), text.say("Expected"), text.say("From"), text.say("To")]
chapter.show_table(
    clv.equity_in_words(equity, base),
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
# ### By channel
#
# Do some channels bring better customers? Each channel gets models of its own. Two questions are kept apart: what
# *today's* customers will still bring (old channels hold many who have left), and what a *new* one brings in the
# first year after the first order. Only the second is a fair comparison.

# %%
known = chapter.has("customers", group_by) and fitted.complete
people = chapter.table("customers") if known else None
options = {"margin": value_of["margin"], "discount_rate": value_of["discount_rate"]}
groups = clv.value_by_group(base, people, by=group_by, **options) if known else None
chapter.show_table(
    clv.groups_in_words(groups, by=group_by), name="by_group", title=text.say("What customers are worth, by channel"),
    reading=text.say("Contribution. Groups need not add up to the total, because each has a model of its own."),
) if known else text.say("Without models, or without this column of customers, there is no comparison of groups.")

# %% [markdown]
# The groups' values need not add up to the equity above: one model for all treats customers alike who, by their
# channel, are not.
#
# ## How sure?
#
# An interval says what is unknown *if the model is right*. Whether it is right, only time can tell. So we go back,
# fit the model to what was known then, and compare its forecast with what came: a **holdout**.

# %%
end = clv.calibration_end(orders, as_of=chapter.as_of, holdout_weeks=holdout_weeks)
past = clv.summary(orders, as_of=chapter.as_of, calibration_end=end).to_pandas() if end else None
then = clv.fit_models(past).orders_model if past is not None else None
untested = text.say("The data are too short, or too few customers came back, to test the model on a time held out.")
text.day(end) if then else untested

# %%
total = clv.holdout_total(past, then) if then else None
by_frequency = clv.holdout_comparison(past, then) if then else None
weeks = clv.tracking(orders, then, as_of=chapter.as_of, calibration_end=end) if then else None
chapter.show(clv.plot_holdout(by_frequency, weeks, total), name="holdout", table=by_frequency) if then else untested

# %% [markdown]
# The intervals tell what would be chance. Bars beyond them are not: then the customers did something that they had
# not done before, be it because of a season, a campaign, or a shop that got better or worse. The model knows none
# of these.
#
# A model must also beat what anybody could do without one. Two rules: *everyone goes on at their own rate so far*,
# and *everyone repeats what they did in the last period of the same length*.

# %%
baselines = clv.baseline_comparison(past, then) if then else None
chapter.show_table(
    clv.baselines_in_words(baselines),
    name="baselines",
    title=text.say("The model against simple rules, on the time held out"),
    reading=text.say("What counts is the error customer by customer, and the ranking; a good total may be luck."),
) if then else untested

# %% [markdown]
# One assumption of the spend model can be checked at once: that who orders more often does not spend more, or less,
# on an order. The **correlation** should be near 0; beyond ±0.3 values of frequent buyers are biased.

# %%
link = clv.spend_and_frequency(base)
link.round(3) if np.isfinite(link.correlation[0]) else text.say("Too few repeat buyers to tell.")

# %% [markdown]
# And one customer's interval? It holds only what is unknown about the *parameters*. Chance comes on top: somebody
# with one third of an order expected will place none, or one. So single values are for ranking, sums are for
# planning.

# %%
best = values.sort_values(["clv", "customer_id"], ascending=[False, True]) if values is not None else None
shown = ["customer_id", "frequency", "p_alive", "expected_orders", "clv", "clv_low", "clv_high"]
best[shown].head(8).round(2).reset_index(drop=True) if best is not None else fitted.message

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
worth = reachable.sort_values("value_at_risk", ascending=False).head(many) if values is not None else None

# %%
import pandas as pd

measured = ["p_alive", "value_if_alive", "value_at_risk"]
means = {} if values is None else {"lowest P(alive)": lowest, "highest value at risk": worth}
pd.DataFrame({name: some[measured].mean() for name, some in means.items()}).round(2) if means else fitted.message

# %% [markdown]
# Sorting by P(alive) forgets what a customer is worth. But mind also what value at risk is *not*: it is the prize if
# winning back works for sure. With those who are nearly certainly gone it seldom works, and how often it does is told
# by a control group only.
#
# ### Believing P(alive) of one-time buyers
#
# "Then take those with the highest P(alive)" is no better. That top is usually full of one-time buyers: for them
# it is 1 by construction, and says nothing.

# %%
surest = values.sort_values("p_alive", ascending=False, kind="stable").head(many) if values is not None else None
text.say(
    "Of the {count} customers with the highest P(alive), {once} bought once only.",
    count=many,
    once=int((surest.frequency == 0).sum()),
) if values is not None else fitted.message

# %% [markdown]
# ## What to do
#
# The values just computed become decisions: how much may be spent on keeping a customer, on calling one, on winning
# a new one. None of it says what an action *adds*; for that, leave a control group out (chapter 11). How the model did
# in its test goes with every finding; if it failed, they name no money.

# %%
single = clv.equity_shares(base, base.frequency == 0, **value_of) if fitted.complete else None
rate = chapter.client.discount_rate
trust = clv.trust_in_model(total, baselines, fitted=fitted, history_weeks=float(base["T"].max()) if len(base) else 0.0)
trust.said

# %%
found = [] if equity is None else [
    clv.finding_equity(equity, used, customers=len(base), discount_rate=rate, trust=trust),
    clv.finding_value_at_risk(equity, values, trust=trust),
    clv.finding_concentration(shares, trust=trust),
    clv.finding_one_time_buyers(single, trust=trust),
    clv.finding_groups(groups, by=group_by) if groups is not None else None,
]

# %%
chapter.conclude(*found, clv.finding_holdout(total, baselines, equity) if then else None)

# %% [markdown]
# ## Summary
#
# - Two stories explain a silence: a long gap, or the end. How likely each is depends on the customer's own rhythm.
# - One customer tells too little; the whole base tells how customers differ, and that fills the gap.
# - Value is expected orders × expected spend × margin, discounted. Only the future counts.
# - An interval holds what is unknown if the model is right. A holdout and simple rules show whether it is.
# - P(alive) of one-time buyers is 1 by construction: never use it to choose among them.
# - Call by value at risk, not by P(alive). What calling adds needs a control group.
#
# ## Glossary
#
# - **frequency, recency, T**: repeat orders; time from the first to the last order; time from the first order to
#   today.
# - **P(alive)**: probability that a customer has not left for good.
# - **BG/NBD**: model of orders that come at random at a personal rate until the customer leaves after one of them.
# - **gamma-gamma**: model of spend in which each customer's orders vary around a personal mean.
# - **maximum likelihood**: choosing the parameters under which what was seen is most probable.
# - **customer lifetime value (CLV)**: discounted contribution expected of a customer; here, of the next 12 months.
# - **customer equity**: the sum of these over all customers.
# - **value at risk**: what would be added if customers who may be gone were surely still there.
# - **holdout**: a time whose data the model is not shown, to test its forecast.
# - **discounting**: counting later money for less than money today.
#
# Now practise: `exercises/04_clv.ipynb`.
