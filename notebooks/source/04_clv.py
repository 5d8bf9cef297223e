# ---
# jupyter:
#   crmlib:
#     title: Customer lifetime value
#     question: What will each of our customers still be worth, how sure is that, and where is value about to be lost?
#     minutes: 90
#     needs:
#     - orders: [customer_id, ordered_at, amount]
#     - subscriptions: [customer_id, started_at]
#     optional:
#       orders: [cost]
#       customers: [channel]
#       spend: [spent_on, channel, cost]
#       subscriptions: [ended_at, price]
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
# What a customer has spent is known. What is still to come matters more, because only that can be won or lost. In this
# chapter you predict it, one customer at a time. Then you test whether such predictions would have come true.
#
# ## What you will be able to do
#
# - tell two stories about every customer: *how often* they order, and *until when*;
# - fit the models that tell these stories, and say what they mean;
# - test models on a time that they have not seen, against each other and against simple rules;
# - say what a customer, a group and the whole base are worth, and how sure that is;
# - find out where a model is wrong;
# - do the same for contracts, whose end is seen.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
holdout_weeks: int = 0  # weeks held out to test the model; 0: the last third of the data, at most 52 weeks
margin: float = 0.0  # contribution margin, 0 to 1; 0: from the cost of orders, or else the client's
group_by: str = "channel"  # column of customers by which value is compared

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib

chapter = crmlib.begin("04_clv", client, run)
orders = chapter.table("orders")

# %% [markdown]
# ## What data this needs
#
# The chapter needs orders, with the customer, the time and the amount, or **subscriptions**, if the client has contracts.
# Without orders only the last part, on contracts, has anything to say. If orders carry their **cost**, we compute the
# margin from it. If we know which **channel** won each customer, we compare channels; if we know what was **spent** on a
# channel, also what winning a customer costs.
#
# All that the models look at fits into four numbers for each customer. `summary` counts them, in weeks:
#
# - **frequency** (x): repeat orders, so one less than all orders; several orders of one day are one;
# - **recency** (t_x): the time from the first order to the last, and *not* the time since the last one;
# - **T**: the time from the first order to today;
# - **monetary**: the mean spend of the repeat orders.
#
# The models know no season. After a strong time they would take everybody for busier than they are. So where the data
# surely show a season that matters, time counts by it: a week of the strong months is longer than a week of the weak
# ones (**opportunity time**). A year stays a year. It takes a year and a half to tell a season from growth.

# %%
from crmlib.lifecycle import clv

season = clv.find_season(orders, as_of=chapter.as_of)
base = clv.summary(orders, as_of=chapter.as_of, season=season).to_pandas()
base.head(3).round(2)

# %% [markdown]
# **The start of the data is not the start of the customers.** Where an export begins in the middle of a business, T counts
# from the first order *in the data*. For the model this changes little: after any order, a customer goes on as before. So
# everybody keeps a value. But nobody who may be older than the data tells us what a *new* customer is worth.

# %%
old_customers = chapter.earlier.to_pandas()
chapter.show(chapter.start_told())

# %% [markdown]
# Not every order counts. This account says what became of each, and its rows add up to all orders.

# %%
account = clv.summary_account(orders, as_of=chapter.as_of).to_pandas()
chapter.show(clv.account_table(account))

# %% [markdown]
# ## Look at one customer first
#
# We take somebody who came back a few times and has been silent for a while.

# %%
came_back = base[base.frequency > 0].assign(silence=lambda t: t["T"] - t.recency)
alike = came_back[came_back.frequency == min(4, came_back.frequency.max())].sort_values(["silence", "customer_id"])
one = alike.iloc[len(alike) // 2 :].head(1)
one.round(2)

# %%
from crmlib.purchases import purchases

bought = purchases(orders, as_of=chapter.as_of).select("customer_id", "day", "spend")
visits = bought.filter(bought.customer_id.isin(one.customer_id.tolist())).to_pandas().sort_values("day")
visits.assign(days_since_last=visits.day.diff().dt.days.astype("Int64")).round({"spend": 2})

# %% [markdown]
# What happens next? Two stories fit this silence.
#
# 1. *Still a customer.* Orders come at random times, and this is just one of the longer gaps.
# 2. *Gone.* After the last order something was over: the customer moved house, or found another shop. Nobody told us.
#
# Which story do you believe? The longer the silence is, compared with the gaps before, the harder the first story is to
# believe. Suppose that we knew two things: how often the customer orders while being one (the **rate** λ), and the chance
# p of **leaving** after any order. Then Bayes' rule weighs the stories. Somebody who stayed would be silent for so long
# with probability exp(−λ · silence).

# %%
import numpy as np

rate, leaving = one.frequency / one.recency, 0.2
stayed_and_silent = (1 - leaving) * np.exp(-rate * one.silence)
(stayed_and_silent / (stayed_and_silent + leaving)).round(3).tolist()

# %% [markdown]
# The weak point is clear. We guessed the rate from a handful of gaps, and p from nothing at all. One customer is too
# little to learn from. But there are others.
#
# ## The idea by hand
#
# In the **BG/NBD** model (Fader, Hardie & Lee 2005) every customer has a rate and a chance of leaving of their own. The
# model learns from *all* customers how these differ:
#
# - rates λ differ as a gamma distribution (r, α), on average r/α orders a week;
# - chances of leaving p differ as a beta distribution (a, b), on average a/(a+b) after each order.
#
# Four numbers describe the whole base. **Maximum likelihood** finds those under which the histories that we see are most
# probable. The library fits a model of orders and a model of spend at once; we come to spend in a moment.

# %%
first = clv.fit_models(base)
first.params.round(3)

# %% [markdown]
# Now Bayes' rule has a closed form. The odds of being gone, for a customer who came back (x > 0), are
#
# odds = a / (b + x − 1) · ((α + T) / (α + t_x))^(r + x),
#
# and P(alive), the probability of still being a customer, is 1 / (1 + odds).

# %%
r, alpha, a, b = first.params.estimate.reindex(["r", "alpha", "a", "b"])
x, t_x, T = came_back.frequency, came_back.recency, came_back["T"]
p_by_hand = 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x))
p_by_hand[one.index].round(3).tolist()

# %% [markdown]
# This differs from the first guess, because we no longer guess from one customer. The library says the same of everybody:

# %%
by_library = clv.predict(base, **first.models, confidence=None)
assert not (by_library.p_alive - p_by_hand).abs().gt(1e-9).any()

# %% [markdown]
# Spend is the second model. In the **gamma-gamma** model (Fader & Hardie 2013) each customer's orders vary around a mean
# of their own. What we expect is a compromise between that mean and the mean of all. The more orders we have seen, the
# more the customer's own mean counts: its weight is px / (px + q − 1). This is a different p from the one above: here it
# is not the chance of leaving.
#
# How many repeat orders does it take, in your guess, until we believe a customer's own mean by half?

# %%
p, q = first.params.estimate.reindex(["p", "q"])
repeats = np.arange(1, 7)
dict(zip(repeats.tolist(), (p * repeats / (p * repeats + q - 1)).round(2).tolist(), strict=True))

# %% [markdown]
# The model assumes that how often people order and how much they spend per order are unrelated. We can check that:

# %%
chapter.show(clv.independence_table(clv.spend_and_frequency(base)))

# %% [markdown]
# Value is money that stays with us. So we multiply spend by the **margin**. It comes from the cost of orders where most
# carry one, else from the client's settings; the parameter `margin` overrides both. Money that comes later counts a
# little less than money today: it is **discounted** by the client's yearly rate.

# %%
used = clv.contribution_margin(orders, as_of=chapter.as_of, fallback=chapter.client.margin)
used.loc[[margin > 0], ["margin", "source"]] = margin, "client"
used.round(3)

# %% [markdown]
# ## Would it have been right?
#
# A model that fits the past well may still be wrong about the future. Only time can tell. So we go back, fit to what was
# known then, and compare the forecast with what came. The time that the model was not shown is the **holdout**, here the
# last third of the data (parameter `holdout_weeks`).
#
# We do not trust one model alone. Three models tell the two stories. They differ in *when* customers may leave:
#
# - **BG/NBD**: after any repeat order;
# - **MBG/NBD**: after any order, also the first one;
# - **Pareto/NBD**: at any time (the oldest of them, Schmittlein, Morrison & Colombo 1987).
#
# They must also beat rules that need no model, such as "everybody repeats what they did in the last period".

# %%
test = {"as_of": chapter.as_of, "holdout_weeks": holdout_weeks}
end = clv.calibration_end(orders, **test)
season_then = clv.find_season(orders, as_of=end)
past = clv.held_out(orders, **test)

# %%
choice = clv.model_choice(orders, **test)
chapter.show(clv.models_table(choice))

# %% [markdown]
# Each column asks something else.
#
# - *Missed by* is for planning totals. It says how far off the total was: +8 % means 8 % more orders came than forecast.
# - *Mean error* is for treating customers one by one: by how many orders a forecast is wrong.
# - *Ranking* is for choosing the best: 1 is the best ranking there could be, 0 is chance.
# - The *log score* holds all of it: how probable the model found what each customer then did. Even a small difference can
#   be reliable, because we compare the models customer by customer.
# - *BIC* says how well a model describes the histories that it was fitted to.
#
# A pick answers one question, and for another one a different model may serve better. The model picked goes through the
# rest of the test.

# %%
then = choice.tested
total, by_frequency = clv.holdout_total(past, then), clv.holdout_comparison(past, then)
weeks = clv.tracking(orders, then, as_of=chapter.as_of, calibration_end=end, season=season_then)
chapter.show(clv.plot_holdout(by_frequency, weeks, total))

# %% [markdown]
# Within the intervals, a difference may be chance. Beyond them, either customers did something that they had not done
# before, because of a season, a campaign, or a shop that got better or worse; or the model is wrong about how customers
# differ.
#
# **Calibration**: we put customers into ten equal groups by what was expected of them. Did the upper groups order as much
# more as the model said?

# %%
chapter.show(clv.plot_calibration(clv.calibration_by_decile(past, then)))

# %% [markdown]
# **Lift**: if we had contacted only the best-ranked customers, what share of the orders would they have placed?

# %%
chapter.show(clv.plot_lift(clv.lift(past, then)))

# %%
baselines = clv.baseline_comparison(past, then)
chapter.show(clv.baselines_table(baselines))

# %% [markdown]
# ## The same with the library
#
# We fit the model that was picked to all the data. `customer_values` then predicts the next 365 days for everybody.

# %%
fitted = clv.fit_models(base, orders_model=choice.kind, season=season)

# %% [markdown] tags=["needs:customers.channel"]
# Two customers with equal histories need not be worth the same. If one came by a channel whose customers come back more
# often, we expect more of this one. So each channel (parameter `group_by`) whose customers surely differ gets models of
# its own. All others share the model above, which learns from everybody.

# %% tags=["needs:customers.channel"]
people = chapter.table("customers")
fitted = clv.fit_models(base, orders_model=choice.kind, groups=people, by=group_by, season=season)
sorted(map(str, fitted.group_models.models)) if fitted.group_models else "all alike"

# %%
money = {"margin": float(used.margin[0]), "discount_rate": chapter.client.discount_rate}
value_of = {**fitted.models, **money}
values = clv.customer_values(base, **value_of)

# %%
mine = values[values.customer_id.isin(one.customer_id)]
chapter.keep(clv.to_cents(values), name="clv")
mine[["customer_id", "silence_weeks", "p_alive", "expected_orders", "expected_spend", "clv"]].round(2)

# %% [markdown]
# For our one customer, orders × spend × margin is nearly the value. The rest is discounting:

# %%
(mine.clv / (mine.expected_orders * mine.expected_spend * money["margin"])).round(3).tolist()

# %% [markdown]
# Followed day by day, P(alive) makes a picture. It falls in every silence, and an order lifts it.

# %%
own = fitted.of(*one.customer_id).orders_model
path = clv.alive_path(own, visits.day, as_of=chapter.as_of, season=season)
chapter.show(clv.plot_alive_path(path))

# %% [markdown]
# ## The picture
#
# Every customer has a place: how often they came back, and how long they have been silent. Read a column from the bottom
# to the top, first at the left and then at the right. Does a customer with many orders always look safer?

# %%
grid = clv.alive_grid(values)
chapter.show(clv.plot_alive_grid(grid))

# %% [markdown]
# Usually it turns round. *For somebody who used to come often, a long silence is worse news than for somebody who came
# rarely.*
#
# Look at the bottom line, those who bought once. If it is hatched, the model picked is BG/NBD. In it people leave *after a
# repeat order*, so nobody who bought once has had an occasion to leave. P(alive) is 1 for every one of them **by
# construction**. That is not a result. The model's orders for them can be tested on average, but it does not know who has
# left. The other two models give each of them a probability.
#
# ## In words
#
# The value of all customers together is **customer equity**. **Value at risk** says how much more we would expect if
# nobody had left.
#
# May we put money on this model at all? The test above decides that. Where the model failed it, or where less than a year
# of data could not test it, what follows leaves amounts out and says why. How regularly customers order counts, too; we
# look at that more closely below.

# %%
timing = clv.regularity(orders, as_of=chapter.as_of)
trust = clv.trust_in_model(total, baselines, fitted=fitted, history_weeks=base["T"].max(), timing=timing)
trust.said

# %%
equity = clv.customer_equity(base, **value_of)
chapter.keep(equity, name="equity_values")
within = equity[equity.measure != "residual_equity"]
chapter.show(clv.equity_table(within, base, trust=trust))

# %% [markdown]
# How evenly is it spread? We sort customers by what we expect of them.

# %%
shares = clv.equity_shares(base, clv.top_fifth(values), **value_of)
curve = clv.equity_concentration(values)
chapter.show(clv.plot_concentration(curve, shares, trust=trust))

# %% [markdown]
# And value at risk? Few customers hold much of what may be lost. We leave out those who are less than 5 % likely to be
# still there, because they are lost.

# %%
chapter.show(clv.plot_value_at_risk(clv.risk_by_tenth(values), trust=trust))

# %% [markdown] tags=["needs:customers.channel"]
# ### By group
#
# Do some channels bring better customers (parameter `group_by`)? We keep two questions apart. What will *today's*
# customers still bring? That is the sum of their values. Old groups hold many who have left. And what does a *new*
# customer bring in the first year after the first order? Only the second is a fair comparison.

# %% tags=["needs:customers.channel"]
groups = clv.value_by_group(base, people, by=group_by, earlier=old_customers, fitted=fitted, **money)
groups.filter(regex=f"^({group_by}|customers|customer_equity|new_customer_value|new_low|new_high)$").round(0)

# %% [markdown] tags=["needs:customers.channel"]
# Winning a customer costs money, too. We divide what was spent on a group in the last 12 months by the customers won in
# them. Such a customer brings in the first order and then the year after it. What is left over is the fair comparison of
# channels. Without a table of spend we compare what a newcomer brings.

# %% tags=["needs:customers.channel"]
tables = {name: chapter.table(name) for name in ("orders", "customers", "spend")}
tables |= {"start": chapter.start, "earlier": chapter.earlier}
first_year = clv.first_year_by_group(groups, **tables, by=group_by, as_of=chapter.as_of, margin=money["margin"])
chapter.show(clv.groups_table(first_year, by=group_by, trust=trust))

# %% [markdown] tags=["needs:customers.channel"]
# The groups add up to the equity above, because every customer has one value in all tables.

# %% [markdown]
# ### Value now, value to come
#
# Somebody who brought much need not bring much again. Two questions make four cells, and each asks for something else
# (当前价值 × 潜在价值). So far is the contribution of all orders, to come that of the next 12 months; the lines are drawn
# at the means.

# %%
spent = bought.group_by("customer_id").agg(spend=bought.spend.sum()).to_pandas()
so_far = values.customer_id.map(spent.set_index("customer_id").spend) * money["margin"]
matrix = clv.value_matrix(base, values, value_now=so_far)
chapter.show(clv.plot_value_matrix(matrix, trust=trust))

# %% [markdown]
# ## How sure?
#
# We do not know three things about a single customer's next year, and an interval must hold all of them:
#
# 1. the **parameters**, because they are estimated; with more customers we know them better;
# 2. the customer's **own** rate and spend, because a handful of orders says little of them;
# 3. **chance**, because somebody who orders once a year on average will some years not order at all.
#
# The library draws parameters that the data leave possible, then a customer with such a history, then a future. It does so
# two hundred times. 2.5 % of these futures stay below the 95 % interval, and 2.5 % exceed it.

# %%
chapter.show(clv.plot_parameter_posterior(clv.parameter_posterior(fitted.orders_model)))

# %% [markdown]
# How wide do you expect the interval of your best customer to be?

# %%
best = values.sort_values(["clv", "customer_id"], ascending=[False, True])
best[["customer_id", "frequency", "expected_orders", "clv", "clv_low", "clv_high"]].head(4).round(0)

# %% [markdown]
# A low end of 0 is the second story: this customer may have left. Over many customers chance evens out, because they will
# not all have left. Compare the interval of all together:

# %%
equity[equity.measure == "customer_equity"].round(0)

# %% [markdown]
# So single values are for ranking, and sums are for planning.
#
# ## Where the model is wrong
#
# An interval says what is unknown *if the model is right*. It may be wrong. The models assume that orders come at random
# times. Somebody who orders every fourth Friday is no such customer: one missed Friday says it all. The gaps between
# orders show whether customers are like that.

# %%
chapter.show(clv.regularity_table(timing))

# %% [markdown] tags=["lesson"]
# ### Against the truth
#
# Aurora is made up, so we know who is still a customer. We sort by P(alive) and look at how many are really there.

# %% tags=["lesson"]
import pandas as pd

from crmlib.course import truth

known = values.merge(truth.true_customers(chapter.client), on="customer_id", suffixes=("", "_true"))
known["said"] = pd.cut(known.p_alive, [0, 0.2, 0.4, 0.6, 0.8, 1 - 1e-9, 1], include_lowest=True)
known.groupby("said", observed=True)[["p_alive", "alive"]].mean().round(2)

# %% tags=["lesson"]
one_for_all = {"orders_model": fitted.orders_model, "spend_model": fitted.spend_model}
known["one_model"] = known.customer_id.map(clv.predict(base, **one_for_all, confidence=None).set_index("customer_id").expected_orders)
won_by = chapter.table("customers").select("customer_id", "channel").to_pandas()
expected = ["one_model", "expected_orders", "expected_orders_true"]
by_channel = known.merge(won_by, on="customer_id").groupby("channel")[expected].sum()
off = by_channel.one_model / by_channel.expected_orders_true - 1
apart = by_channel.expected_orders / by_channel.expected_orders_true - 1
pd.DataFrame({"one model": off, "models apart": apart}).round(2)

# %% [markdown] tags=["lesson"]
# In all, one model for everybody expects {{ by_channel.one_model.sum() | number }} orders, and the truth is
# {{ by_channel.expected_orders_true.sum() | number }}. That is close. But look at single channels: for {{ off.idxmin() | text }}
# it is {{ abs(off.min()) | percent }} too low, and for {{ off.idxmax() | text }} {{ off.max() | percent }} too high. It treats
# customers alike who have equal histories, whichever channel they came by. The models apart are at most
# {{ apart.abs().max() | percent }} off.

# %% [markdown] tags=["lesson"]
# ### Against a famous base
#
# These models became known on 2,357 customers of the CD shop CDNOW (1997–98).

# %% tags=["lesson"]
cdnow = truth.cdnow_orders()
then_1997 = clv.summary(cdnow, as_of="1998-06-30", calibration_end="1997-09-30")
of_cdnow = clv.compare(clv.KINDS, then_1997)
of_cdnow.table.set_index("model")[["actual_total", "expected_total", "log_score"]].head(3).astype(float).round(2)

# %% tags=["lesson"]
tracked = clv.tracking(cdnow, of_cdnow.picked, as_of="1998-06-30", calibration_end="1997-09-30")
chapter.show(clv.plot_tracking(tracked))

# %% [markdown] tags=["lesson"]
# Every model expected fewer orders than came, and the weeks show when. Customers who seemed gone came back, as a season or
# a campaign brings them back. A model in which leaving is *for good* has no word for that.

# %% [markdown]
# ## Pitfalls
#
# **Calling those who are least likely still there.** "Win back those with the lowest P(alive)" sounds reasonable. What could
# be won? Compare a hundred of them with a hundred at the top of **value at risk**. We leave out customers who are less than
# 5 % likely to be still there: they are lost.

# %%
measured = ["p_alive", "value_if_alive", "value_at_risk"]
lowest = values.sort_values(["p_alive", "customer_id"]).head(100)
at_risk = values.sort_values(["value_at_risk", "customer_id"], ascending=[False, True])
top = at_risk[at_risk.p_alive >= 0.05].head(100)

# %%
lowest[measured].mean().to_frame("lowest P(alive)").assign(**{"highest value at risk": top[measured].mean()}).round(2)

# %% [markdown]
# Sorting by P(alive) forgets what a customer is worth. But value at risk is *not* what calling brings. It is the prize if
# winning back works for sure, and in these models it never works: who has left is gone for good. So its top is full of
# people who are gone. A contact can only change what those bring who are still there. We therefore ask those in doubt, and
# sort by `clv`, the value that is still there. By how much a contact changes it, only a control group says (chapter 11).
#
# **Believing the highest P(alive).** The top of that list is no better. How many of its first hundred bought only once?

# %%
surest = values.sort_values("p_alive", ascending=False, kind="stable").head(100)
int((surest.frequency == 0).sum())

# %% [markdown]
# Under BG/NBD the top is full of one-time buyers, and for them P(alive) says nothing. Under any model it is full of people
# who bought recently and would come back without a call.
#
# **"CLV" without saying which.** Two numbers go by that name. `clv` ends after 12 months. `residual_clv` has no end, and only
# discounting makes it finite. They answer different questions and must not be added.

# %%
values.filter(items=["clv", "residual_clv"]).sum().round(0)

# %% [markdown]
# The second number rests on years that no holdout has tested. Models that agree on the next year differ widely on it. Do not
# plan with it.

# %% [markdown] tags=["needs:subscriptions"]
# ## Contracts
#
# A subscriber who leaves says so. There is no P(alive) to guess. The question is only how long those who are there will
# stay. At every renewal some leave, and those who are left leave less and less. Do customers become more loyal with time?
# Hold that thought.
#
# Contracts of different terms come to different numbers of renewals, so we do not count them together. We take the term of
# which there are most.

# %% tags=["needs:subscriptions"]
from crmlib.lifecycle import retention

contracts = chapter.table("subscriptions")
terms = retention.subscription_terms(contracts, as_of=chapter.as_of).to_pandas()
term = retention.most_frequent_term(terms)
terms

# %% [markdown] tags=["needs:subscriptions"]
# `at_risk` contracts came to each renewal, and `lost` ended there. By hand: retention is 1 − lost / at risk, and the share
# that survives is the product of these.

# %% tags=["needs:subscriptions"]
ages = retention.renewal_ages(contracts, as_of=chapter.as_of, term=term).to_pandas()
kept = 1 - ages.lost / ages.at_risk
ages.assign(retention=kept, survival=kept.cumprod()).head(6).round(3)

# %% [markdown] tags=["needs:subscriptions"]
# Retention usually rises with age. Nobody needs to become more loyal for that: *the disloyal leave first*. Two models say
# it so:
#
# - **sBG** (Fader & Hardie 2007): each contract has its own chance of leaving, the same at each renewal. The chances differ
#   as a beta distribution.
# - **BdW** (Fader, Hardie and others 2018): the chance may also change with a contract's age, by the power c. With c = 1 it
#   is the sBG.

# %% tags=["needs:subscriptions"]
compared = clv.contract_model(ages)
chapter.show(clv.contract_models_table(compared))

# %% tags=["needs:subscriptions"]
projected = retention.project_renewals(ages, compared.model)
chapter.show(clv.plot_contracts(projected))

# %% [markdown] tags=["needs:subscriptions"]
# What a contract will still bring is its price, times margin, times the renewals that it will still make, each discounted:
# the **residual lifetime value**. The next renewal counts in full. `each` is the value of one contract.

# %% tags=["needs:subscriptions"]
running = retention.running_subscriptions(contracts, as_of=chapter.as_of, term=term).to_pandas()
priced = {"term": term, "margin": chapter.client.margin, "discount_rate": chapter.client.discount_rate}
clv.contract_values(running, compared.model, **priced).head(4).round(0)

# %% tags=["needs:subscriptions"]
contract_equity = clv.contract_equity(running, compared.model, **priced)
contract_equity.round(0)

# %% [markdown]
# ## What to do
#
# Here is what the chapter concludes: a finding, what it rests on, how sure it is, and what to do. Two of them ask for a
# decision: whom to contact in a test, and where to move money that wins customers. The others inform. How the model did
# in its test goes with every finding. If it failed, no finding names money.
#
# None of them says what an action *adds*. In the model leaving is for good: who is gone cannot be called back, and the
# others come anyway. So leave a control group out (chapter 11).

# %%
is_once = (base.frequency == 0) & ~base.customer_id.isin(old_customers.customer_id)
single = clv.equity_shares(base, is_once, **value_of)

# %%
chapter.conclude(
    clv.finding_equity(equity, used, customers=len(base), discount_rate=money["discount_rate"], trust=trust),
    clv.finding_value_at_risk(equity, values, trust=trust),
    clv.finding_concentration(shares, trust=trust),
    clv.finding_one_time_buyers(single, trust=trust, equity=None if len(old_customers) else equity),
    clv.finding_holdout(total, baselines, equity),
)

# %% tags=["needs:customers.channel"]
chapter.conclude(clv.finding_groups(first_year, by=group_by, trust=trust))

# %% tags=["needs:subscriptions"]
chapter.conclude(clv.finding_contracts(contract_equity, term=term))

# %% [markdown]
# ## Summary
#
# - Two stories explain a silence: a long gap, or the end. The customer's own rhythm says how likely each is.
# - One customer says too little. The whole base says how customers differ, and that fills the gap.
# - What happened afterwards picks the model: a holdout, a proper score, and simple rules to beat.
# - Value is expected orders × expected spend × margin, discounted. Only the future counts.
# - An interval holds parameters, the customer's own rate and spend, and chance, if the model is right.
# - Under BG/NBD, P(alive) of one-time buyers is 1 by construction. Never choose among them by it.
# - Neither P(alive) nor value at risk says whom to call. What calling adds, a control group says.
# - Compare channels by what a new customer leaves after the cost to win one.
# - Contracts say when they end. Retention rises with age because the disloyal leave first.
#
# ## Glossary
#
# - **Frequency, recency, T**: repeat orders; time from the first to the last order; time from the first order to today.
# - **P(alive)**: the probability that a customer has not left for good (仍为客户的概率).
# - **BG/NBD, MBG/NBD, Pareto/NBD**: models of orders that come at random at a personal rate until the customer leaves.
# - **Gamma-gamma**: a model of spend in which each customer's orders vary around a personal mean.
# - **Maximum likelihood**: choosing the parameters under which what we saw is most probable (最大似然).
# - **Holdout**: a time whose data the model is not shown, to test its forecast (留出期).
# - **Log score**: how probable a model found what each customer then did (对数得分).
# - **Calibration, lift**: whether forecasts are as large as what came; whether they rank customers well (校准, 提升度).
# - **Customer lifetime value (CLV)**: discounted contribution expected of a customer, here in 12 months (客户终身价值).
# - **Customer equity**: the sum of these over all customers (客户资产).
# - **Opportunity time**: time that runs faster in a year's strong months (机会时间).
# - **Value at risk**: how much more we would expect if nobody had left (可能流失的价值).
# - **Residual value**: all value still to come, discounted, without an end (剩余价值).
# - **Value matrix**: value so far against value to come (价值矩阵).
# - **Discounting**: counting later money for less than money today (折现).
# - **sBG, BdW**: models of contracts, which end at a renewal with a chance that differs between contracts.
#
# **On to the exercises:** [practice notebook](exercises/04_clv_exercises.ipynb).
