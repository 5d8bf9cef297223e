# ---
# jupyter:
#   crmlib:
#     title: Retention
#     question: How many of our customers come back, when, and what would one point more be worth?
#     minutes: 60
#     needs:
#     - orders: [customer_id, ordered_at, amount]
#     - subscriptions: [customer_id, started_at]
#     optional:
#       customers: [channel]
#       subscriptions: [ended_at, price]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 Retention
#
# **The manager's question:** how many of our customers come back, when, and what would one point more be worth?
#
# We pay once to win a customer. What happens afterwards decides whether the money was well spent. So this chapter follows
# new customers from their first order on.
#
# ## What you will be able to do
#
# - build a table of cohorts and read it without being deceived by months that are not over;
# - say how many new customers order a second time, by when, and how sure that is;
# - compare groups and years of customers fairly;
# - tell retention of shoppers from retention of contracts, and project contracts into the future;
# - put a price on one percentage point.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
period: str = "month"  # length of a cohort's period: week, month, quarter or year
trend_period: str = "quarter"  # period of the cohorts whose repeat-purchase rates are compared
within: int = 90  # days in which a second order counts as a quick return
group_by: str = ""  # groups of customers: channel or amount (of the first order); empty: the channel if known

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib
from crmlib.lifecycle import retention

chapter = crmlib.begin("05_retention", client, run)
orders = chapter.table("orders")

# %% [markdown]
# ## What data this needs
#
# The chapter needs orders, with the customer, the time and the amount, or **subscriptions**, if the client has contracts.
# One more thing adds detail: the **channel** that won each customer.
#
# **The start of the data is not the start of the customers.** Most exports begin in the middle of a business. Then old
# customers look like new ones at the beginning, because their earlier orders are missing. So the kit asks of the data, or
# of the client (`customers_start` in the configuration), who may be older than the data. These are `old_customers`,
# and we leave them out wherever we speak of new customers.

# %%
old_customers = chapter.earlier
chapter.show(chapter.start_told())

# %%
from crmlib.purchases import purchases

bought = chapter.in_hand(purchases(orders, as_of=chapter.as_of)).select("customer_id", "day", "spend").to_pandas()
bought.agg({"customer_id": "nunique", "day": ["min", "max", "count"]})

# %% [markdown]
# Cancelled and open orders are no purchases. Neither are orders that were refunded in full. `purchases` leaves them out.
#
# The chapter's tables stay in the database, however large they are. `to_pandas()` fetches a result, so you see it where
# the rows come to us. Small results, such as the rates below, are pandas tables from the start. A very large base does
# not fit into our hands. Then `in_hand` takes an even part of the customers for what we do by hand, and says so.

# %% [markdown] tags=["lesson"]
# Aurora Beauty has won {{ bought.customer_id.nunique() | count }} customers in two years. They have bought
# {{ len(bought) | count }} times. The shops say that new customers do not come back. Is that so?

# %% [markdown]
# ## Look at one customer first
#
# Here is a customer with a few orders. Beside each order stands how many days have passed since the first.

# %%
counts = bought.customer_id.value_counts().sort_index()
somebody = counts[counts.between(4, 6)].index[:1]
one = bought[bought.customer_id.isin(somebody)].sort_values("day", kind="stable")

# %%
one.assign(days_since_first=(one.day - one.day.min()).dt.days).round({"spend": 2}).reset_index(drop=True)

# %% [markdown]
# This customer came back. Others came once, and we do not know why: have they left, or is their second order still to
# come? *Nobody tells a shop that they are leaving.* So for shoppers, retention can only mean **activity**. Of those who
# came at the same time, what share bought something in a later period?
#
# A **cohort** is the customers whose first purchase fell into the same period. The **age** of a cohort is the number of
# periods since then. At age 0 everybody has bought, by definition. A period is a month, unless the parameter `period` says
# otherwise.
#
# ## One cohort by hand
#
# We number the periods. The smallest number of a customer is the cohort. The difference is the age.

# %%
of_new = bought[~bought.customer_id.isin(old_customers.to_pandas().customer_id)]
number = of_new.day.dt.to_period(period[0].upper()).astype("int64")
first = number.groupby(of_new.customer_id).transform("min")
by_hand = of_new.assign(cohort=first, age=number - first)

# %% [markdown]
# We take the cohort in the middle of the data. How many of its customers bought at each age?

# %%
middle = by_hand.cohort.drop_duplicates().quantile(interpolation="nearest")
one_cohort = by_hand[by_hand.cohort == middle]
active = one_cohort.groupby("age").customer_id.nunique()

# %%
active.to_frame("customers").assign(retention=active / one_cohort.customer_id.nunique()).head(8).round(4)

# %% [markdown]
# Watch out for two things. A period in which nobody bought has no row here, although we observed it: it is a zero. And
# the last period may not be over. Its row is too low, and it rises until the period ends. We have **not observed** it yet.
#
# ## The same with the library
#
# `cohorts` does this for all cohorts. It leaves out what is not over, and puts zeros where nobody bought.

# %%
cohorts = retention.cohorts(orders, as_of=chapter.as_of, period=period, earlier=old_customers).to_pandas()
cohorts[["cohort", "age", "cohort_customers", "customers", "orders", "retention"]].round({"retention": 4}).head(8)

# %% [markdown]
# Both ways agree wherever a period is over:

# %%
hand = by_hand.groupby(["cohort", "age"]).customer_id.nunique().reset_index(name="by_hand")
same = {"as_of": chapter.as_of, "period": period, "earlier": old_customers}
library = retention.cohorts(chapter.in_hand(orders), **same).to_pandas()
library["cohort"] = library.cohort.dt.to_period(period[0].upper()).astype("int64")
both = library.merge(hand, on=["cohort", "age"], how="left").fillna({"by_hand": 0})

# %%
assert (both.by_hand == both.customers).all()

# %% [markdown]
# ## The picture: the triangle
#
# Each row is a cohort, each column an age. The lower right is blank, because it lies in the future. Read it in three ways:
#
# - *along a row*: how does a cohort age?
# - *down a column*: are newer cohorts better than older ones at the same age?
# - *along a diagonal*: what happened to everybody in the same calendar period (a campaign, a holiday)?

# %%
chapter.show(retention.plot_triangle(cohorts, period=period))

# %% [markdown] tags=["lesson"]
# Read the first row aloud. In {{ cohorts.cohort[0] | month }}, {{ cohorts.cohort_customers[0] | count }} customers bought
# for the first time. One month later {{ cohorts.customers[1] | count }} of them bought, that is
# {{ cohorts.retention[1] | percent }}. Now go down that column. Do the newer cohorts come back more often?

# %% [markdown]
# You can also have the triangle in customers, orders, revenue or revenue per customer. Here it is as a table; `NaN` means
# *not observed*:

# %%
retention.cohort_triangle(cohorts, "revenue_per_customer").iloc[-6:, :6].round(2)

# %% [markdown]
# ## All cohorts together
#
# One cohort is small, and its line is noisy. So we pool them: at each age we use every cohort that is already that old.

# %%
chapter.show(retention.plot_retention(cohorts, period=period))

# %% [markdown]
# **How sure?** The band says how far chance alone moves a share of so many customers. It is a **Wilson interval**, which
# stays between 0 and 1 even for few customers. It widens to the right, because only the oldest cohorts are that old.
#
# For the same reason this is not the life of *one* cohort. If newer cohorts are better, they lift only the left part.

# %%
pooled = retention.pooled_retention(cohorts)
pooled[pooled.age.isin([0, 1, pooled.age.max()])].round(3)

# %% [markdown]
# ## The second order: how many?
#
# A shopper may skip a month and come back, so a quiet month does not mean that somebody has left. One thing happens only
# once, and we see it when it happens: the **second order**.
#
# The **repeat-purchase rate** is the share of new customers who order again within 90 days (parameter `within`). We can
# judge only those whom we have followed for that long. Customers who came last week are neither a success nor a failure.
#
# The table has one row per customer. Groups are channels where we know them (parameter `group_by`).

# %%
customers = chapter.table("customers")
by = group_by or retention.grouping(customers)
returns = retention.second_orders(orders, customers, as_of=chapter.as_of, by=by, period=trend_period, earlier=old_customers)

# %%
few = chapter.in_hand(returns)
each = few.to_pandas()
each[["customer_id", "first_day", "second_day", "returned", "days", "followed_days", "group"]].head(4)

# %% [markdown]
# By hand: whom have we followed long enough, and who of these returned in time?

# %%
followed = each[each.followed_days >= within]
in_time = followed.returned & (followed.days <= within)
len(followed), int(in_time.sum())

# %% [markdown]
# The library counts the same and adds the range:

# %%
rate = retention.repeat_rate(returns, within=within)
rate.round(3)

# %%
of_these = retention.repeat_rate(few, within=within)
assert of_these.followed.item() == len(followed)
assert of_these.returned.item() == in_time.sum()

# %% [markdown]
# This rate counts *new* customers. The repurchase rate of the scorecard (chapter 13) counts *all* buyers, so it is another
# number.

# %% [markdown] tags=["lesson"]
# Now we can answer the shops. Of 100 new customers, {{ 100 * rate.repeat_rate.item() | number }} order again within
# {{ within | number }} days. The shops are right about the others, so far. But a customer who waits may still come back,
# and three months are short.

# %% [markdown]
# ## The second order: when?
#
# Some customers have not returned yet. Of each we know *at least how long it takes*: their waiting time is **censored**.
# They are not useless. As long as we follow them, they are among those who could come back.
#
# So we go day by day. How many were still waiting on the morning of day 30, and how many came back on that day?

# %%
waiting = (each.days >= 30).sum()
back = (each.returned & (each.days == 30)).sum()
int(waiting), int(back)

# %% [markdown]
# We do the same for every day. Customers who are back, or whom we no longer follow, leave the group that waits.

# %%
by_day = each.groupby("days").returned.agg(["sum", "size"])
at_risk = by_day["size"][::-1].cumsum()[::-1]
still_waiting = (1 - by_day["sum"] / at_risk).cumprod()

# %% [markdown] tags=["lesson"]
# Take day 30. That morning {{ waiting | count }} customers were still waiting. {{ back | count }} came back that day,
# {{ back / waiting | percent.1 }}, so {{ 1 - back / waiting | percent.1 }} kept waiting. Multiply these shares for all 30
# days: {{ still_waiting.asof(30) | percent.1 }} still wait, {{ 1 - still_waiting.asof(30) | percent.1 }} are back. Before
# you run the cell: what happens if we simply drop last month's customers?

# %%
older = each[each.followed_days >= 30]
len(each) - len(older), round(float((older.returned & (older.days <= 30)).mean()), 3)

# %% [markdown]
# The first number says how many customers we dropped, the second what share of the others are back. For day 30, dropping
# costs little. Now ask for day 365. We may drop everybody whom we followed for less than a year. We may keep them and count
# them as not back. Or we go day by day, as above. Which of the three answers do you trust?

# %%
import pandas as pd

in_a_year, old = each.returned & (each.days <= 365), each.followed_days >= 365
answers = {"counted_as_not_back": in_a_year.mean(), "dropped": in_a_year[old].mean()}
pd.Series({**answers, "day_by_day": 1 - still_waiting[still_waiting.index <= 365].min()}).round(3)

# %% [markdown] tags=["lesson"]
# To count the young as not back is wrong: {{ in_a_year.mean() | percent.1 }} is too low, because many of them had no year
# yet. To drop them is fair, but we throw away {{ (~old).sum() | count }} of {{ len(each) | count }} customers, and with them
# all that we know of the newest. Day by day, everybody counts for as long as we followed them.

# %% [markdown]
# The product of these daily shares is the **Kaplan–Meier** estimate. The library computes the same, and how sure it is.
# **Greenwood's formula** adds up what chance does to each day's share, given how many were still waiting.

# %%
curve = retention.return_curves(returns, by=None)
shown = [day for day in (0, 7, 30, 90, 180, 365) if day <= curve.day.max()]
curve.set_index("day")[["share", "low", "high"]].reindex(shown, method="ffill").round(3)

# %%
import numpy as np

of_these = retention.return_curves(few, by=None)
assert np.allclose(1 - still_waiting.loc[of_these.day[1:]], of_these.share[1:])

# %%
chapter.show(retention.plot_waiting(curve))

# %% [markdown]
# The **median** waiting time is the day by which half of all new customers have returned. If the curve does not reach one
# half, there is no median yet. A tempting short cut looks only at those who are back, and takes the median of their waits:

# %%
float(each[each.returned].days.median())

# %% [markdown]
# That number is far too short, because the long waits are not over. It answers another question: *of those who come back,
# when do they?* To answer it fairly, we take only customers whom we followed for the whole time (`horizon`, in days):

# %%
timing = retention.time_to_return(returns)
timing

# %% [markdown]
# Chapter 03 asks a question that sounds alike, and gets other days. Here we look at the wait from the first order to the
# second, once in a customer's life. There, *every* purchase begins a wait for the next one. Use this table to remind new
# customers, and that one to see who is asleep.
#
# ## Do groups differ?
#
# Now we draw one curve per group. The **log-rank test** asks whether the curves differ by more than chance, over all days.
# It answers a probability, **p**. Suppose that the groups did not differ at all: how often would chance alone bring
# differences as large as these? A small p says that chance is a poor explanation. It does not say that the difference is
# large.

# %%
curves = retention.return_curves(returns)
test = retention.log_rank(returns)
chapter.show(retention.plot_return_curves(curves, test=test, by=by))

# %% [markdown]
# The test says *whether* they differ, not *which* of them. Can we not simply compare the best with the worst? We picked
# these two because they look different, so chance alone may explain it. The intervals below allow for that: they hold
# for all pairs at once. `p_adjusted` says how often chance alone would bring a difference as large among so many pairs.

# %%
pairs = retention.compare_groups(returns, within=within)
pairs[["group", "other", "difference", "low", "high", "p_adjusted"]].head(5).round(3)

# %% [markdown]
# Even a sure difference is no cause. Channels bring different people. If you move money between channels, you move people
# and not loyalty. Only a control group shows what an action *adds* (chapter 06).
#
# ## Are newer customers better?
#
# A fair comparison gives everybody the same time. So we judge only customers whom we have followed for that long. We want
# one answer with one range: we compare the newest of them with those who came on the same days a year before. Then the
# season cannot be what differs. With less data, the later half is compared with the earlier.

# %%
newer = retention.compare_newer(returns, as_of=chapter.as_of, within=within, settled=chapter.start.settled)
newer[["older_rate", "newer_rate", "difference", "low", "high", "same_season", "unsteady", "mix"]].round(3)

# %% [markdown]
# Two things could deceive us here. Rates go up and down from month to month, for reasons that no customer chose: weather,
# holidays, stock. If months differ by more than chance, `unsteady` is above 1, and the range is so many times wider.
#
# And perhaps *other* customers came. `mix` keeps the old rate of every group, and lets only their shares change. So it is
# the part of the difference that comes from who came, and not from how they were treated.

# %% [markdown] tags=["lesson"]
# At Aurora, the rate rose by {{ 100 * newer.difference.item() | number.1 }} points. Of these,
# {{ 100 * newer.mix.item() | number.1 }} come from the mix: far more customers came through partners, who return often. Would
# you praise the shops for that part?

# %% [markdown]
# Now all cohorts, one by one. Below each stands how many of its customers we have followed for long enough. The period of
# these cohorts is the parameter `trend_period`.

# %%
rates = retention.repeat_rate(returns, within=within, by="cohort")
chapter.show(retention.plot_repeat_rate(rates, newer, within=within, period=trend_period))

# %% [markdown]
# An **open dot** stands for fewer than 30 customers. The newest cohort often has one: only those who came on its first days
# have had the whole time. Its interval is so long that the dot says nothing yet. A cohort without a dot has nobody to judge.

# %% [markdown] tags=["lesson"]
# Look at the open dot. Of {{ rates.new_customers.iloc[-1] | count }} customers of that quarter, we have followed only
# {{ rates.followed.iloc[-1] | count }} for {{ within | number }} days. {{ rates.returned.iloc[-1] | count }} of them came
# back. The true rate may be anything from {{ rates.low.iloc[-1] | percent }} to {{ rates.high.iloc[-1] | percent }}.

# %% [markdown]
# ## What the first days tell
#
# Do customers who order more at the beginning also buy more later?

# %%
early = retention.early_orders(orders, as_of=chapter.as_of, within=within, earlier=old_customers).to_pandas()
chapter.show(retention.plot_early_orders(early, within=within))

# %% [markdown]
# This helps to *recognise* good customers early. It does not show that a second order makes a customer good: these came
# back by themselves.

# %% [markdown] tags=["needs:subscriptions"]
# ## Contracts: where leaving is seen
#
# A subscriber who leaves tells us. So we can observe survival: what share of contracts still runs after each **renewal**?
# Contracts that run today are censored. They count at the renewals that they have behind them.

# %% tags=["needs:subscriptions"]
contracts = chapter.table("subscriptions")
terms = retention.subscription_terms(contracts, as_of=chapter.as_of).to_pandas()
terms

# %% [markdown] tags=["needs:subscriptions"]
# A monthly contract has twelve decisions a year, a yearly one has one. So we cannot count renewals of different **terms**
# together. From here on we look at the most frequent term.

# %% tags=["needs:subscriptions"]
term = retention.most_frequent_term(terms)
ages = retention.renewal_ages(contracts, as_of=chapter.as_of, term=term).to_pandas()
ages.assign(renewed=1 - ages.lost / ages.at_risk).head(6).round(3)

# %% [markdown] tags=["needs:subscriptions"]
# Most often the share that renews *rises* with age. Have people become more loyal? Not necessarily: those who leave easily
# have left already.
#
# The **shifted-beta-geometric** model (sBG; Fader & Hardie 2007) says just this. Each contract has its own probability to
# end at a renewal, and that never changes. Over the contracts, these probabilities follow a **beta distribution**: a curve
# between 0 and 1 whose two numbers, α and β, say how high they lie and how much they differ. Then the share renewed at the
# t-th renewal is (β + t − 1) / (α + β + t − 1).
#
# The sBG is wrong where a contract's own chance to leave changes with its age, because people tire of what they get, or
# come to depend on it. The **beta-discrete-Weibull** model (BdW; Fader, Hardie and others 2018) adds a third number, c.
# Above 1, the chance rises with age; below 1, it falls; at 1, it is the sBG. Which one do these contracts need?
#
# For each model, the table gives the **log-likelihood**. It is the logarithm of the probability that the model gives to all
# the renewals and ends that we saw. The nearer to zero, the better the fit. The BdW always fits a little better, because it
# has one number more. So we ask with p: how often would the gain be as large if the sBG were true?

# %% tags=["needs:subscriptions"]
fitted = retention.renewal_models(ages)
chapter.show(retention.renewal_models_table(fitted))

# %% [markdown] tags=["needs:subscriptions"]
# By hand, survival under the sBG is the product of the shares renewed:

# %% tags=["needs:subscriptions"]
t = ages[["age"]].merge(fitted[fitted.model == "sBG"], how="cross")
by_product = ((t.beta + t.age - 1) / (t.alpha + t.beta + t.age - 1)).astype(float).cumprod()
by_product.head(6).round(3)

# %% [markdown] tags=["needs:subscriptions"]
# The dots are what we observed. Beyond the last of them only the model speaks. Its band says how well we know the
# parameters.

# %% tags=["needs:subscriptions"]
model = retention.renewal_model(ages)
projection = retention.project_renewals(ages, model)
chapter.show(retention.plot_projection(projection, term=term))

# %% [markdown] tags=["needs:subscriptions"]
# **How sure?** Time is the honest test of a projection. We go back half a year, and fit the model to what was known then.
# What would it have said of today? Beside it stands the usual rule of thumb: the same rate of leaving at every renewal.

# %%
from datetime import timedelta

ago = chapter.as_of - timedelta(days=182)

# %% tags=["needs:subscriptions"]
earlier = retention.renewal_ages(contracts, as_of=ago, term=term).to_pandas()
checked = retention.project_renewals(ages, retention.renewal_model(earlier), until=len(ages))
checked["same_rate"] = (1 - earlier.lost.sum() / max(earlier.at_risk.sum(), 1)) ** checked.age

# %% tags=["needs:subscriptions"]
every_third = checked[checked.age % 3 == 0]
every_third[["age", "survival", "low", "high", "projected", "same_rate"]].round(3)

# %% [markdown] tags=["lesson", "needs:subscriptions"]
# Look at the last row. Half a year ago, the model said that {{ every_third.projected.iloc[-1] | percent }} would outlive
# renewal {{ every_third.age.iloc[-1] | number }}. We observed {{ every_third.survival.iloc[-1] | percent }}, and the interval
# goes from {{ every_third.low.iloc[-1] | percent }} to {{ every_third.high.iloc[-1] | percent }}, so the model holds. The rule
# of thumb said {{ every_third.same_rate.iloc[-1] | percent }}. Why is it so far off? It does not know that those who leave
# easily leave first.

# %% [markdown]
# ## What a second order is worth
#
# How much does one more second order bring? The order itself is *sure*. Customers who returned by themselves went on to
# spend more (`with_a_year`). But customers we have to persuade will probably spend less, so that number is an upper limit.

# %%
margin = chapter.client.margin
counted = {"within": within, "earlier": old_customers, "returning_share_year": chapter.start.returning_share_year}
worth = retention.value_of_second_orders(orders, as_of=chapter.as_of, margin=margin, **counted)
worth.T.rename(columns={0: "value"}).astype(float).round(2)

# %% [markdown]
# Groups differ in this, too. The second orders of a group count with what *its* customers bring, and not with the average:

# %%
last = returns.filter(returns.group.isin(pairs.other.head(1).tolist()))
theirs = orders.semi_join(last, "customer_id")
own = retention.value_of_second_orders(theirs, as_of=chapter.as_of, margin=margin, **counted)
own[["second_orders", "value", "low", "high"]].astype(float).round(2)

# %% [markdown]
# One point more is a hundredth of a year's new customers. Each of them brings the value of one second order:

# %%
(worth.new_customers_a_year * 0.01 * worth.value).astype(float).round(2)

# %% [markdown]
# ## How sure
#
# The findings rest on these numbers, each with its 95% interval. If one is missing, we have followed too few customers. A
# difference whose interval holds zero may be none.

# %%
numbers = [rate.repeat_rate, newer.difference, worth.value]
ranges = [frame[["low", "high"]] for frame in (rate, newer, worth)]

# %%
sure = [ends.assign(estimate=number, of=number.name) for number, ends in zip(numbers, ranges, strict=True) if len(ends)]
pd.concat(sure).set_index("of")[["estimate", "low", "high"]].round(3)

# %% [markdown]
# ## What to do
#
# Here is what the chapter concludes: a finding, the money where it can be named, how sure it is, and what to do. The table
# of second orders is kept with the run.

# %%
chapter.keep(returns, name="second_orders")
chapter.conclude(
    retention.finding_second_order(rate, worth, within=within),
    retention.finding_timing(timing, curve),
    retention.finding_newer(newer),
    retention.finding_groups(returns, pairs, own, within=within, by=by),
)

# %% tags=["needs:subscriptions"]
outlook = retention.renewal_outlook(contracts, model, as_of=chapter.as_of, term=term, margin=margin)
until = retention.renewal_to_save(model, term=term)
reached = retention.renewal_outlook(contracts, model, as_of=chapter.as_of, term=term, margin=margin, until=until)
chapter.conclude(retention.finding_renewals(outlook, model, term=term, terms=terms, reached=reached))

# %% [markdown]
# ## Pitfalls
#
# **A period that is not over is neither low nor zero.** We look at the cohort of above twice: sixteen days before the end
# of the data, and at the end. What do you expect of its last periods?

# %%
looks = {"before": chapter.as_of - timedelta(days=16), "at_the_end": chapter.as_of}
seen_by = {name: one_cohort[one_cohort.day <= str(day)] for name, day in looks.items()}
pd.DataFrame({name: rows.groupby("age").customer_id.nunique() for name, rows in seen_by.items()}).tail(3).astype("Int64")

# %% [markdown]
# In the middle of a period, customers always seem to leave. A spreadsheet does worse: it fills the blank half of the
# triangle with zeros. Then the mean falls, whatever the customers do.

# %%
triangle = retention.cohort_triangle(cohorts)
means = pd.DataFrame({"zeros_for_blanks": triangle.fillna(0).mean(), "observed_only": triangle.mean()})
every_sixth = means.iloc[::6]
every_sixth.round(3)

# %% [markdown] tags=["lesson"]
# At age {{ every_sixth.index[-1] | number }}, the spreadsheet says {{ every_sixth.zeros_for_blanks.iloc[-1] | percent.1 }}.
# The cohorts that we could observe stand at {{ every_sixth.observed_only.iloc[-1] | percent.1 }}. The blanks did that, not the
# customers.

# %% [markdown]
# **Activity is not survival.** We could ask instead who bought at an age *or later*. That share can only fall, just like the
# curves that models of leaving are made for. But look at the same cohorts and ages twice: as they were known half a year
# ago, and today.

# %%
then = retention.last_seen(orders, as_of=ago, period=period, earlier=old_customers).to_pandas()
now = retention.last_seen(orders, as_of=chapter.as_of, period=period, earlier=old_customers).to_pandas()
twice = then.merge(now, on=["cohort", "age", "cohort_customers"], suffixes=("_then", "_now"))

# %%
seen = twice.groupby("age")[["cohort_customers", "customers_then", "customers_now"]].sum()
seen[["customers_then", "customers_now"]].div(seen.cohort_customers, axis=0).tail(4).round(3)

# %% [markdown]
# Where the second column is higher, customers who looked lost have bought since. A curve that changes while we wait is no
# survival curve. A model of leaving fitted to it, such as the sBG, would predict too many losses. For shoppers, chapter 04
# has models that understand silence.
#
# **Cohorts that had different time.** "Share with a second order so far" uses everybody and needs no fixed time. It also
# gives new cohorts less time than old ones. Which cohorts will look worst?

# %%
so_far = each.groupby("cohort").returned.mean().rename("so_far")
fair = rates[rates.followed >= 30].set_index("cohort").repeat_rate
so_far.to_frame().join(fair).round(3).tail(8)

# %% [markdown]
# The newest nearly always look worst, even when they are better. The second column gives everybody the same time. It is
# empty where fewer than 30 customers have had that time.
#
# ## Summary
#
# - Retention of shoppers is activity: the share of a cohort that bought in a period. It can rise again.
# - What is not over has not been observed. We leave it blank, because a zero would be a claim.
# - The repeat-purchase rate judges only customers whom we followed long enough.
# - Kaplan–Meier curves use the others too, for as long as we followed them. There is a median only if the curve reaches it.
# - Compare groups with a test, pairs with an allowance for their number, and years at the same follow-up and season.
# - Other customers may explain a better rate: look at the mix before you praise a measure.
# - Where leaving is seen (contracts), we can project survival: with the sBG, or with the BdW where a contract's own chance
#   to leave changes with its age.
# - One percentage point has a price: a hundredth of a year's new customers, times what a second order brings.
#
# ## Glossary
#
# - **Cohort**: customers whose first purchase fell into the same period (同期群).
# - **Age**: whole periods since the cohort's first (月龄).
# - **Retention** of shoppers: share of a cohort that bought at an age (留存率).
# - **Repeat-purchase rate**: share of new customers who order again within a fixed time (复购率).
# - **Censored**: known to take at least so long, because it has not ended yet (删失).
# - **Kaplan–Meier estimate**: the share that is back by each day, with everybody counted for as long as we followed them.
# - **Log-rank test**: whether such curves differ by more than chance (对数秩检验).
# - **Wilson interval**: a range of a share that stays between 0 and 1, also for few customers.
# - **Greenwood's formula**: how sure each point of a Kaplan–Meier curve is.
# - **p, adjusted p**: how often chance alone makes a difference as large; adjusted: among so many comparisons (校正后p值).
# - **Mix**: the part of a difference that comes from which groups came (结构效应).
# - **Log-likelihood**: how probable a model makes what we saw, as a logarithm; nearer to zero is better (对数似然).
# - **Beta distribution**: a family of curves between 0 and 1, here of contracts' probabilities to end (贝塔分布).
# - **Survival, renewal rate** of contracts: share still running; share renewed of those that came to the renewal (续约率).
# - **Contracts side by side**: subscriptions of one customer that run at the same time, or follow one another without a
#   gap, are one contract that pays their sum (并行的合同).
# - **sBG, BdW**: models of contracts that differ in how easily they end; in the BdW this also changes with their age.
#
# **On to the exercises:** [practice notebook](exercises/05_retention_exercises.ipynb).
