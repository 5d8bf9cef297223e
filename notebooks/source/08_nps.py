# ---
# jupyter:
#   crmlib:
#     title: Net promoter score
#     question: How many customers would recommend us, what would raise that number, and what is it worth?
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
# **The manager's question:** how many customers would recommend us, what would raise that number, and what is it worth?
#
# *"How likely are you to recommend us to a friend or colleague?"* It is one question, answered from 0 to 10. Few numbers
# are reported so often with so little care: to one decimal, without saying how many answered or who did not.
#
# ## What you will be able to do
#
# - compute the score, with a range that you can trust even when few people answer;
# - tell a signal from noise in its trend, and in a ranking of shops or channels;
# - see how the silent distort the score, repair what can be repaired, and say what cannot;
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
themes_file: str = ""  # a YAML file of themes beside the configuration; empty: the kit's

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib
from crmlib.lifecycle import nps

chapter = crmlib.begin("08_nps", client, run)

# %% [markdown]
# ## What data this needs
#
# The chapter needs the answers: when they were given, and the score. Other tables add detail. Customers tell us who
# answered, orders what they bought, and comments why. The most valuable one is missing most often: a record of **who was
# asked**. Without it, nobody can say whom a score speaks for.

# %%
answers = nps.answers(chapter.table("surveys"), as_of=chapter.as_of).to_pandas()
answers[["answered_at", "score"]].tail(3)

# %% [markdown] tags=["lesson"]
# Aurora Beauty runs twelve shops and a web shop. In two years {{ len(answers) | count }} answers came in, from
# {{ answers.respondent.nunique() | count }} customers.

# %% [markdown]
# ## Look at one customer first
#
# This is the customer who answered most often:

# %%
somebody = answers.groupby("respondent").size().nlargest(1).index
one = answers[answers.respondent.isin(somebody)]
one[["answered_at", "score", "category"]].reset_index(drop=True)

# %% [markdown]
# A customer who answers 9 or 10 is a **promoter**. One who answers 7 or 8 is a **passive**, and 0 to 6 makes a
# **detractor**. The same person may answer differently next time, although nothing has happened. Such scatter is in every
# answer, and so in every score.
#
# ## The score by hand
#
# The **net promoter score** (NPS) is the share of promoters less the share of detractors, in points from −100 to 100.

# %%
promoters, detractors = (answers.score >= 9).mean(), (answers.score <= 6).mean()
round(float(100 * (promoters - detractors)), 2)

# %% [markdown]
# ## The same with the library
#
# `scores` computes the same, for any grouping, and adds a range. The two agree:

# %%
overall = nps.scores(answers)
overall[["answers", "nps", "nps_low", "nps_high"]].round(2)

# %%
assert abs(overall.nps - 100 * (promoters - detractors)).lt(1e-9).all()

# %% [markdown] tags=["lesson"]
# Of all Aurora's answers, {{ promoters | percent }} are 9 or 10 and {{ detractors | percent }} are 0 to 6. The difference
# makes {{ overall.nps[0] | number.1 }} points. How far should you trust that decimal? That is the next question.

# %% [markdown]
# ## How sure: the interval
#
# Each answer counts 1, 0 or −1, and the score is the mean of these. The textbook range of a mean (after Wald) fails where
# you need it most. Ask five customers and hear "10" five times: it says 100, plus or minus nothing.
#
# Let us look at ten customers, each with one answer, the latest. Write p for their share of promoters and d for that of
# detractors, so that the mean is p − d. The squares of the answers are 1 or 0, and their mean is p + d. The **variance**, the
# mean square less the square of the mean, is therefore p + d − (p − d)². It says how far single answers scatter. The mean
# of n answers scatters less: its **standard error** is the root of variance / n. In 95 of 100 samples the mean lies
# within 1.96 standard errors of the truth.

# %%
ten = answers.drop_duplicates("respondent", keep="last").head(10)
n, p, d = ten.score.count(), (ten.score >= 9).mean(), (ten.score <= 6).mean()
half = 1.96 * ((p + d - (p - d) ** 2) / n) ** 0.5
plain = [round(float(100 * end), 1) for end in (p - d - half, p - d + half)]
plain

# %% [markdown]
# The **adjusted Wald interval** repairs this with a trick that anybody can follow. *Pretend that three more people had
# answered*: three quarters of a promoter, three quarters of a detractor, one and a half passives. Before you run the
# cell: in which direction will the range move?

# %%
n = len(ten) + 3
p, d = ((ten.score >= 9).sum() + 0.75) / n, ((ten.score <= 6).sum() + 0.75) / n
half = 1.96 * ((p + d - (p - d) ** 2) / n) ** 0.5
adjusted = [round(float(100 * end), 1) for end in (p - d - half, p - d + half)]
adjusted

# %% [markdown] tags=["lesson"]
# The plain range ends at {{ plain[1] | number.1 }} points, on a scale that ends at 100. The adjusted one runs from
# {{ adjusted[0] | number.1 }} to {{ adjusted[1] | number.1 }}: the three who were made up draw it towards zero.

# %% [markdown]
# The library gives the same range, and cuts off what lies beyond the scale:

# %%
nps.scores(ten)[["nps_low", "nps_high"]].round(1)

# %% [markdown]
# A range of 95 % promises to hold the true score 95 times in 100. We can check the promise exactly: list all answers that
# could come in, and count how often the range holds the truth. We use the shares of these data as the truth.

# %%
coverage = nps.coverage(promoters, detractors)
coverage.round(3)

# %% [markdown] tags=["lesson"]
# With {{ coverage.answers[0] | number }} answers the plain range holds the truth in {{ coverage.plain[0] | percent.1 }} of all
# cases, and the adjusted one in {{ coverage.adjusted[0] | percent.1 }}. With {{ coverage.answers[1] | number }} it is
# {{ coverage.plain[1] | percent.1 }} and {{ coverage.adjusted[1] | percent.1 }}.

# %% [markdown]
# The plain range keeps its promise only with many answers. The adjusted one comes near it even with few.
#
# The library does one more thing. *Two answers of one customer are not two customers.* The column `effective_answers` says
# how many independent answers a table is worth, and the range is computed from that number.

# %%
overall[["answers", "customers", "effective_answers"]].round(0)

# %% [markdown]
# ## The picture: a trend is mostly noise
#
# Suppose that nothing changes at all. The score still moves from period to period, because other people answer. A
# **control chart** (Shewhart) shows how far. Each period gets **control limits** around the mean of all, wider where fewer
# people answered. Inside the limits there is nothing to explain. A point outside is a **signal**; so are eight points in a
# row on one side of the mean.

# %%
trend = nps.trend(answers, as_of=chapter.as_of, period=period)
chapter.show(nps.plot_trend(trend, period=period))

# %% [markdown]
# Between two points we want to draw a line, and behind the line we want a reason. Look at the change from one period to the
# next first, with its range. Where the range holds zero, there may be no change at all.

# %%
trend.set_index("period")[["nps", "change", "change_low", "change_high"]].tail(4).astype(float).round(1)

# %% [markdown]
# Slow movements need another look: a straight line through all periods, in points a year.

# %%
drift = nps.drift(trend)
drift.round(1)

# %% [markdown]
# `points_a_year` is the slope of that line. As long as its range holds zero, the score may as well stand still.

# %% [markdown]
# ## By segment and touchpoint
#
# Who scores high, who low? We write beside each answer what we know of the customer: the channel that won them, their
# tier, the shop of their last purchase, and their last contact before the answer. From here on, "today" means the last 365
# days (parameter `recent_days`).

# %%
recent = nps.answers(chapter.table("surveys"), as_of=chapter.as_of, days=recent_days).to_pandas()
known = {name: chapter.table(name) for name in ("customers", "orders", "tickets")}
described = nps.with_traits(recent, **known)

# %%
groups = nps.groups(described, dimensions=[name.strip() for name in dimensions.split(",")])
chapter.show(nps.plot_groups(groups))

# %% [markdown]
# Three precautions are built in. Groups with fewer than 30 customers are drawn open and never judged. The more groups we
# compare, the more will differ by chance, so all are judged together (Holm). And each score is also shown **shrunk**: drawn
# towards the mean, the more so the fewer answered. The short lines mark it. If you must rank, rank by it.
#
# A range may miss the line of all although its group is not coloured. Both are true. The range speaks for its group
# alone, and among twenty groups that are alike, one such range misses the line by chance. The colour speaks for all
# groups at once, and chance colours none of them in 95 of 100 such pictures.

# %%
chapter.show(nps.plot_groups(groups, briefly=True))

# %% [markdown]
# The second picture is the one for the manager. It draws only the kind of group in which one stands out. These are the first
# rows of the table behind both:

# %%
groups[["group", "customers", "nps", "nps_shrunk", "differs"]].head(6).round({"nps": 1, "nps_shrunk": 1})

# %% [markdown]
# Compare `nps` with `nps_shrunk`: the fewer customers a group has, the further its score moves to the middle. `differs` says
# whether it is `above` or `below` the others beyond chance; `unknown` marks a small base.

# %% [markdown]
# ## Who did not answer
#
# Most people who are asked keep silent, and the silent are not like the others. Where every request is on record, we can see
# who they are. An answer belongs to a request if it came within 14 days (parameter `answer_days`).

# %%
asked = {"kind": request_kind, "campaign": request_campaign, "within_days": answer_days}
people = {name: chapter.table(name) for name in ("customers", "orders", "loyalty")}
requests = nps.requests(chapter.table("touches"), answers, as_of=chapter.as_of, **people, **asked)

# %% tags=["needs:touches"]
rates = nps.response_rates(requests)
rates.round({"response_rate": 3, "rate_low": 3, "rate_high": 3})

# %% [markdown] tags=["needs:touches"]
# Where the rates differ, some customers speak louder than others. **Weighting** gives them the same voice. If one in four
# of a kind answers, each answer stands for four people who were asked. A logistic model of these traits estimates the
# **response propensity**; the weight is its inverse. Very large weights are cut, because a few voices should not decide.

# %% tags=["needs:touches"]
weighted = nps.weigh(answers, requests, nps.response_model(requests))
weighted.weight.describe()[["min", "50%", "max"]].round(2)

# %% [markdown] tags=["needs:touches", "lesson"]
# The middle answer (50%) stands for {{ weighted.weight.median() | number.1 }} customers who were asked, and the one with the
# largest weight for {{ weighted.weight.max() | number.1 }}: customers like this one hardly ever answer.

# %% [markdown] tags=["needs:touches"]
# By hand, the weighted score is a weighted mean and no more:

# %% tags=["needs:touches"]
by_weight = 100 * (weighted.net * weighted.weight / weighted.weight.sum()).sum()
round(float(by_weight), 1)

# %% tags=["needs:touches"]
nps.scores(weighted)[["answers", "effective_answers", "nps", "nps_low", "nps_high"]].round(1)

# %% [markdown] tags=["needs:touches"]
# Weights cost certainty: compare `effective_answers` with `answers`. And they repair only what we can see. Perhaps, among
# customers who look alike, the satisfied answer more readily. No weight knows that. So we say what would follow: the score
# if promoters were 1.25, 1.5 or 2 times as ready to answer as detractors who look alike.

# %% tags=["needs:touches"]
silence = nps.non_response(nps.weighted_where_known(recent, requests))
chapter.show(nps.plot_non_response(silence))

# %% [markdown] tags=["needs:orders", "needs:customers.tier"]
# What if nobody recorded who was asked? Then we can at least give every segment its share in the **customer base**
# (post-stratification). This repairs the mix of segments and nothing within them. Here we do it by tier, with the answers
# of today. Where requests are on record, read the weighted score.

# %% tags=["needs:orders", "needs:customers.tier"]
base = nps.active_customers(chapter.table("orders"), as_of=chapter.as_of, customers=chapter.table("customers")).to_pandas()
stratified = nps.post_stratify(described, base, by=["tier"])
by_tier = nps.scores(stratified)
by_tier[["answers", "effective_answers", "nps", "nps_low", "nps_high"]].round(1)

# %% [markdown] tags=["needs:touches", "needs:orders", "needs:customers.tier", "lesson"]
# Tiers alone bring the score from {{ silence.nps[0] | number.1 }} to {{ by_tier.nps[0] | number.1 }} points, and the weights to
# {{ silence.nps[1] | number.1 }}. They also know the channel and the last purchase.

# %% [markdown]
# ## What drives the score
#
# Beside the score, customers rate single things. Which of them matter? We ask two questions.
#
# - *When a rating is one point higher, how much higher is the score?* An **ordered logit** treats the score as an order of
#   answers and not as a quantity. It speaks of **odds**: the chance of a higher score over the chance of no higher one.
#   Odds of 3 are a chance of three in four. A `coefficient` is what one point more adds to the logarithm of the odds (their **logit**).
#   `odds_ratio` says the same more plainly: by how much one point more multiplies the odds.
# - *Which rating matters most?* **Relative importance** (Johnson's weights) shares out what the ratings explain together,
#   fairly even where they go hand in hand.

# %%
drivers = nps.drivers(answers)
drivers[["driver", "mean_rating", "coefficient", "coefficient_low", "coefficient_high", "odds_ratio"]].round(2)

# %% [markdown]
# A coefficient of zero, or an odds ratio of 1, says that the rating goes with nothing. The picture adds the second question:

# %%
chapter.show(nps.plot_drivers(drivers))

# %% [markdown]
# Begin in the upper left: important, and rated low. The lines are the means of all drivers. A grey driver is not clear,
# because its range crosses one of them. The next table says what is in it. By how many points would the score be
# higher, if everyone who rated the thing below the top had rated it one point higher?

# %%
drivers[["driver", "importance", "nps_gain", "nps_gain_low", "nps_gain_high"]].round(2)

# %% [markdown]
# Remember what this is: a pattern within one questionnaire. People in a good mood rate everything higher (a **halo**). The
# table shows where to try. Only a trial shows what a change brings (chapter 11).

# %% [markdown] tags=["needs:surveys.comment"]
# ## In their own words
#
# We cut comments into **terms** in a way that works in any language. Where words have spaces between them, a term is a word.
# Where they have none, it is a pair of characters.

# %% tags=["needs:surveys.comment"]
nps.terms_of("The app is slow"), nps.terms_of("小程序太慢")

# %% [markdown] tags=["needs:surveys.comment"]
# Which terms do detractors use and promoters not? The **log odds** of each term tell: above zero, detractors use it more;
# below zero, promoters do. Rare terms are held towards zero. Read a term in its `example`, the shortest comment that holds
# it, of those who use it more.

# %% tags=["needs:surveys.comment"]
telling = nps.telling_terms(answers, most=8)
telling[["example", "term", "detractor_comments", "promoter_comments", "log_odds"]].round(1)

# %% [markdown] tags=["needs:surveys.comment", "lesson"]
# If you do not read Chinese: 质量 is *quality*, 包装 *packaging*, 坏了 *broken*, 没什么效果 *without much effect*, 排队 *queueing*, 面膜
# *mask*, 过敏 *allergy*, 服务态度差 *bad service manners*, 推销 *pushing products*, and 很好 *very good*. So Aurora's detractors
# write of poor quality and of queues. `term` joins the pairs that always occur together, with gaps between them.

# %% [markdown] tags=["needs:surveys.comment"]
# And what do comments speak of? A list of **themes** lets us count. It is a YAML file that you edit for the client
# (parameter `themes_file`). One comment may speak of several themes, so the shares can add up to more than 100 %.

# %% tags=["needs:surveys.comment"]
rules = nps.theme_rules(chapter.client.beside(themes_file))
themes = nps.themes(recent, rules=rules)
chapter.show(nps.themes_table(themes, labels=rules.labels))

# %% [markdown] tags=["needs:surveys.comment", "lesson"]
# The typical complaints say *allergy after using the mask*, *the staff are not competent*, *queued too long*, *too expensive*,
# and *the app crashes often*. A theme holds praise as well: *the queue moves fast* is also about waiting.

# %% [markdown] tags=["needs:surveys.comment"]
# Without a list, the comments themselves say which terms go together. These **topics** are rougher, but they find what
# nobody has thought of. Each language makes its own topics.

# %% tags=["needs:surveys.comment"]
topics = nps.topics(answers)
topics[["topic", "example", "terms", "answers", "nps"]].round(0)

# %% [markdown] tags=["needs:surveys.comment", "lesson"]
# In these topics 专业 is *expert*, 服务 *service*, 质量 *quality*, 推荐 *recommend*, 朋友 *friend*, 热情 *warm*, 耐心 *patient*, 不用等 *no
# waiting*, 很快 *quickly*, 好用 *works well*, 变好 *became better*, 精华 *serum*, 效果 *effect*, and 明显 *visible*. A topic can mix
# praise and blame of the same thing; its `nps` tells which prevails.

# %% [markdown]
# Strangers write comments. Whatever we show of them is made harmless. Here a comment begins like a formula, makes a word
# bold, and names a telephone number:

# %%
from crmlib.words import quotation

quotation("=2+3 <b>Too slow!</b> Please call 138-0013-8000")

# %% [markdown]
# The apostrophe keeps a spreadsheet from computing the formula. The tag is plain text now, and the number is gone.
#
# ## What it is worth
#
# *"Promoters spend more"* is said of every NPS programme. Compared with whom? Everyone who answers has a history, and those
# who bought much before will buy much again, whatever they answer. So we take the answers that could be followed for 180
# days (parameter `later_days`) and look at revenue before and after.

# %%
later = nps.later_revenue(answers, chapter.table("orders"), as_of=chapter.as_of, days=later_days)

# %% [markdown] tags=["needs:orders"]
# `revenue_before` is a customer's revenue in the 365 days before the answer, and `revenue_after` that of the 180 days after
# it. The two spans differ, so compare customers within a column, and never one column with the other.

# %% tags=["needs:orders"]
worth = nps.later_by_category(later)
worth[["category", "customers", "revenue_before", "revenue_after", "revenue_low", "revenue_high"]].round(1)

# %% [markdown] tags=["needs:orders"]
# If the categories already differ before, a difference afterwards says little. The second estimate compares customers with
# equal earlier purchases: revenue, orders, and time since the last.

# %% tags=["needs:orders"]
chapter.show(nps.plot_later_revenue(worth, days=later_days))

# %% [markdown] tags=["needs:orders"]
# One more number: how much less do detractors spend than others who had bought as much? `shortfall` is what the others
# spend more. Below zero, detractors spend more.

# %% tags=["needs:orders"]
shortfall = nps.shortfall(later)
shortfall.round(1)

# %% [markdown] tags=["needs:orders", "lesson"]
# At equal earlier purchases Aurora's detractors spent {{ -shortfall.shortfall[0] | money }} **more** than the others. The range
# of `shortfall`, {{ shortfall.shortfall_low[0] | money }} to {{ shortfall.shortfall_high[0] | money }}, holds zero.

# %% [markdown] tags=["needs:orders"]
# If the range holds zero, the difference is not proven. That does not mean there is none. And even a clear difference is an
# **association**: it does not say that lifting the score lifts revenue.

# %% [markdown]
# ## Close the loop
#
# Whatever the money says, you can talk to those who are not content. From here on the weighted answers speak where we have
# them, and the plain ones elsewhere.

# %%
speaking = nps.weighted_where_known(recent, requests)

# %% [markdown] tags=["needs:orders"]
# Here is everybody who answered in the last year, with what they spent; the least content come first. Below are the
# detractors among them, with what they write about: the list to call. Those who spend most stand first.

# %% tags=["needs:orders"]
standing = nps.standing(recent, chapter.table("orders"), as_of=chapter.as_of)
standing[["score", "category", "revenue", "orders"]].head(5).round(2)

# %% tags=["needs:orders"]
own_themes = nps.theme_rules(chapter.client.beside(themes_file))
people = nps.to_call(standing, rules=own_themes)
people[["value", "score", "wrote", "themes"]].head(5).round(2)

# %% [markdown]
# ## What to do
#
# Here is what the chapter concludes: a finding, the numbers it rests on, how sure it is, and what to do.
#
# A target is judged by the score as answered, because the scorecard (chapter 13) shows that one. If the weighted score
# leads to another verdict, the finding says it.

# %%
from crmlib.lifecycle import scorecard

target = scorecard.targets_of(chapter.client).get("nps")

# %%
score = nps.scores(speaking)
chapter.conclude(
    nps.finding_score(nps.scores(recent), weighted=score, target=target, days=recent_days),
    nps.finding_trend(trend, drift, period=period),
    nps.finding_groups(groups),
    nps.finding_driver(drivers),
)

# %% tags=["needs:touches"]
chapter.conclude(nps.finding_non_response(silence, rates, answers=len(answers)))

# %% tags=["needs:surveys.comment"]
chapter.conclude(nps.finding_theme(themes, labels=rules.labels))

# %% tags=["needs:orders"]
speakers = nps.standing(speaking, chapter.table("orders"), as_of=chapter.as_of)
exposed = nps.detractor_revenue(speakers, chapter.table("orders"), as_of=chapter.as_of)
detractors_today = float((score.detractors * exposed.active_customers).sum())

# %% tags=["needs:orders"]
chapter.conclude(
    nps.finding_detractors(people, exposed, labels=own_themes.labels),
    nps.finding_later_revenue(shortfall, detractors=detractors_today, days=later_days),
)

# %% [markdown]
# Each analysis needs a base. If some of them lack theirs, this table says which:

# %%
bases = nps.bases(answers, as_of=chapter.as_of, days=recent_days, requests=requests, later=later)
chapter.show(nps.bases_table(bases))

# %% [markdown]
# ## Pitfalls
#
# **A ranking of nothing.** We sort the answers into ten groups that mean nothing, by the last digit of their number. Then we
# rank these "shops". What do you expect?

# %%
nonsense = recent.assign(last_digit=recent.response_id.str[-1:])
ranking = nps.groups(nonsense, dimensions=["last_digit"])
ranking[["group", "customers", "nps", "nps_shrunk", "differs"]].round(1)

# %% [markdown] tags=["lesson"]
# The {{ ranking.nps.max() - ranking.nps.min() | number }} points between first and last are pure chance, yet people are
# praised or blamed for such gaps every month. The shrunk scores and the column `differs` do not fall for it.

# %% [markdown]
# **More of them:**
#
# - *Begging for tens.* Once bonuses depend on the score, staff ask for it. Then it measures asking.
# - *The mean of means.* The score of all is not the mean of the shops' scores, unless all have the same base.
# - *A new way of asking is a new score.* Another channel, moment or wording moves it by more than a year of work.
# - *Silence is not consent.* A low response rate costs certainty, and it bends the score.
# - *Keywords do not understand.* "No waiting at all" holds the word "wait". Look at the score of a theme, and read.
#
# ## Summary
#
# - NPS is promoters (9–10) less detractors (0–6), in points. It needs a range. The adjusted Wald interval comes near its
#   promise even with few answers.
# - Control limits tell signal from noise in a trend. A correction for many comparisons and shrinkage do so among groups.
# - Weighting repairs what we know of the silent. For the rest, say what would follow.
# - An ordered logit says what a rating goes with, and relative importance which rating matters most. Neither proves a cause.
# - Comments can be counted in any language: by themes that you list, and by terms and topics that nobody had to list.
# - Compare later revenue at equal earlier purchases, and only where the follow-up is complete.
#
# ## Glossary
#
# - **Promoter, passive, detractor**: a customer who answers 9–10, 7–8, or 0–6; an answer with a fraction counts as the whole
#   number below it, 9.5 as 9 and 6.5 as 6 (推荐者, 中立者, 贬损者).
# - **Net promoter score**: share of promoters less share of detractors, times 100 (净推荐值).
# - **Adjusted Wald interval**: the range after three made-up answers are added.
# - **Effective answers**: how many independent, equal answers a table of repeated or weighted ones is worth (有效样本量).
# - **Control limits**: the range within which a score moves by chance (控制限).
# - **Shrinkage**: drawing estimates from small bases towards the mean (收缩估计).
# - **Response propensity**: the probability that somebody who is asked answers (应答倾向).
# - **Post-stratification**: weighting answers to give segments their shares in the customer base (事后分层).
# - **Standard error**: how far an estimate scatters from sample to sample (标准误).
# - **Odds**: the chance that something happens over the chance that it does not (几率); their logarithm is the **logit**.
# - **Ordered logit**: a regression for answers that have an order but no distances (有序逻辑回归).
# - **Relative importance**: each driver's share in what all drivers explain (相对重要性).
# - **Close the loop**: to go back to the customer who answered, and say what was done (闭环).
#
# **On to the exercises:** [practice notebook](exercises/08_nps_exercises.ipynb).
