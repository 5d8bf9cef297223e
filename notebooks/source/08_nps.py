# ---
# jupyter:
#   crmlib:
#     title: Net promoter score
#     question: How many customers would recommend us, what would make it more, and what is it worth?
#     minutes: 70
#     needs:
#       surveys: [answered_at, kind, score]
#     optional:
#       surveys: [customer_id, touchpoint, comment]
#       touches: [kind]
#       customers: [channel, tier, region]
#       orders: [customer_id, ordered_at, amount]
#       loyalty: [tier]
#       tickets: [opened_at, is_complaint]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 Net promoter score
#
# **The manager's question:** how many customers would recommend us, what would make it more, and what is it worth?
#
# *"How likely are you to recommend us to a friend or colleague?"* One question, answered from 0 to 10. Few
# numbers are reported so often with so little care: to the decimal, without a base, of those who happened to
# answer.
#
# ## What you will be able to do
#
# - compute the score and an interval that can be trusted, also for few answers;
# - tell a signal from noise in its trend, and in a ranking of shops or channels;
# - see how far those who kept silent distort it, repair what can be repaired, and say what cannot;
# - find what drives the score, in ratings and in the customers' own words, in any language;
# - check whether the score has anything to do with what customers spend afterwards.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
period: str = "quarter"  # of the trend: month, quarter or year
recent_days: int = 365  # how far back "the score today" looks
dimensions: str = "channel, tier, store, touchpoint, last_contact"  # by what the score is compared
request_kind: str = "survey_sent"  # the kind of touch by which customers were asked
request_campaign: str = ""  # beginning of the campaigns that asked for the score; empty: all of that kind
answer_days: int = 14  # within how many days after a request an answer belongs to it
later_days: int = 180  # for how long revenue is followed after an answer
themes_file: str = ""  # a YAML file of themes; empty: the one that comes with the kit

# %%
import crmlib
from crmlib.lifecycle import nps

chapter = crmlib.begin("08_nps", client, run)
answers = nps.answers(chapter.table("surveys"), as_of=chapter.as_of).to_pandas()

# %% [markdown]
# ## What data this needs
#
# The answers: when, and the score (table `surveys`, kind `nps`). Everything else makes the chapter richer: the
# customer behind the answer (to join orders, channel and tier), ratings of single things (`item_…`), the comment,
# and **who was asked** (touches of kind `survey_sent`). The last is missing most often, and costs most: without
# it nobody can say whom a score speaks for.

# %%
optional = {"customers": "customer_id", "orders": "customer_id", "tickets": "opened_at", "touches": "kind", "loyalty": "tier"}
tables = {name: chapter.table(name) if chapter.has(name, column) else None for name, column in optional.items()}

# %% [markdown]
# Two tables that the chapter will use later are made here, because they decide what is possible: everybody who
# was asked, and what customers bought before and after they answered. Then every analysis is held against the
# base that it needs.

# %%
known = {name: tables[name] for name in ("customers", "orders", "loyalty")}
asked = {"kind": request_kind, "campaign": request_campaign, "within_days": answer_days}
requests = nps.requests(tables["touches"], answers, as_of=chapter.as_of, **known, **asked)
later = nps.later_revenue(answers, tables["orders"], as_of=chapter.as_of, days=later_days)
bases = nps.bases(answers, as_of=chapter.as_of, days=recent_days, requests=requests, later=later)
bases

# %% [markdown]
# An analysis whose base is too small answers an empty table, and is left out below. If there is any, the report
# says which:

# %%
if not bases.enough.all():
    display(chapter.show_table(**nps.bases_table(bases), name="bases"))

# %% [markdown]
# ## Look at one customer first
#
# The customer who answered most often:

# %%
somebody = answers.groupby("respondent").size().nlargest(1).index
one = answers[answers.respondent.isin(somebody)]
one.assign(day=one.answered_at.dt.date)[["day", "score", "category"]].reset_index(drop=True)

# %% [markdown]
# Whoever answers 9 or 10 is a **promoter**, 7 or 8 a **passive**, 0 to 6 a **detractor**. The same person may
# answer otherwise the next time, even if nothing has happened. Such scatter is in every answer, and so in every
# score.
#
# ## The score by hand
#
# The **net promoter score** (NPS) is the share of promoters less the share of detractors, in points from −100 to 100:

# %%
promoter, detractor = answers.score >= 9, answers.score <= 6
year = answers.answered_at.dt.year.rename("year")
by_hand = (100 * (promoter.astype(int) - detractor.astype(int))).groupby(year).agg(["size", "mean"])
by_hand.round(2)

# %% [markdown]
# ## The same with the library
#
# `scores` does this for any grouping, and adds the interval:

# %%
import numpy as np

yearly = nps.scores(answers.assign(year=year), by=["year"])
assert np.allclose(yearly.nps, by_hand["mean"]) and list(yearly.answers) == list(by_hand["size"])
yearly.round(2)

# %% [markdown]
# ## How sure: the interval
#
# An answer counts 1, 0 or −1, and the score is the mean of these. The textbook interval of a mean (after Wald) is
# easy to compute, and fails where it is needed most: with few answers, or with a score near 100. Ask five
# customers, hear five times "10", and it says: 100, plus or minus nothing.
#
# The **adjusted Wald interval** repairs that with a trick that can be explained to anybody: *pretend that three
# more had answered*, three quarters of a promoter, three quarters of a detractor and one and a half passives.
# Here on one answer per customer:

# %%
one_each = answers.drop_duplicates("respondent", keep="last")
count = len(one_each) + 3
p, d = ((one_each.score >= 9).sum() + 0.75) / count, ((one_each.score <= 6).sum() + 0.75) / count
half = 1.96 * ((p + d - (p - d) ** 2) / count) ** 0.5
interval = max(100 * (p - d - half), -100), min(100 * (p - d + half), 100)
[round(float(end), 1) for end in interval]

# %%
library = nps.scores(one_each)[["nps_low", "nps_high"]]
assert len(one_each) < 2 or np.allclose(library, [interval], atol=0.01)
library.round(1)

# %% [markdown]
# Why this one? An interval promises to hold the true score 95 times in 100. Whether it does can be computed
# exactly, by going through all answers that could come in. Here for the shares of promoters and detractors in
# these data:

# %%
truth = nps.scores(answers).iloc[:1]
held = [nps.coverage(row.promoters, row.detractors) for row in truth.itertuples()]
held[0].round(3) if held else "no answers"

# %% [markdown]
# The plain interval keeps its promise only with many answers; the adjusted one keeps it, or nearly, from the
# beginning. A score test does as well, but cannot be explained in a sentence.
#
# The library does one more thing. *Two answers of one customer are not two customers*: `effective_answers` says
# how many independent answers a table is worth, and the interval is computed from that number.

# %%
nps.scores(answers)[["answers", "customers", "effective_answers"]].round(0)

# %% [markdown]
# ## The picture: a trend is mostly noise
#
# Suppose nothing changes at all. The score still moves from period to period, because other customers answer. A
# **control chart** (Shewhart) says how far: each period gets **control limits** around the mean of all, wider
# where fewer answered. Within the limits there is nothing to explain. A point outside, or eight in a row on one
# side of the mean, is a **signal**.

# %%
trend = nps.trend(answers, as_of=chapter.as_of, period=period)
drift = nps.drift(trend)
if len(trend):
    display(chapter.show(nps.plot_trend(trend, period=period), name="trend", table=trend))

# %% [markdown]
# Between two points one wants to draw a line, and behind the line one wants a reason. Look at the change from one
# period to the next, with its interval: where that holds zero, there may be no change to have a reason.

# %%
trend.set_index("period")[["nps", "change", "change_low", "change_high"]].tail(4).astype(float).round(1)

# %% [markdown]
# Slow movements need another look: a straight line through all periods, in points a year, with its interval.

# %%
drift.round(1)

# %% [markdown]
# ## By segment and touchpoint
#
# What is known of each customer is written beside the answer: who won them, their tier, the shop of their last
# purchase, and the last contact before they answered. From here on "today" means the answers of the parameter
# `recent_days`.

# %%
from datetime import timedelta

recent = answers[answers.answered_at.dt.date > chapter.as_of - timedelta(days=recent_days)]
described = nps.with_traits(recent, **{name: tables[name] for name in ("customers", "orders", "tickets")})
groups = nps.groups(described, dimensions=[name.strip() for name in dimensions.split(",")])
if len(groups):
    display(chapter.show(nps.plot_groups(groups), name="groups", table=groups))

# %% [markdown]
# Three precautions are built in. Groups with fewer than 30 customers are drawn open, and never judged. The more
# groups are compared, the more will differ by chance: so `differs` is judged for all of them at once (Holm). And
# each score is also given **shrunk**: drawn towards the mean, the more so the smaller its base. The tick marks
# show it; rank by it, if rank you must.

# %%
groups[["dimension", "group", "customers", "nps", "nps_shrunk", "differs"]].head(8).round({"nps": 1, "nps_shrunk": 1})

# %% [markdown]
# ## Who did not answer
#
# Usually most of those who are asked keep silent, and the silent are not like the others. Where every request was
# noted, one can see who they are:

# %%
rates = nps.response_rates(requests)
rates.round({"response_rate": 3, "rate_low": 3, "rate_high": 3})

# %% [markdown]
# Where the share of answers differs, some customers speak louder than others. **Weighting** gives them back the
# same voice: if one in four of a kind answers, each answer stands for four who were asked. A logistic model of
# these traits estimates the **response propensity**, and the weight is its inverse. Very large weights are cut,
# since a few voices should not decide.

# %%
model = nps.response_model(requests)
weighted = nps.weigh(answers, requests, model)
weighted.weight.describe()[["min", "50%", "max"]].round(2) if len(weighted) else "nobody noted who was asked"

# %% [markdown]
# By hand, the weighted score is a weighted mean, no more:

# %%
by_weight = 100 * (weighted.net * weighted.weight).sum() / max(weighted.weight.sum(), 1e-9)
assert all(np.allclose(score, by_weight) for score in nps.scores(weighted).nps)
nps.scores(weighted)[["answers", "effective_answers", "nps", "nps_low", "nps_high"]].round(1)

# %% [markdown]
# Weights cost certainty: compare `effective_answers` with `answers`. And they repair only what can be seen. If,
# among customers of the same channel, tier and purchases, the satisfied answer more readily, no weight knows. So
# we say what would follow: the score if promoters were 1.25, 1.5 or 2 times as ready to answer as detractors who
# look alike.

# %%
weighted_recent = weighted[weighted.answered_at.dt.date > chapter.as_of - timedelta(days=recent_days)]
silence = nps.non_response(weighted_recent)
if len(silence):
    display(chapter.show(nps.plot_non_response(silence), name="non_response", table=silence))

# %% [markdown]
# Where nobody noted who was asked, one can at least give every segment its share in the **customer base**
# (post-stratification). That repairs the mix of segments, and nothing within them. Here by tier, for comparison.
#
# If this score differs from the weighted one above, read the weighted one: it knows who was asked and kept silent, and
# looks at more traits than the tier. Mind that the one above is of all answers, this one of today's. Only where no
# request was noted is this the best there is; then say that it is corrected by tier and by nothing else.

# %%
if tables["orders"] is not None and "tier" in described.columns and len(described):
    base = nps.active_customers(tables["orders"], as_of=chapter.as_of, customers=tables["customers"]).to_pandas()
    stratified = nps.post_stratify(described, base, by=["tier"])
    display(nps.scores(stratified)[["answers", "effective_answers", "nps", "nps_low", "nps_high"]].round(1))

# %% [markdown]
# ## What drives the score
#
# Beside the score, customers rate single things. Which of them matter? Two questions, two answers:
#
# - *How much does a point more go with?* An **ordered logit** treats the score as what it is, an order of answers
#   and not a quantity. Its coefficients say how the odds of a higher score change with one point more of a
#   rating, all else equal.
# - *Which matters most?* **Relative importance** (Johnson's weights) shares out what the ratings explain
#   together, fairly also where they go hand in hand.

# %%
drivers = nps.drivers(answers)
drivers[["driver", "answers", "mean_rating", "coefficient", "coefficient_low", "coefficient_high"]].round(2)

# %%
if len(drivers):
    display(chapter.show(nps.plot_drivers(drivers), name="drivers", table=drivers))

# %% [markdown]
# Upper left: important, and rated low. That is where to begin. A driver whose interval crosses one of the lines is not
# clear, and drawn grey: it may stand on either side. The last columns say what is in it: how many
# points the score of these answers would be higher, if everyone who rated the thing below the top had rated it
# one point higher.

# %%
drivers[["driver", "importance", "importance_low", "importance_high", "nps_gain", "nps_gain_low", "nps_gain_high"]].round(2)

# %% [markdown]
# Mind what this is: a pattern within one questionnaire. Who is in a good mood rates everything higher (a
# **halo**). It shows where to try; what a change brings, only a trial shows (chapter 11).
#
# ## In their own words
#
# Comments are cut into **terms** that work in any language: words where words have spaces between them, pairs of
# characters where they have not.

# %%
nps.terms_of("The app is slow"), nps.terms_of("小程序太慢")

# %% [markdown]
# Which terms do detractors use that promoters do not? The **log odds** of each term, held towards zero where it
# is rare. Where words have no spaces between them, a term is a run of characters and may begin in the middle of a word:
# read it in its `example`, the shortest comment that holds it.

# %%
telling = nps.telling_terms(answers, most=12)
telling[["example", "term", "detractor_comments", "promoter_comments", "log_odds"]].round(1)

# %% [markdown]
# And what do comments speak of? With a list of **themes**, which is a YAML file that you edit for the client
# (`crmlib/lifecycle/nps/themes.yaml`), one can count:

# %%
themes = nps.themes(recent, rules=nps.theme_rules(themes_file))
if len(themes):
    display(chapter.show_table(**nps.themes_table(themes), name="themes"))

# %% [markdown]
# Without a list, the comments themselves say which terms go together: **topics**, by factorisation of the table
# of terms and comments. Rougher, but it finds what nobody has thought of. Each language makes its own topics.
# Read a topic by its `example`, the most typical comment.

# %%
topics = nps.topics(answers)
topics[["topic", "example", "terms", "answers", "nps"]].round(0)

# %% [markdown]
# Comments are written by strangers. Whatever is shown of them has been made harmless: no tags, no formulas that a
# spreadsheet would run, no addresses or telephone numbers.

# %%
nps.quotation('=HYPERLINK("http://x") <script>alert(1)</script> call 138-0013-8000')

# %% [markdown]
# ## What it is worth
#
# *"Promoters spend more"* is said of every NPS programme. Said after which comparison? Whoever answers today has
# a history, and those who bought much before will buy much again, whatever they answer. So we take the answers
# that could be followed for the full time, and look at revenue before and after:

# %%
worth = nps.later_by_category(later)
worth[["category", "customers", "revenue_before", "revenue_after", "revenue_low", "revenue_high"]].round(1)

# %% [markdown]
# If the categories differ before, a difference after says little. The second estimate compares customers with
# equal earlier purchases: revenue, orders, and time since the last.

# %%
if len(worth):
    display(chapter.show(nps.plot_later_revenue(worth, days=later_days), name="later_revenue", table=worth))

# %% [markdown]
# One more number, for the money at stake: what detractors spend less than others who had bought as much.

# %%
shortfall = nps.shortfall(later)
shortfall.round(1)

# %% [markdown]
# An interval that holds zero means: not shown. It does not mean that there is nothing. And even a clear
# difference is an **association**: it does not say that lifting the score lifts revenue.
#
# ## Close the loop
#
# Whatever the money says, those who are not content can be talked to. Everybody who answered, with what they
# spent in the last year, the least content first; the list is kept with the run.

# %%
standing = nps.standing(weighted_recent if len(weighted_recent) else recent, tables["orders"], as_of=chapter.as_of)
chapter.keep(standing[standing.category == "detractor"], name="detractors")
standing[["score", "category", "revenue", "orders"]].head(5).round(2)

# %% [markdown]
# ## What to do
#
# The findings, with the money at stake where it can be named. The score is the weighted one, if weights could be had;
# as answered, it is told beside it.

# %%
score = nps.scores(weighted_recent if len(weighted_recent) else recent)
plain = nps.scores(recent) if len(weighted_recent) else None
exposed = nps.detractor_revenue(standing, tables["orders"], as_of=chapter.as_of)
detractors = float((score.detractors.sum() * exposed.active_customers).sum())

# %%
chapter.conclude(
    nps.finding_score(score, target=chapter.client.targets.get("nps"), as_answered=plain, days=recent_days),
    nps.finding_trend(trend, drift, period=period),
    nps.finding_groups(groups),
    nps.finding_non_response(silence, rates, answers=len(answers)),
    nps.finding_driver(drivers),
    nps.finding_theme(themes),
    nps.finding_detractor_revenue(exposed),
    nps.finding_later_revenue(shortfall, detractors=detractors, days=later_days),
)

# %% [markdown]
# ## Pitfalls
#
# **A ranking of nothing.** Let us sort the answers into ten groups that mean nothing at all, by the last digit of
# their number, and rank these "shops":

# %%
nonsense = recent.assign(last_digit=recent.response_id.str[-1:])
ranking = nps.groups(nonsense, dimensions=["last_digit"])
ranking[["group", "customers", "nps", "nps_shrunk", "differs"]].round(1)

# %% [markdown]
# Between the first and the last lies a margin for which people are praised or blamed every month. Compare the
# shrunken scores, and read what `differs` says of it.
#
# **More of them:**
#
# - *Begging for tens.* Once bonuses hang on the score, staff ask for it. Then it measures asking.
# - *The mean of means.* The score of all is not the mean of the shops' scores, unless all have the same base.
# - *A new way of asking is a new score.* Another channel, moment or wording moves it by more than a year of work.
# - *Silence is not consent.* Low response rates do not only cost certainty, they bend the score.
# - *Keywords do not understand.* "No waiting at all" holds the word "wait": look at the score of a theme, and read.
#
# ## Summary
#
# - NPS is promoters (9–10) less detractors (0–6), in points. It needs an interval, and the adjusted Wald interval
#   holds what it promises, also for few answers.
# - Control limits tell signal from noise in a trend; a correction for many comparisons and shrinkage do so among
#   groups.
# - Weighting by response propensity repairs what is known of the silent. For the rest, say what would follow.
# - An ordered logit says what a rating goes with, relative importance which matters most; neither proves a cause.
# - Comments can be counted in any language: by themes you list, and by terms and topics that nobody had to list.
# - Compare later revenue at equal earlier purchases, and only where the follow-up is complete.
#
# ## Glossary
#
# - **Promoter, passive, detractor**: who answers 9–10, 7–8, 0–6 (推荐者, 中立者, 贬损者).
# - **Net promoter score**: share of promoters less share of detractors, times 100 (净推荐值).
# - **Adjusted Wald interval**: the interval after three made-up answers are added.
# - **Effective answers**: how many independent, equal answers a table of repeated or weighted ones is worth (有效样本量).
# - **Control limits**: the range within which a score moves by chance (控制限).
# - **Shrinkage**: drawing estimates from small bases towards the mean (收缩估计).
# - **Response propensity**: the probability that somebody who is asked answers (应答倾向).
# - **Post-stratification**: weighting answers so that segments have their shares in the customer base (事后分层).
# - **Ordered logit**: a regression for answers that have an order but no distances (有序逻辑回归).
# - **Relative importance**: each driver's share in what all drivers explain (相对重要性).
# - **Close the loop**: to go back to the customer who answered, and say what was done (闭环).
#
# **On to the exercises:** [practice notebook](exercises/08_nps_exercises.ipynb).
