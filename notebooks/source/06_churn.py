# ---
# jupyter:
#   crmlib:
#     title: Churn and win-back
#     question: Who is leaving, why, whom can we keep, and what does it bring?
#     minutes: 80
#     needs:
#     - orders: [customer_id, ordered_at, amount]
#     - subscriptions: [customer_id, started_at, price]
#     optional:
#       orders: [discount, store]
#       order_lines: [category]
#       tickets: [customer_id, opened_at, is_complaint, resolved_at]
#       surveys: [customer_id, kind, score]
#       actions: [arm, cost]
#       subscriptions: [ended_at, price]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 Churn and win-back
#
# **The manager's question:** who is leaving, why, whom can we keep, and what does it bring?
#
# Nobody tells a shop that they are leaving. They fall silent, and silence has many reasons. So a list of "churned"
# customers is quickly made, and a budget for winning them back is quickly spent. This chapter asks first.
#
# ## What you will be able to do
#
# - choose a rule that says when silence means leaving, and say how often it gives a false alarm;
# - teach a model who buys again, without letting it look into the future, and test it on a later day;
# - find what goes with leaving, in plain shares and among customers who are alike;
# - tell who is likely gone from who can be changed, and read a test of an offer down to its profit;
# - say what an unaided return is, so that no win-back rate deceives you;
# - follow the recurring revenue of subscriptions.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
within: int = 90  # days within which a customer buys again, or counts as leaving
silent_days: int = 0  # after so many days a customer is silent; 0: the line of chapter 03
complaint_days: int = 180  # for how long customers are followed after a complaint
sla_hours: float = 24  # a complaint that waits for longer is slow

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib
from crmlib.lifecycle import churn

chapter = crmlib.begin("06_churn", client, run)
orders, as_of, margin = chapter.table("orders"), chapter.as_of, chapter.client.margin

# %% [markdown]
# ## What data this needs
#
# The chapter needs **orders**, or **subscriptions**. The others add reasons: **complaints** with the time of the solution,
# **surveys**, **categories** of what was bought, and **actions**, if offers were tested.
#
# Contracts are simple: their end is seen. They come last in this chapter. For shoppers we must first agree on what leaving
# means.
#
# ## Look at one customer first
#
# Here is somebody who bought often. How long is the last silence, and how long were the others?

# %%
from crmlib.purchases import purchase_days

last_year = churn.silence_on(orders, as_of=as_of, active_within=365)
regular = last_year.filter((last_year.purchases > 5) & (last_year.overdue > 3)).order_by("customer_id").limit(1)

# %%
one = purchase_days(orders, as_of=as_of).semi_join(regular, "customer_id").to_pandas()
one.assign(days_since_last=(one.day - one.previous_day).dt.days)[["day", "spend", "days_since_last"]].round({"spend": 2}).tail(8)

# %%
regular.to_pandas().drop(columns="customer_id").round(1)

# %% [markdown]
# `usual_gap` is how long this customer usually takes, in days. Few gaps tell little, so one gap of average length is added
# to the customer's own. `overdue` is the silence, counted in these gaps. Is this customer gone? We do not know. But we can
# ask the past how often such an alarm was right.
#
# ## An alarm by hand
#
# We go back by so many days as the parameter `within` says, and stand there. We know each customer's silence on that day.
# What they did since, we know today.

# %%
from datetime import timedelta

then = as_of - timedelta(days=within)
known = churn.silence_on(orders, as_of=then, active_within=365)
back = churn.bought_again(orders, since=then, within=within)

# %% [markdown]
# Whom shall we call silent? A **fixed line** says: everybody after the same number of days. Chapter 03 reads one line from
# the client's own rhythm, and all chapters use it, so that nobody is lost in one chapter and active in the next. It is
# read at the end of the data, so this look back knows a little more than we knew then. The models below do not use it.

# %%
from crmlib.lifecycle import segmentation

rules_file = chapter.client.parameters.get("03_segmentation", {}).get("rules", "")
read = segmentation.read_rules(chapter.client.beside(rules_file))
who = {"customers": chapter.table("customers"), "earlier": chapter.earlier}
line = silent_days or segmentation.silent_after(orders, **who, as_of=as_of, rules=read)
line

# %%
flagged = known.filter(known.silence_days >= line)
came_back = flagged.semi_join(back, "customer_id")
by_hand = flagged.count().execute(), came_back.count().execute()
by_hand

# %% [markdown]
# The two numbers: how many we would have flagged, and how many of them came back since. The second, divided by the first, is
# the rate of **false alarms**. A lower line catches more of those who leave, and cries wolf more often.
#
# ## The same with the library, and a rival
#
# Should a weekly customer and a yearly one have the same line? The rival rule counts each silence in the customer's **own
# usual gaps**. `silence_rules` tries all lines of both rules. Which of the two do you expect to win?

# %%
rules = churn.silence_rules(orders, as_of=as_of, within=within)
both = churn.compare_rules(rules, days=line)
both.round(3)

# %%
assert (both.flagged.head(1) == by_hand[0]).all()
chapter.show(churn.plot_silence(rules, days=line))

# %% [markdown]
# The further down a curve lies, the fewer false alarms it gives for as many leavers caught. Compare rules like this, at the
# **same number of flagged customers**. A rule that flags fewer always looks more careful.

# %% [markdown] tags=["lesson"]
# Aurora's own rhythm does not win. It gives {{ both.false_alarms.iloc[1] | percent }} false alarms, the fixed line
# {{ both.false_alarms.iloc[0] | percent }}. Most customers have bought once or twice, and have no rhythm yet. Own up to it:
# the cleverer rule is not the better one here. It will be of use below, beside other things.

# %% [markdown]
# ## The chance falls while we wait
#
# A line makes it look as if customers left overnight. They do not. Take everybody who has been silent for so long. What
# share buys within the next days?

# %%
hazard = churn.return_hazard(orders, as_of=as_of)
chapter.show(churn.plot_return_hazard(hazard))

# %% [markdown]
# This is a **hazard**: of those who still wait, the share for whom the wait ends now. Silences that are not over count for
# as long as we saw them. Read from it when to write: early enough that somebody is left to be won, and late enough that most
# of those who come anyway are back.
#
# ## A model must not know the future
#
# One number says little. So we tell a model several things of each customer, and let it learn who buys again. There is one
# iron rule: **everything it is told must have been known on that day.** `features` reads only what happened by the end of
# the day. A complaint that was solved later was still open then.

# %%
tables = {name: chapter.table(name) for name in ("tickets", "surveys", "order_lines", "subscriptions")}
days = {"train": then - timedelta(days=within), "test": then}
days

# %%
seen = {}
for name, day in days.items():
    moments = churn.moments(orders, as_of=day, most=churn.MOST_MODELLED)
    features = churn.features(moments, orders, **tables, sla_hours=sla_hours)
    seen[name] = churn.with_outcomes(features, orders, within=within).to_pandas()

# %%
seen["test"][["silence_days", "tenure_days", "purchases", "spend", "overdue", "waited", "bought"]].head(4).round(1)

# %% [markdown]
# Two days: the model learns on the first, whose outcome was known on the second. There it is tested on what came after. So
# the test is as hard as real life. `bought` is the outcome: 1 if the customer bought within the days that followed.
#
# ## What goes with buying again
#
# A **logistic regression** adds up what is known. Its sum is the logarithm of the **odds**: the chance to buy, divided by
# the chance not to. An **odds ratio** of 2 means that the odds double, if one thing differs and all else is alike. To read it,
# we fit the model on the later of the two days: nothing newer is known. How good it is, we ask further down, where it learns
# on the first day only.

# %%
model = churn.fit_model(seen["test"], within=within)
odds = churn.odds_ratios(model)
chapter.show(churn.odds_table(odds, within=within))

# %% [markdown]
# Amounts are counted in doublings: twice as many purchases, twice as long a customer. If an interval holds 1, we cannot tell
# whether it matters. And even a sure ratio is no cause: people who buy often differ in more than that.

# %% [markdown] tags=["lesson"]
# Read the first row aloud. With twice as many purchases, the odds to buy again are {{ odds.odds_ratio[0] | number.1 }} times
# as high. And the own rhythm, which lost as a rule of its own, is of use here: one usual gap more, and the odds are
# {{ odds.odds_ratio[odds.input == "overdue"].iloc[0] | number.2 }} times as high. It needed company.

# %% [markdown]
# ## Was it right?
#
# Three rivals learn on the first day and are asked on the second: silence alone, the logistic regression, and **boosted
# trees**, which find combinations but cannot be read. First one number by hand. Of the tenth that the model calls riskiest,
# what share left, compared with all?

# %%
judged, risks = churn.judge(seen["train"], seen["test"])
riskiest = risks.sort_values("logistic", ascending=False, kind="stable").head(max(len(risks) // 10, 1))
round(float(riskiest.left.mean() / risks.left.mean()), 3)

# %% [markdown]
# This is the **lift** of the riskiest tenth. If nearly everybody leaves, no lift can be high. Two more measures stand in the
# table. The **AUC** is the chance that of two customers, the one who left had the higher risk: 0.5 is a coin. The **Brier
# score** is the mean squared error of the risk, so smaller is better.

# %%
chapter.show(churn.models_table(judged, within=within))

# %% [markdown]
# A risk of 80% should mean that 80 of 100 leave. That is **calibration**, and without it no money can be planned. We sort
# the customers by risk into ten groups, and hold what came against what was said.

# %%
calibration = churn.calibration(risks)
chapter.show(churn.plot_calibration(calibration, within=within))

# %% [markdown]
# ## Reasons
#
# Why do they leave? Some signs are in the data: a complaint that waited, an unhappy answer, buying at a discount only, a
# last purchase of another kind. Plain shares come first. Of those with a sign, what share left? And of the others?

# %%
signs = [name for name in ("waited", "unhappy", "discounts", "drifted") if seen["test"][name].any()]
left = 1 - seen["test"].bought
plain = {name: left.groupby(seen["test"][name]).mean() for name in signs}

# %%
import pandas as pd

pd.DataFrame(plain).T.rename(columns={0: "without", 1: "with"}).round(3)

# %% [markdown]
# Before you believe this table: who complains? Only somebody who buys can complain, and who buys often complains more. But
# who buys often also stays. So we compare customers who are **alike in all else** the model knows. For each customer with a
# sign, what would the model say without it?

# %%
reasons = churn.reasons(seen["test"], model)
chapter.show(churn.plot_reasons(reasons, within=within))

# %% [markdown] tags=["lesson"]
# Aurora's table of plain shares hid it: of customers whose complaint had waited, {{ reasons.share_left[0] | percent }} left,
# and of the others {{ reasons.others_left[0] | percent }}. Among customers who are alike, it is
# {{ 100 * reasons.difference[0] | number }} points *more*. All other signs may be chance. How sure are we? The range goes from
# {{ 100 * reasons.low[0] | number }} to {{ 100 * reasons.high[0] | number }} points, so this is a lead, and we follow it.

# %% [markdown] tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
# ## What waiting does
#
# Now we look at the complaints themselves. Every one comes from a customer who had just bought, so they are alike in that.
# Some were solved within the hours of the parameter `sla_hours`, the others waited. Who bought again?

# %% tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
tickets = chapter.table("tickets")
followed_up = {"as_of": as_of, "within": complaint_days, "sla_hours": sla_hours, "margin": margin}
complaints = churn.complaint_outcomes(orders, tickets, **followed_up)

# %% tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
followed = complaints.filter(complaints.followed)
answered = followed.group_by("place", "slow").agg(complaints=followed.count(), again=followed.again.mean())
answered.order_by("place", "slow").to_pandas().round(3)

# %% [markdown] tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
# The library counts the same, and adds the range of the difference:

# %% tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
slow = churn.slow_complaints(complaints, as_of=as_of)
slow[["place", "quick", "slow", "quick_again", "slow_again", "difference", "low", "high"]].round(3)

# %% tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
chapter.show(churn.plot_complaints(slow, within=complaint_days, sla_hours=sla_hours))

# %% [markdown] tags=["lesson", "needs:tickets.is_complaint", "needs:tickets.resolved_at"]
# In Aurora's shops, {{ slow.slow_again[0] | percent }} come back after a slow solution, and {{ slow.quick_again[0] | percent }}
# after a quick one. Online, waiting changes nothing that we can see. Would you have asked for both places?

# %% [markdown] tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
# Half a year is one way to look. The **Cox model** looks at every day: by what is the daily chance to come back multiplied?
# A complaint counts from the day on which it is known to be slow. If it counted from the purchase on, we would look into the
# future.

# %% tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
spells = churn.return_spells(orders, tickets, as_of=as_of, sla_hours=sla_hours, most=churn.MOST_SPELLS)
cox = churn.cox_model(spells)
chapter.show(churn.cox_table(cox))

# %% [markdown] tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
# The last column tests what the model assumes: that the ratio is the same early and late in a silence (**proportional
# hazards**). Where p is small (below 0.05), it is not, and the ratio is a mean
# over the silence. Nobody drew by lot who waits, so
# complaints that wait may differ in more than that.

# %% [markdown] tags=["needs:actions"]
# ## Who is likely gone is not who can be changed
#
# A list of the riskiest customers is not yet a list of whom to contact. Some of them are gone, whatever we do. Some would
# come anyway. Only one thing tells whom an offer *changes*: **chance** decides who gets it, and the others are left alone.
# Then the two groups, the **arms**, differ in nothing else. Which arm do you expect to leave more money?

# %% tags=["needs:actions"]
actions = chapter.table("actions")
drawn = actions.select("action_id", "play", "arm", "customer_id", "assigned_at").to_pandas()
drawn.groupby(["play", "arm"]).agg(people=("customer_id", "size"), first=("assigned_at", "min"))

# %% [markdown] tags=["needs:actions"]
# By hand: who bought within the time allowed? We take only people whom we have followed for that long. Everybody counts in
# the arm that chance drew, even those whom nobody reached.

# %% tags=["needs:actions"]
from crmlib.purchases import purchases

allowed = pd.Timedelta(days=within)
had_time = drawn[drawn.assigned_at <= pd.Timestamp(as_of) + pd.Timedelta(days=1) - allowed]
times = purchases(orders, as_of=as_of).semi_join(actions, "customer_id").select("customer_id", "ordered_at").to_pandas()

# %% tags=["needs:actions"]
orders_since = had_time.merge(times, on="customer_id")
wait = orders_since.ordered_at - orders_since.assigned_at
hits = orders_since.action_id[(wait >= pd.Timedelta(0)) & (wait < allowed)]
shares = had_time.assign(bought=had_time.action_id.isin(hits)).groupby(["play", "arm"]).bought.mean()
by_arm = shares.unstack().reindex(columns=["treat", "control"])
by_arm.round(3)

# %% [markdown] tags=["needs:actions"]
# The library finds the same. It adds ranges, and asks what is left: the gross profit of these orders, less the cost of the
# offer. It also asks whether chance can have drawn the arms. If one arm came at other times, or had bought more before,
# somebody chose, and it is no test (`drawn`).

# %% tags=["needs:actions"]
from crmlib.lifecycle.experiments import play_effect

asked = {"within_days": within, "as_of": as_of, "margin": margin}
effects = play_effect(actions, orders, **asked)
effects[["play", "treated", "control", "effect", "low", "high", "profit", "profit_low", "profit_high", "drawn"]].round(3)

# %% tags=["needs:actions"]
assert not ((effects.set_index("play").treated_rate - by_arm.treat).abs() > 1e-9).any()
chapter.show(churn.tested_offer_table(effects))

# %% [markdown] tags=["lesson", "needs:actions"]
# The half-price offer does wake customers: {{ effects.treated_rate.iloc[-1] | percent }} buy, against
# {{ effects.control_rate.iloc[-1] | percent }} without it. Whoever counts only those who came back calls that a success. But
# {{ effects.control_rate.iloc[-1] | percent }} would have come anyway, and now paid half. What is left is
# {{ effects.profit.iloc[-1] | money.2 }} each, and the range holds zero.

# %% [markdown] tags=["needs:actions"]
# Perhaps it pays for *some*? We ask the model for each customer's risk on the day before the draw, and cut the test into
# thirds. Chance drew within each third, too, so each is a test of its own. The ranges allow for looking three times.

# %% tags=["needs:actions"]
by_risk = churn.effect_by_risk(actions, orders, model, effects=effects, tables=tables, **asked)
chapter.show(churn.plot_effect_by_risk(by_risk))

# %% [markdown] tags=["needs:actions"]
# Rank people for an offer by what it *changes*, at the careful end of its range, and never by their risk alone. This test does
# not settle whether risk and effect go together: the ranges of the thirds overlap. Without a test, nobody knows that number. Then the right next step is a test.

# %% [markdown]
# ## A threshold in money
#
# Suppose that a contact costs something, keeps a share of those who would leave (`success`), and that each of them then
# brings something (`saved`). Contacting pays where *risk × success × saved* is more than the cost. So the risk must be above
# *cost / (success × saved)*. Here are numbers for an example; put in your own.

# %%
example = {"cost": 10.0, "saved": 150.0, "success": 0.1}
round(example["cost"] / (example["success"] * example["saved"]), 3)

# %%
gains = churn.gain_by_threshold(risks, **example)
chapter.show(churn.plot_gain(gains, **example))

# %% [markdown]
# The curve is flat near its top, so the exact threshold does not matter much. The three numbers do. Of these, `success` is
# nearly always a guess. It is the number that only a test gives.

# %% [markdown] tags=["lesson", "needs:actions"]
# What would Aurora's half-price test put in? It brought {{ 100 * effects.effect.iloc[-1] | number.1 }} points more buyers for
# {{ effects.profit.iloc[-1] | money.2 }} a head. Divide: each *additional* buyer left
# {{ effects.profit.iloc[-1] / effects.effect.iloc[-1] | money }} after all costs, because the others took the half price, too.
# With such a number, no threshold makes anybody rich.

# %% [markdown]
# ## Who comes back without help
#
# Customers come back by themselves. So every rate of "won back" holds people who would have come anyway. How many are these?
# We take everybody whose silence passed the line, and follow them for the days of `within`.

# %%
optional = {"actions": chapter.table("actions"), "tickets": chapter.table("tickets")}
silent = churn.silent_customers(
    orders, **optional, as_of=as_of, silent_after=line, within=within, margin=margin, sla_hours=sla_hours
)
rates = churn.win_back_rates(silent)

# %%
chapter.show(churn.win_back_table(rates, within=within, silent_after=line))

# %% [markdown]
# Coming back here means within `within` days; a monthly win-back rate, as on the scorecard, is smaller. The row *without
# help* is the bar for every win-back. Without a record of offers, nobody knows who had help, and the table
# says so. What a returned customer brings is counted from the purchase that ended the silence.

# %% [markdown] tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
# Does coming back depend on what had happened before?

# %% tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
by_known = churn.win_back_rates(silent, by="known")
chapter.show(churn.win_back_table(by_known, within=within, silent_after=line))

# %% [markdown]
# ## An early warning
#
# Past the line it is late. Earlier, we can see a customer who bought more than once fall silent for twice the usual gap. We
# put everybody's risk beside what they brought in a year. The model scores all customers in the database, however many.

# %%
today = churn.features(churn.moments(orders, as_of=as_of), orders, **tables, sla_hours=sla_hours)
customers = churn.customer_risks(
    churn.with_risk(today, model), orders, as_of=as_of, silent_after=line, margin=margin
)
groups = churn.risk_by_value(customers)

# %%
chapter.show(churn.plot_risk_by_value(groups))

# %%
warned = churn.warned_customers(customers)
warned.drop(columns="customer_id").head(4).round(2)

# %% [markdown]
# This is a list to look at, sorted by risk × value. It is no list of people whom a call would keep: that is not known until
# somebody tests it.

# %% [markdown] tags=["needs:subscriptions.price"]
# ## Subscriptions: where leaving is seen
#
# Contracts end on a day, so here we count. **Monthly recurring revenue** (MRR) is the price of one month of all that runs.
# Five things move it: new customers, returned ones, those who take more, those who take less, and those who leave. Here are
# the first and the last month of the year:

# %% tags=["needs:subscriptions.price"]
contracts = chapter.table("subscriptions")
movements = churn.recurring_movements(contracts, as_of=as_of).to_pandas()
movements.tail(12).iloc[::11, :8].set_index("month").round(2)

# %% tags=["needs:subscriptions.price"]
moved = movements[["new", "returned", "expansion", "contraction", "churned"]].sum(axis=1)
assert ((movements.at_start + moved - movements.at_end).abs() < 0.01).all()

# %% tags=["needs:subscriptions.price"]
chapter.show(churn.plot_movements(movements))

# %% [markdown] tags=["needs:subscriptions.price"]
# Growth hides leaving: new customers fill what others leave empty. So we also ask what is left of **last year's** customers.
# **Logo churn** counts customers, **net revenue retention** counts their money, with all that they took more or less of.

# %% tags=["needs:subscriptions.price"]
kept = churn.revenue_retention(contracts, as_of=as_of)
kept[["customers", "lost", "logo_churn", "at_start", "at_end", "gross_retention", "net_retention"]].round(3)

# %% [markdown] tags=["lesson", "needs:subscriptions.price"]
# Aurora's MRR has grown over the year. But of {{ kept.customers.item() | number }} subscribers of a year ago,
# {{ kept.lost.item() | number }} are gone, and {{ kept.net_retention.item() | percent }} of their money is left. Which of the two
# numbers would you show first?

# %% [markdown]
# When a contract is likely to end, and what that will cost, is in chapter 05: it projects contracts by their age.
#
# ## How sure
#
# - Rates have Wilson intervals, and differences of rates Newcombe's.
# - Models are judged on a later day that they had not seen. Their ranges come from drawing its customers anew.
# - Differences between customers who chose (complaints, discounts) are **estimated**: they may differ in more than we see.
# - Only what chance drew is **tested**.

# %%
judged[["model", "auc", "low", "high", "brier_gain", "gain_low", "gain_high"]].round(4)

# %% [markdown]
# ## What to do
#
# Here is what the chapter concludes: a finding, the money where it can be named, how sure it is, and what to do.

# %%
chapter.conclude(
    churn.finding_early_warning(warned, groups, judged, within=within),
    churn.finding_came_back(rates, within=within, silent_after=line),
)

# %% tags=["needs:actions"]
chapter.conclude(churn.finding_tested_offer(effects))

# %% tags=["needs:tickets.is_complaint", "needs:tickets.resolved_at"]
amends = churn.waiting_for_amends(complaints, orders, as_of=as_of, margin=margin).to_pandas()
chapter.conclude(churn.finding_slow_complaints(slow, amends, within=complaint_days, sla_hours=sla_hours))

# %% tags=["needs:subscriptions.price"]
chapter.conclude(churn.finding_recurring(kept))

# %% [markdown]
# ## Pitfalls
#
# **A feature that looks past its day.** We give the model one thing more: how many purchases each customer has made *until
# today*. It is in every customer table, so it is easily taken. What happens to the AUC?

# %%
total = churn.silence_on(orders, as_of=as_of).to_pandas().set_index("customer_id").purchases
peeking = {name: frame.assign(purchases=frame.customer_id.map(total)) for name, frame in seen.items()}
cheated, _ = churn.judge(peeking["train"], peeking["test"])

# %%
pd.DataFrame({"honest": judged.set_index("model").auc, "peeking": cheated.set_index("model").auc}).round(3)

# %% [markdown]
# If a model looks too good, look for the future in it. In real use, nobody has tomorrow's purchases.
#
# **A win-back rate without a control.** Of those who got an offer, some came back. Without the others, that rate says
# nothing: look again at the row *without help* above.
#
# **Reasons from those who left.** To ask only the leavers what annoyed them says nothing either. Perhaps those who stayed
# were annoyed as often. Every sign needs the others beside it, and others who are alike.
#
# **A risk is no effect.** A list sorted by risk begins with those who are gone.
#
# ## Summary
#
# - Say first what leaving means. Contracts end on a day; shoppers fall silent, and every line gives false alarms.
# - Compare rules at the same number of flagged customers. The cleverer rule need not win.
# - A model learns from an earlier day and is tested on a later one. No feature may look past its day.
# - Use a risk as a probability only if it is calibrated.
# - Plain shares of reasons deceive, because frequent buyers do more of everything. Compare like with like.
# - Who is likely gone is not who can be changed. Only a test tells, and only what is left after its cost counts.
# - Customers come back without help. Hold every win-back rate against that.
# - Growth of recurring revenue hides leaving: ask what is left of last year's customers.
#
# ## Glossary
#
# - **Churn, leaving**: not buying within a time; of contracts, their end (流失).
# - **False alarm**: flagged as leaving, and came back (误报).
# - **Overdue**: a silence counted in the customer's own usual gaps (逾期).
# - **Hazard**: of those who still wait, the share for whom it happens now (风险率).
# - **Odds, odds ratio**: the chance to buy divided by the chance not to; by what it is multiplied (优势比).
# - **AUC, Brier score, lift**: how well a risk ranks, how far off it is, and what its top tenth holds (提升度).
# - **Calibration**: of those with a risk of 80%, 80% leave (校准).
# - **Cox model, proportional hazards**: what multiplies the hazard, and that it is the same early and late (比例风险).
# - **Arm**: one of the groups that chance has drawn: treated, or left alone (试验组, 对照组).
# - **Effect, uplift**: what an offer changes, against those left alone (增量效果).
# - **MRR**: monthly recurring revenue, the price of one month of all contracts that run (月度经常性收入).
# - **Logo churn, net revenue retention**: customers lost; money left of last year's customers (净收入留存率).
#
# **On to the exercises:** [practice notebook](exercises/06_churn_exercises.ipynb).
