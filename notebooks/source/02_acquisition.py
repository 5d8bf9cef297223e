# ---
# jupyter:
#   crmlib:
#     title: Acquisition
#     question: Which channels bring customers worth their cost, and what would more money buy?
#     minutes: 70
#     needs:
#     - leads: [created_at]
#     - orders: [customer_id, ordered_at, amount]
#     optional:
#       leads: [channel, converted_at, lost_reason, owner]
#       lead_stages: [stage, entered_at]
#       customers: [channel]
#       spend: [channel, cost]
#       touches: [channel, kind]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 Acquisition
#
# **The manager's question:** which channels bring customers worth their cost, and what would more money buy?
#
# Winning a customer is paid for today, and earned over years. So cheap leads may be dear customers, and the other way
# round. This chapter follows people from the first contact to the money they leave.
#
# ## What you will be able to do
#
# - compute the conversion of leads while some of them are still open;
# - say at which stage leads are lost, and whether a quick call wins more of them;
# - compute what a new customer costs, and say exactly what is in that number;
# - say after how many months the money is back, by channel and cohort;
# - read seven rules of attribution side by side, and explain why they disagree;
# - say what the data tell about more money, what they cannot tell, and how to find out.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
period: str = "quarter"  # of the channel mix, of costs and cohorts: month, quarter or year
within: int = 90  # days in which a lead should be won, and a second order counts as a quick return
lag: int = 0  # how many periods later than the spend the customers come
window_days: int = 90  # days before the first order whose contacts are on the way to it
touch_kinds: str = ""  # kinds of contact that count, separated by commas; empty: all but what we send ourselves
half_life: float = 7.0  # time decay: after so many days a contact counts half

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib
from crmlib.lifecycle import acquisition

chapter = crmlib.begin("02_acquisition", client, run)

# %% [markdown]
# ## What data this needs
#
# The chapter needs **leads**, or orders. A lead is somebody who may become a customer and has left a trace. The **stages**
# that leads pass say where they get lost. The **channel** of each customer and the **spend** of each channel say what
# customers cost. **Contacts** before the first order say how people came. Each part runs on what is there.
#
# In most exports the data begin in the middle of a business. Then old customers look like new ones at first. The kit asks
# of the data, or of the client, who may be older than the data, and leaves them out wherever we speak of new customers.

# %%
orders, customers, spend = (chapter.table(name) for name in ("orders", "customers", "spend"))
new = {"as_of": chapter.as_of, "earlier": chapter.earlier, "start": chapter.start}
margin = chapter.client.margin
chapter.show(chapter.start_told())

# %% [markdown] tags=["lesson"]
# Aurora Beauty wins customers through seven channels. The marketing team wants more money for social media, because no
# other channel brings so many leads. Should it get the money? By the end of this chapter you can answer.

# %% [markdown] tags=["needs:lead_stages"]
# ## Look at one lead first
#
# Here is one lead that has come a long way. Each row is a stage and the time at which the lead entered it.

# %% tags=["needs:lead_stages"]
leads, stages = chapter.table("leads"), chapter.table("lead_stages")
order = acquisition.stage_order(leads, stages, as_of=chapter.as_of)
counts = stages.group_by("lead_id").agg(rows=stages.count())
furthest = counts.order_by(counts.rows.desc(), "lead_id").limit(1)

# %% tags=["needs:lead_stages"]
stages.semi_join(furthest, "lead_id").order_by("entered_at").to_pandas()

# %% [markdown] tags=["needs:lead_stages"]
# Nobody tells the kit in which order the stages stand. It asks the data: stages that leads enter early stand first. A stage
# of the lost, such as "Closed lost", is an end and no stage to pass. Its name tells, or the reasons of the leads in it.

# %% tags=["needs:lead_stages"]
order.to_pandas()

# %% [markdown] tags=["needs:leads.converted_at"]
# ## How many leads become customers?
#
# That sounds like a simple division: leads won by all leads. But some leads came in last week and are still **open**.

# %% tags=["needs:leads.converted_at"]
came = chapter.table("leads")
times = acquisition.lead_times(came, chapter.table("lead_stages"), as_of=chapter.as_of)
times = times.to_pandas()
ends = times[["moved", "lost", "open"]].sum()
ends.rename({"moved": "won"}).to_frame("leads").T

# %% [markdown] tags=["needs:leads.converted_at"]
# Two quick answers are both wrong. The first counts open leads as lost. The second leaves them out, and then the leads
# that are decided quickly count too much. Which of the two is too low?

# %% tags=["needs:leads.converted_at"]
open_as_lost = ends.moved / max(ends.sum(), 1)
open_left_out = ends.moved / max(ends.moved + ends.lost, 1)
round(float(open_as_lost), 4), round(float(open_left_out), 4)

# %% [markdown] tags=["needs:leads.converted_at"]
# ## The idea by hand
#
# We go day by day. On each day after they came in, so many leads were still open (*at risk*). Some of these were won on
# that day, some were lost. A lead that is open today counts for as long as we have watched it. Then it leaves the base.

# %% tags=["needs:leads.converted_at"]
by_day = times.groupby("days")[["moved", "lost", "open"]].sum()
by_day["at_risk"] = by_day.sum(axis=1)[::-1].cumsum()[::-1]
by_day.head(4)

# %% [markdown] tags=["needs:leads.converted_at"]
# The chance to be won on a day is the chance to be still open in the morning, times the share of the open ones that are
# won on that day. Winning and losing compete: a lead that is lost can never be won. So both take a lead out of the open
# ones. This is the **Aalen–Johansen estimate** for *competing risks*.

# %% tags=["needs:leads.converted_at"]
still_open = (1 - (by_day.moved + by_day.lost) / by_day.at_risk).cumprod()
won_by = (still_open.shift(fill_value=1.0) * by_day.moved / by_day.at_risk).cumsum()
won_by.tail(1).round(4)

# %% [markdown] tags=["needs:leads.converted_at"]
# ## The same with the library

# %% tags=["needs:leads.converted_at"]
conversion = acquisition.conversion(times)
conversion.round(4)

# %% tags=["needs:leads.converted_at"]
assert ((won_by.tail(1).to_numpy() - conversion.conversion.to_numpy()) ** 2 < 1e-18).all()

# %% [markdown] tags=["lesson", "needs:leads.converted_at"]
# Of Aurora's {{ conversion.leads[0] | count }} leads, {{ conversion.open[0] | count }} are still open. The first quick
# answer says {{ open_as_lost | percent.2 }}, the second {{ open_left_out | percent.2 }}, and the estimate
# {{ conversion.conversion[0] | percent.2 }}. In two years of data the three are close. Ask the same about last month, and
# the first answer will be far too low.

# %% [markdown] tags=["needs:leads.converted_at", "needs:leads.channel"]
# ## By channel
#
# Each channel has its own share. The short line in the picture is the first quick answer.

# %% tags=["needs:leads.converted_at", "needs:leads.channel"]
channel_times = acquisition.lead_times(came, chapter.table("lead_stages"), as_of=chapter.as_of, by="channel")
rates = acquisition.conversion(channel_times, by="group")
chapter.show(acquisition.plot_conversion(rates))

# %% [markdown] tags=["lesson", "needs:leads.converted_at", "needs:leads.channel"]
# Read the ends of the picture. {{ rates.conversion.max() | percent }} against {{ rates.conversion.min() | percent }}: and
# yet social media brings the most leads, {{ rates.leads.max() | count }} of {{ rates.leads.sum() | count }}. Many leads
# and many customers are two things.

# %% [markdown] tags=["needs:lead_stages"]
# ## Where are leads lost?
#
# The same estimate works inside each stage. There, moving on and being lost compete.

# %% tags=["needs:lead_stages"]
in_stages = acquisition.stage_times(leads, stages, as_of=chapter.as_of).to_pandas()
stage_rates = acquisition.conversion(in_stages, by="stage")
chapter.show(acquisition.plot_stages(stage_rates))

# %% [markdown] tags=["needs:lead_stages"]
# `median_days` says by which day half of those who move on have done so.

# %% tags=["needs:lead_stages"]
stage_rates[["stage", "leads", "won", "lost", "open", "conversion", "median_days"]].round(3)

# %% [markdown] tags=["needs:lead_stages"]
# ## Does a quick call win more leads?
#
# Many sales teams believe so. We compare leads that were contacted within a day with those contacted later. The contact
# is the entry into the second stage. Channels may differ in both, so we compare *within* each channel, and add up the
# differences by how much each channel tells (Mantel–Haenszel).

# %% tags=["needs:lead_stages"]
speed = acquisition.contact_speed(leads, stages, as_of=chapter.as_of, within=within)
effect = acquisition.effect_of_speed(speed)
chapter.show(acquisition.plot_speed(acquisition.speed_bands(speed), effect))

# %% [markdown] tags=["needs:customers.channel"]
# ## Through which channels do customers come?
#
# From here on we speak of customers: people with a first order. Not every customer was a lead before.

# %% tags=["needs:customers.channel"]
mix = acquisition.channel_mix(orders, customers, period=period, **new)
chapter.show(acquisition.plot_mix(mix, period=period))

# %% [markdown] tags=["needs:customers.channel"]
# When the mix changes, all averages change, although no channel has become better or worse. So we look at each channel.

# %% [markdown] tags=["needs:spend.channel", "needs:customers.channel"]
# ## What does a new customer cost?
#
# **Customer acquisition cost** (CAC) is money by customers. Three choices are in it, and each must be said:
#
# - *which money*: here all that is booked in the table of spend. Salaries, rent and discounts are not in it;
# - *which customers*: those whose first order fell into the time, by the channel that is recorded as having won them;
# - *which time*: the same for both, unless the parameter `lag` says that customers come later.
#
# By hand, for the last twelve months:

# %% tags=["needs:spend.channel", "needs:customers.channel"]
from crmlib.calendar import first_of_months

year = str(first_of_months(chapter.as_of, 12))
spent = spend.filter(spend.spent_on >= year).to_pandas().groupby("channel").cost.sum()
came_first = acquisition.newcomers(orders, customers, as_of=chapter.as_of, earlier=chapter.earlier)
of_year = came_first.filter(came_first.first_day >= year).channel.value_counts(name="customers").to_pandas()

# %% tags=["needs:spend.channel", "needs:customers.channel"]
by_hand = of_year.merge(spent, on="channel").sort_values("channel", ignore_index=True)
by_hand.assign(cac=by_hand.cost / by_hand.customers).round(2)

# %% [markdown] tags=["needs:spend.channel", "needs:customers.channel"]
# The library takes whole months only, leaves out times in which nobody can tell who is new, and adds a range: how many
# customers come is partly chance. The row without a channel is all channels together, as on the scorecard (chapter 13).

# %% tags=["needs:spend.channel", "needs:customers.channel"]
year_costs = acquisition.acquisition_costs(orders, customers, spend, period=None, lag=lag, **new)
year_costs[["channel", "new_customers", "cost", "cac", "low", "high"]].round(2)

# %% tags=["needs:spend.channel", "needs:customers.channel"]
costs = acquisition.acquisition_costs(orders, customers, spend, period=period, lag=lag, **new)
chapter.show(acquisition.plot_costs(costs, period=period))

# %% [markdown] tags=["lesson", "needs:spend.channel", "needs:customers.channel"]
# The dearest channel costs {{ year_costs.cac.max() | money }} a customer and the cheapest
# {{ year_costs.cac.min() | money }}. Does that settle it? Not yet. A dear customer who stays may be the better deal.

# %% [markdown] tags=["needs:orders"]
# ## When is the money back?
#
# Now we follow customers from their first order. What have they left so far, after the cost of the goods? We take only
# customers who came so long ago that each has been followed for the whole time. Then nothing is forecast.

# %% tags=["needs:orders"]
earned = acquisition.earnings(orders, customers, spend, margin=margin, **new)
earned[earned.month == 0][["channel", "customers", "cac", "earned", "low", "high", "months"]].round(2)

# %% [markdown] tags=["needs:orders"]
# At month 0 only the first day counts: `earned` is the first order times the margin. Subtract `cac`, what we paid to win
# the customer. Where the cost is not covered yet, the line in the next picture begins below zero.

# %% tags=["needs:orders"]
paid = acquisition.payback(earned)
chapter.show(acquisition.plot_payback(earned, paid))

# %% [markdown] tags=["needs:orders"]
# `ratio` is what came back for each unit of money spent, so far: **LTV:CAC**, counted. Its range holds two kinds of
# chance: how much each customer buys, and how many customers the money has won. `month` is when the money was back.

# %% tags=["needs:orders"]
paid[["channel", "customers", "cac", "first_order", "month", "earned", "ratio", "ratio_low", "ratio_high"]].round(2)

# %% [markdown] tags=["needs:spend.channel", "needs:customers.channel"]
# The same by cohort: has a channel become better or worse? Compare a cell with its row only if the ranges behind them
# are narrow; they are kept in the chapter's table.

# %% tags=["needs:spend.channel", "needs:customers.channel"]
of_cohorts = acquisition.earnings(orders, customers, spend, margin=margin, by_cohort=period, **new)
chapter.show(acquisition.plot_cohort_ratio(of_cohorts, period=period))

# %% [markdown] tags=["needs:customers.channel"]
# ## Lead quality: what becomes of those who were won
#
# A source may win many leads and few good customers. So we put the share that orders again beside the share that is won.
# The share is that of chapter 05. Divide the cost of a customer by it, and you have the cost of one who comes back.

# %% tags=["needs:customers.channel"]
from crmlib.lifecycle import retention

returns = retention.second_orders(orders, customers, as_of=chapter.as_of, by="channel", earlier=chapter.earlier)
repeat = retention.repeat_rate(returns, within=within, by="group")

# %% tags=["needs:customers.channel"]
both = (chapter.table("leads"), chapter.table("lead_stages"))
lead_times = acquisition.lead_times(*both, as_of=chapter.as_of, by="channel")
of_leads = acquisition.conversion(lead_times, by="group")
cac = acquisition.acquisition_costs(orders, customers, spend, period=None, lag=lag, **new)

# %% tags=["needs:customers.channel"]
quality = acquisition.source_quality(of_leads, repeat, cac)
chapter.show(acquisition.quality_table(quality, within=within))

# %% [markdown] tags=["lesson", "needs:customers.channel", "needs:spend.channel"]
# A social media customer costs {{ year_costs.set_index("channel").cac["social"] | money }}, about twice the
# {{ year_costs.set_index("channel").cac["referral"] | money }} of a referral. But one who *comes back* costs
# {{ quality.set_index("channel").cost_per_returning["social"] | money }} against
# {{ quality.set_index("channel").cost_per_returning["referral"] | money }}. The gap is more than twice as wide.

# %% [markdown] tags=["needs:spend.channel", "needs:customers.channel"]
# ## What would more money buy?
#
# So far we know what a customer *has* cost, on average. The next one may cost more, because the easy ones are won first.
# The channel **saturates**. To see that, spend must have moved by itself: not with the trend, not with the season.
#
# We regress the logarithm of new customers on that of spend, month by month, with trend and season taken out. The slope is
# the **elasticity**: by how many per cent customers rise for one per cent more spend. Where spend has hardly moved by
# itself, the library names no elasticity. Any number there would be noise.

# %% tags=["needs:spend.channel", "needs:customers.channel"]
monthly = acquisition.acquisition_costs(orders, customers, spend, lag=lag, **new)
response = acquisition.response_to_spend(monthly)
chapter.show(acquisition.response_table(response))

# %% [markdown] tags=["lesson", "needs:spend.channel", "needs:customers.channel"]
# What if we looked anyway? At Aurora the agencies are paid for each customer won, a little before or after. So spend
# follows customers, and more money never won anybody. What will a plain regression find?

# %% tags=["lesson", "needs:spend.channel", "needs:customers.channel"]
import numpy as np

social = monthly[monthly.channel == "social"]
naive_slope, _ = np.polyfit(np.log(social.cost), np.log(social.new_customers), 1)
round(float(naive_slope), 2)

# %% [markdown] tags=["lesson", "needs:spend.channel", "needs:customers.channel"]
# It promises {{ naive_slope | number.2 }} per cent more customers for one per cent more money. That looks like a channel
# that saturates. In truth it has found the bills of the agencies.

# %% [markdown] tags=["needs:spend.channel", "needs:customers.channel"]
# Still, we can say where to *begin*. Chapter 04 forecasts what a new customer leaves in the first year, with a model for
# each channel. We take the same model here.

# %% tags=["needs:spend.channel", "needs:customers.channel"]
from crmlib.lifecycle import clv

told = chapter.client.parameters.get("04_clv", {})
test = {"as_of": chapter.as_of, "holdout_weeks": told.get("holdout_weeks", 0)}
choice, season = clv.model_choice(orders, **test), clv.find_season(orders, as_of=chapter.as_of)
base = clv.summary(orders, as_of=chapter.as_of, season=season).to_pandas()
fitted = clv.fit_models(base, orders_model=choice.kind, season=season)

# %% tags=["needs:spend.channel", "needs:customers.channel"]
used = clv.contribution_margin(orders, as_of=chapter.as_of, fallback=margin)["margin"]
money = {"margin": float(told.get("margin") or used.iloc[0]), "discount_rate": chapter.client.discount_rate}
groups = clv.value_by_group(base, customers, by="channel", earlier=chapter.earlier, fitted=fitted, **money)

# %% tags=["needs:spend.channel", "needs:customers.channel"]
known = {"orders": orders, "customers": customers, "spend": spend, "margin": money["margin"], **new}
first_year = clv.first_year_by_group(groups, **known)
first_year[["channel", "cost_to_win", "brings_in", "left_over", "left_error"]].round(2)

# %% [markdown] tags=["needs:spend.channel", "needs:customers.channel"]
# May we put money on the forecast? The test of chapter 04 decides that. If it failed, there are no steps.

# %% tags=["needs:spend.channel", "needs:customers.channel"]
past = clv.held_out(orders, **test)
total, rules = clv.holdout_total(past, choice.tested), clv.baseline_comparison(past, choice.tested)
trust = clv.trust_in_model(total, rules, fitted=fitted, history_weeks=base["T"].max())

# %% [markdown] tags=["needs:spend.channel", "needs:customers.channel"]
# Suppose that we move a little money from the channel whose newcomers leave least to the one whose newcomers leave most.
# It pays as long as the money brings in more there, even if each further customer costs more than today. `cost_most` is
# the cost at which it no longer does. A very small step teaches nothing: it wins and loses too few customers to compare
# what one costs.

# %% tags=["needs:spend.channel", "needs:customers.channel"]
steps = acquisition.budget_steps(first_year, trusted=trust.money)
chapter.show(acquisition.steps_table(steps))

# %% [markdown] tags=["needs:touches"]
# ## Who deserves the credit?
#
# Most people meet a brand more than once before they buy. Here are the contacts of one customer before the first order.
# They are a **path**.

# %% tags=["needs:touches"]
touches = chapter.table("touches")
how = {"as_of": chapter.as_of, "window": window_days, "kinds": touch_kinds}
paths = acquisition.paths(touches, orders, earlier=chapter.earlier, **how)

# %% tags=["needs:touches"]
some = paths.filter((paths.won == 1) & (paths.touches == 3)).limit(3).to_pandas()
some

# %% [markdown] tags=["needs:touches"]
# Whom do we credit? The first contact, the last one, all alike? Each **rule of attribution** is a convention. By hand, the
# first two are counts:

# %% tags=["needs:touches"]
of_won = paths.filter(paths.won == 1)
firsts, lasts = of_won.filter(of_won.nth == 1), of_won.filter(of_won.nth == of_won.touches)
first_by_hand = firsts.channel.value_counts(name="first").to_pandas().set_index("channel")
last_by_hand = lasts.channel.value_counts(name="last").to_pandas().set_index("channel")

# %% tags=["needs:touches"]
first_by_hand.join(last_by_hand, how="outer").fillna(0).astype(int)

# %% [markdown] tags=["needs:touches"]
# The library counts these and three more: **linear** (all alike), **time decay** (a contact a week earlier counts half,
# parameter `half_life`), and **position** (40 % each to the first and the last).

# %% tags=["needs:touches"]
credits = acquisition.rule_credits(paths, half_life=half_life)
credits.to_pandas().round(1)

# %% tags=["needs:touches"]
counted = credits.to_pandas().set_index("channel")["last"]
assert (counted[counted > 0].round(6) == last_by_hand["last"].reindex(counted[counted > 0].index)).all()

# %% [markdown] tags=["needs:touches"]
# Two more rules look at those who did *not* buy, or at all channels together.
#
# The **Markov chain** asks how often one channel follows another. Then it takes a channel out: whoever would meet it is
# lost. By what share do sales fall? That is the **removal effect**. By hand, for three people: the first met c1, c2, c3 and
# bought; the second met c1 and left; the third met c2, c3 and left.

# %% tags=["needs:touches"]
whole = (2 / 3 * 1 / 2 + 1 / 3) * 1 * 1 / 2
without_c1 = 1 / 3 * 1 * 1 / 2
1 - without_c1 / whole

# %% tags=["needs:touches"]
import pandas as pd

ways = {"a": (["c1", "c2", "c3"], 1), "b": (["c1"], 0), "c": (["c2", "c3"], 0)}
rows = [(who, won, one, n, len(way)) for who, (way, won) in ways.items() for n, one in enumerate(way, 1)]
three = pd.DataFrame(rows, columns=["customer_id", "won", "channel", "nth", "touches"])
acquisition.removal_effects(acquisition.transitions(three))[["channel", "removal_effect", "share"]]

# %% [markdown] tags=["needs:touches"]
# The **Shapley value** comes from game theory. It shares each customer equally among the different channels on the path,
# however often each was met. Now all seven side by side:

# %% tags=["needs:touches"]
markov = acquisition.removal_effects(acquisition.transitions(paths))
shapley = acquisition.shapley_credits(acquisition.channel_sets(paths))
attributed = acquisition.attribution(credits, markov, shapley)
chapter.show(acquisition.plot_attribution(attributed))

# %% [markdown] tags=["needs:touches"]
# **Why do they disagree?** The first contact credits the channels that make a brand known, the last one those that close.
# The Markov chain credits what many paths cannot do without, and it depends on who is missing from the data. None of them
# is measured against people who were kept away from a channel. So none of them says what a channel *adds*.

# %% tags=["needs:touches"]
known_paths = acquisition.path_summary(paths, orders, as_of=chapter.as_of, earlier=chapter.earlier)
known_paths.round(3)

# %% [markdown] tags=["lesson", "needs:touches"]
# In Aurora's data we know the truth: no contact moves anybody to buy, because the data were made that way. Yet each rule
# hands out {{ known_paths.won[0] | count }} customers, each of them wholly. And the contacts of
# {{ 1 - known_paths.seen[0] | percent }} of new customers are not recorded at all.

# %% [markdown] tags=["needs:lead_stages"]
# ## The pipeline
#
# Where few customers make much money, sales look at today's **open leads**. The chance of a lead is the product of the
# shares of all stages that are still before it. A lead that has waited longer than nine in ten of those who moved on is
# **overdue**. It may still move on, but seldom, so what we expect leaves it out.

# %% tags=["needs:lead_stages"]
import ibis

slow = acquisition.slow_after(in_stages)
waiting = acquisition.open_leads(leads, stages, as_of=chapter.as_of, slow=ibis.memtable(slow))
chapter.keep(waiting, name="open_leads")
chapter.show(acquisition.pipeline_table(acquisition.pipeline(stage_rates, waiting)))

# %% tags=["needs:lead_stages"]
late = acquisition.after_long_waits(in_stages, slow)
late.round(3)

# %% [markdown] tags=["needs:leads.owner", "needs:leads.converted_at"]
# **Who wins?** A ranking of sales people is mostly chance. So we compare each with all others, with ranges that allow for
# looking at everybody (Bonferroni).

# %% tags=["needs:leads.owner", "needs:leads.converted_at"]
owner_times = acquisition.lead_times(came, chapter.table("lead_stages"), as_of=chapter.as_of, by="owner")
of_owners = acquisition.conversion(owner_times, by="group")
compared = acquisition.compare_conversion(of_owners)
chapter.show(acquisition.plot_conversion(of_owners, compared, by="owner"))

# %% [markdown] tags=["needs:leads.lost_reason"]
# **Why were leads lost?**

# %% tags=["needs:leads.lost_reason"]
reasons = acquisition.lost_reasons(chapter.table("leads"))
chapter.show(acquisition.plot_reasons(reasons))

# %% [markdown] tags=["needs:leads.converted_at", "needs:lead_stages", "needs:orders"]
# **Velocity** puts it into one number: open leads × conversion × what a customer leaves / days until a lead is won. It is
# money a day, good for comparing months and not for planning.

# %% tags=["needs:leads.converted_at", "needs:lead_stages", "needs:orders"]
at_end = earned[earned.month == earned.months]
value = float((at_end.earned * at_end.customers).sum() / max(at_end.customers.sum(), 1))
acquisition.velocity(conversion, waiting, value=value).round(2)

# %% [markdown]
# ## How sure
#
# Counts with a range are sure as far as they go: conversion, cost, what came back. Three things are not:
#
# - *Would they have come anyway?* No table of this chapter knows. Only a test does (chapter 11).
# - *What does the next customer cost?* An average is no margin. Move a part of the budget, and compare.
# - *Who was it really?* The channel of a customer is what somebody has recorded, often the last contact.
#
# ## What to do
#
# Here is what the chapter concludes: a finding, the numbers it rests on, how sure it is, and what to do.

# %% tags=["needs:orders"]
chapter.conclude(acquisition.finding_payback(paid))

# %% tags=["needs:lead_stages"]
chapter.conclude(acquisition.finding_waiting(waiting, late, stage_rates))
chapter.conclude(acquisition.finding_speed(effect))

# %% tags=["needs:touches"]
chapter.conclude(acquisition.finding_attribution(attributed, known_paths))

# %% tags=["needs:spend.channel", "needs:customers.channel"]
chapter.conclude(acquisition.finding_steps(steps, response))

# %% [markdown] tags=["lesson", "needs:spend.channel", "needs:customers.channel"]
# So, should social media get more money? It brings the most leads, but it wins the smallest share of them. Its customers
# are dear, and few come back. Over a year each unit of money brings back
# {{ paid.set_index("channel").ratio["social"] | number.1 }}, where referral brings
# {{ paid.set_index("channel").ratio["referral"] | number.1 }}. Nothing here supports more money. But nobody knows how many
# more referrals money can buy. So move a quarter, which is just enough to compare, and look after 90 days.

# %% [markdown] tags=["needs:lead_stages"]
# ## Pitfalls
#
# **Those who were never called.** We compare quick calls with *all other* leads, as most dashboards do. What do you expect?

# %% tags=["needs:lead_stages"]
effect[["difference", "plain", "naive"]].round(3)

# %% [markdown] tags=["needs:lead_stages"]
# `naive` counts leads that nobody contacted among the slow ones. A lead that was lost before anybody called can be neither
# called quickly nor won. So the slow look bad whatever speed does. `difference` compares only those who were contacted,
# within each channel.

# %% [markdown] tags=["lesson", "needs:lead_stages"]
# At Aurora the naive comparison promises {{ 100 * effect.naive[0] | number.1 }} points for a quick call. The fair one finds
# {{ 100 * effect.difference[0] | number.1 }}, and we know that zero was planted.

# %% [markdown]
# **More of them:**
#
# - *Cheap leads.* Cost per lead falls when the form gets shorter. Look at the cost of a customer who comes back.
# - *The young cohort.* Customers of last month have had no time to pay back. Compare cohorts at the same age.
# - *The average is no margin.* A channel that pays on average may lose money on the last unit spent.
# - *The channel that closes.* Whoever stands at the door counts the guests. The last contact did not bring them all.
# - *A range around a wrong question.* A narrow range says how sure the number is, and not that the rule is right.
#
# ## Summary
#
# - Open leads are neither won nor lost. Day by day, all of them count for as long as we have watched them.
# - A quick call looks good where those who were never called count as slow.
# - CAC is money by customers. Say which money, which customers, and which time.
# - Compare channels by what customers leave, on customers who were all followed for the same time.
# - Seven rules of attribution give seven answers, because each is a convention. None of them measures what a channel adds.
# - What more money buys is known only where spend has moved by itself. Else move a step that is large enough to compare.
#
# ## Glossary
#
# - **Lead**: somebody who may become a customer and has left a trace (线索).
# - **Open lead**: neither won nor lost yet (未结线索).
# - **Conversion**: the share of leads that becomes customers, if the open ones go the way of the others (转化率).
# - **Competing risks**: several ends of which the first makes the others impossible (竞争风险).
# - **Aalen–Johansen estimate**: the share with each end by each day, with open cases counted for as long as they were seen.
# - **CAC**: customer acquisition cost, spend by new customers (获客成本).
# - **Payback**: the time until customers have brought back what it cost to win them (回本时间).
# - **LTV:CAC**: what customers leave for each unit of money spent on winning them.
# - **Attribution**: a rule by which a customer is credited to contacts (归因).
# - **Removal effect**: by what share a chain of contacts wins fewer without a channel (移除效应).
# - **Shapley value**: what one adds to the others, on average over all orders of joining (沙普利值).
# - **Elasticity**: per cent more customers for one per cent more spend (弹性).
# - **Saturation**: each further unit of money wins fewer customers than the one before (饱和).
# - **Pipeline, velocity**: today's open leads; the money that they bring in a day (销售管道, 销售速度).
#
# **On to the exercises:** [practice notebook](exercises/02_acquisition_exercises.ipynb).
