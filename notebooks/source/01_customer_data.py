# ---
# jupyter:
#   crmlib:
#     title: Customer data
#     question: Can we trust our customer data, and what can we do with them?
#     minutes: 75
#     needs:
#     - orders: [ordered_at, amount]
#     - customers: [customer_id]
#     - leads: [created_at]
#     - spend: [spent_on, cost]
#     - touches: [touched_at]
#     - surveys: [answered_at]
#     - tickets: [opened_at]
#     - usage: [used_at]
#     - subscriptions: [started_at]
#     - loyalty: [at]
#     optional:
#       orders: [customer_id]
#       customers: [first_seen_at, channel, consent_email, consent_sms, consent_phone, consent_wechat]
#       order_lines: [product_id]
#       actions: [play]
#       leads: [customer_id]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Customer data
#
# **The manager's question:** can we trust our customer data, and what can we do with them?
#
# Every number of the later chapters stands on a few exports from the client's systems. In these exports rows are missing,
# or stand there twice. Money is written as text. One person has two records, and for some customers we do not know whether
# we may contact them. A finished chart shows none of this. Before we analyse anything, the data must account for
# themselves.
#
# ## What you will be able to do
#
# - see one customer from all sides, across all systems;
# - add up an intake: every row and every amount is accepted, repaired or quarantined;
# - read a quality score, and say what a weak column costs;
# - tell a gap in the data from a quiet time;
# - say what duplicate customers do to the numbers, and find them without merging strangers;
# - say whom you may contact, and how much revenue that is;
# - say which analyses these data allow.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
customer: str = ""  # the customer who is looked at first; empty: the one known from most sides
split_share: float = 0.05  # the share of buyers who get a second id, to see what that does
check_rows: int = 50  # how many orders are drawn to be looked up in the source system
seed: int = 1  # of the random draws

# %% [markdown]
# We open the chapter on a client's data. Its settings stand in the folded cell above; each is explained where it is used.

# %%
import crmlib
from crmlib.lifecycle import customer_data

chapter = crmlib.begin("01_customer_data", client, run)

# %% [markdown]
# ## What data this needs
#
# Any table is enough to begin with. The chapter has most to say where there are orders, with their customer, their time
# and their amount. Other tables add detail: who the customers are, what they allow, and what else happened with them.
# With the tables comes the **account**, which the intake kept of all that it read.

# %%
orders, customers = chapter.table("orders"), chapter.table("customers")
as_of, account = chapter.as_of, chapter.account

# %% [markdown]
# The tables stay in the database, however large they are: `chapter.table` hands out a table of **Ibis**, and `to_pandas()`
# fetches a result where we want to look at its rows. Small tables, such as those of the account, are pandas from the start.

# %%
tables = {name: chapter.table(name) for name in account["tables"]}
list(tables)

# %% [markdown]
# ## Look at one customer first
#
# A company knows a customer from several systems, and each system knows its part. We put all parts under one id, in the
# order of time. This is the **360° view**. We take the customer who is known from most systems. The parameter `customer`
# names another.

# %%
events = customer_data.events(tables, as_of=as_of)
one = customer_data.timeline(events, customer or customer_data.best_known(events))
chapter.show(customer_data.timeline_table(one))

# %%
chapter.show(customer_data.plot_timeline(one))

# %% [markdown] tags=["lesson"]
# Read it from left to right, and it is a story: won, bought, asked, silent, back. Aurora Beauty knows this customer from
# {{ one.kind.nunique() | count }} tables, with {{ len(one) | count }} events. No single system tells the story.

# %% [markdown]
# Note what is *not* here: no name, no phone number, and none of the customer's own words. We do not need them for analysis.
#
# From how many sides do you think we know the others?

# %%
known = customer_data.known_from(events).to_pandas()
sides = known.groupby("kinds").agg(customers=("customer_id", "size"), events=("events", "mean")).round(1)
sides

# %% [markdown]
# Each row is a number of sides. Beside it stands how many customers we know from so many tables, and how many events we
# have of each of them on average. Customers in the first rows are nearly strangers: little can be said of them one by one.

# %% [markdown] tags=["lesson"]
# At Aurora, the most frequent number is {{ sides.customers.idxmax() | number }} tables: from so many we know
# {{ sides.customers.max() | count }} of {{ len(known) | count }} customers. Our first customer is a rare case: only
# {{ (known.kinds >= one.kind.nunique()).sum() | count }} are known from as many sides.

# %% [markdown]
# ## The idea by hand: eight rows
#
# Here is an export as it comes out of a shop, with the usual dirt in it. Before you go on: how many of these rows would
# you use, and how much money do they hold?

# %%
export = """Order,Customer,Date,Amount
1001,17850,2025-03-01,120.00
1002,17850.0,02/03/2025,"¥1,299.50"
1003,17851.0,28/03/2025,80 元
1004,-,2025-04-02,35.00
1004,-,2025-04-02,35.00
,17852,2025-04-03,60.00
1006,17853,soon,45.00
1007,17854,2025-04-05,(20.00)
"""

# %% [markdown]
# The easy way is to let pandas guess. What does it make of the second date?

# %%
import pandas as pd

pd.to_datetime("02/03/2025")

# %% [markdown]
# It says 3 February, and it does not say that it guessed. Alone, this date cannot be decided. But the same *column* holds
# the 28th, and there is no month 28. So the day comes first, and the date is 2 March.
#
# We do better if we read everything as text and decide column by column. First the customers: `17850.0` is an id that a
# spreadsheet took for a number.

# %%
import io

raw = pd.read_csv(io.StringIO(export), dtype=str, keep_default_na=False)
who = raw.Customer.str.removesuffix(".0").replace("-", "")

# %% [markdown]
# Then the amounts. We take off what is no number, and read parentheses as an accountant's minus:

# %%
plain = raw.Amount.str.replace(r"[¥元,\s]", "", regex=True)
amount = plain.str.replace(r"^\((.*)\)$", r"-\1", regex=True).astype(float)

# %%
iso = pd.to_datetime(raw.Date, format="%Y-%m-%d", errors="coerce")
day = iso.fillna(pd.to_datetime(raw.Date, format="%d/%m/%Y", errors="coerce"))
pd.DataFrame({"Order": raw.Order, "Customer": who, "Date": day, "Amount": amount})

# %% [markdown]
# Three rows cannot be used. One repeats the row before, one has no order number, one has no date. They go to
# **quarantine**: we set them aside with their reason and delete nothing. A row in which we had to mend a cell is
# **repaired**, and the rest is **accepted**.
#
# The customer `-` is unknown. That is no reason to lose the money: the order stays, as that of a **guest**.

# %%
out = raw.duplicated() | (raw.Order == "") | day.isna()
mended = (who != raw.Customer) | iso.isna() | ~raw.Amount.str.fullmatch(r"\d+\.\d+")
by_hand = {"read": len(raw), "accepted": sum(~out & ~mended), "repaired": sum(~out & mended), "quarantined": sum(out)}

# %%
by_hand | {"amount read": float(amount.sum()), "amount quarantined": float(amount[out].sum())}

# %% [markdown]
# Read = accepted + repaired + quarantined. This line is the difference between cleaning data and losing them.
#
# ## The same with the library
#
# To the kit, the export is a file. A few lines of YAML say what its columns are:

# %%
settings = """
name: Eight rows
currency: CNY
timezone: Asia/Shanghai
customer_ids: as they are
max_set_aside: 1
tables:
  orders:
    from: export.csv
    duplicates: drop
    columns: {order_id: Order, customer_id: Customer, ordered_at: Date, amount: Amount}
"""

# %% [markdown]
# We write both into a folder that vanishes afterwards, and take the data in. Will the library count as we did?

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from crmlib.client import load_client
from crmlib.intake import take_in

with TemporaryDirectory() as folder:
    Path(folder, "export.csv").write_text(export, encoding="utf-8")
    Path(folder, "client.yaml").write_text(settings, encoding="utf-8")
    small = take_in(load_client(Path(folder, "client.yaml")), Path(folder, "tables")).account

# %%
eight = customer_data.row_account(small)
eight

# %% [markdown]
# It does. `by_rule` counts the quarantined rows that a rule leaves out on purpose, here the repeated one, and `rows` those
# of the table that came out. The money agrees as well:

# %%
assert eight.iloc[0][list(by_hand)].to_dict() == by_hand
assert small["tables"]["orders"]["sums"]["amount"]["read"] == round(amount.sum(), 2)

# %% [markdown]
# Each quarantined row has its reason. Reasons are long, and pandas cuts off long texts unless we ask for whole ones:

# %%
pd.set_option("display.max_colwidth", None)
customer_data.reasons(small)

# %% [markdown]
# What was mended is on record, too. Every **repair** has a name, by which you can switch it off in the YAML.

# %%
customer_data.repairs(small)

# %% [markdown]
# A **decision** is taken for a whole column, and states its evidence. Find the one on the dates:

# %%
customer_data.decisions(small)

# %% [markdown]
# ## The client's account
#
# Now the same for all that this client handed over.

# %%
rows = customer_data.row_account(account)
assert (rows.read == rows.accepted + rows.repaired + rows.quarantined).all()
chapter.show(customer_data.rows_table(rows))

# %% [markdown] tags=["lesson"]
# Aurora handed over {{ rows.read.sum() | count }} rows. Of the {{ rows.quarantined.sum() | count }} rows in quarantine,
# {{ rows.by_rule.sum() | count }} are there on purpose: somebody at Aurora tried out the shop with test customers.

# %% [markdown]
# Rows that are left out **on purpose** follow a rule: test customers, exact repetitions, states that are no order. The
# other quarantined rows could not be read. The next table says why.

# %%
why = customer_data.reasons(account)
chapter.keep(why, name="reasons")
why.head(15)

# %% [markdown]
# And this was mended in cells. An empty table means that nothing had to be.

# %%
repaired = customer_data.repairs(account)
chapter.keep(repaired, name="repairs")
repaired.head(15)

# %% [markdown]
# A wrong decision does the most harm, because it hits every row. A wrong time zone moves the evening's orders to the next
# day. Read each decision once with somebody who knows the system.

# %%
decided = customer_data.decisions(account)
chapter.keep(decided, name="decisions")
decided.head(15)

# %% [markdown] tags=["needs:orders"]
# Rows can add up while money is lost: one order may be worth more than a thousand others. So the amounts must add up as
# well. We follow them from the export to the table, and sum them there once more.

# %% tags=["needs:orders"]
chapter.show(customer_data.bridge_table(customer_data.amount_bridge(orders, account)))

# %%
sums = customer_data.amount_account(account)
chapter.keep(sums, name="sums")
sums.round(2)

# %% [markdown]
# ## The picture: a quality score
#
# We score a column on five **quality dimensions**, each with a number between 0 and 1. The first four are shares.
#
# - *Complete*: how many cells are filled.
# - *Valid*: of what stood there, how much could be read.
# - *Unique*: of the rows with a key, how many repeat no earlier one. Only the key of a table is judged by this.
# - *Consistent*: how many cells agree with other columns. An order's customer, for example, is in the table of customers.
# - *Timely*: whether the last row is recent. This is 1 if it is at most 31 days old. Later it is 31 days divided by its age,
#   so half at 62 days. Only the time of a table is judged by this.
#
# The **score** is the product of these numbers. A dimension that applies to none of the columns shown is not drawn.

# %%
scores = customer_data.quality_scores(account)
chapter.show(customer_data.plot_quality(scores))

# %% [markdown] tags=["needs:customers", "needs:orders.customer_id"]
# By hand it is a division. How consistent is the customer of the orders? We divide the orders whose customer is in the
# table of customers by all orders that have one.

# %% tags=["needs:customers", "needs:orders.customer_id"]
there = account["tables"]["orders"]
consistent = 1 - there["of_unknown_customers"] / there["columns"]["customer_id"]
round(consistent, 4)

# %% tags=["needs:customers", "needs:orders.customer_id"]
of_orders = scores[(scores.table == "orders") & (scores.column == "customer_id")]
assert abs(of_orders.consistent.iloc[0] - consistent) < 1e-9
of_orders.round(4)

# %% [markdown]
# A low score is a question, not a verdict. A comment is empty because few people comment. A birthday is empty because
# nobody asked, and only this can be mended. A full score is no proof either: a wrong amount that looks like an amount
# passes all five.

# %% [markdown] tags=["needs:customers"]
# What an empty cell *costs* depends on whose cell it is. So we look at the customers who bought in the last twelve months,
# and at what they brought. The column `expected` marks what we should know of everybody.

# %% tags=["needs:customers"]
unknown = customer_data.unknown_of_buyers(customers, orders, as_of=as_of)
chapter.keep(unknown, name="unknown")
unknown.round({"share": 3, "revenue_year": 0, "revenue_share": 3})

# %% [markdown]
# ## Revenue that belongs to nobody
#
# Two kinds of orders have no customer behind them. Guests leave no id, and some ids are not in the table of customers. This
# is revenue, and no analysis of customers sees it. If the orders cover less than twelve months, `history_days` tells the
# sentences to say so.

# %%
from crmlib.purchases import history_days

covered = history_days(orders, as_of=as_of)
whose = customer_data.attribution(customer_data.revenue_by_identity(orders, customers, as_of=as_of))
chapter.show(customer_data.attribution_table(whose, history_days=covered))

# %% [markdown] tags=["needs:customers"]
# ## A pitfall: the join that loses money
#
# The easiest way to lose these orders is a join. We join orders *to customers*, as everybody does, and now take all years.
# How many orders, and how much of their amount, do you expect to see again?

# %% tags=["needs:customers"]
joined = orders.inner_join(customers.select("customer_id").distinct(), "customer_id")
counted = [t.agg(orders=t.count(), amount=t.amount.sum()).to_pandas() for t in (orders, joined)]
join = pd.concat(counted, keys=["before", "after the join"]).droplevel(1)
join.loc["lost"] = join.loc["before"] - join.loc["after the join"]
join.round(2)

# %% [markdown] tags=["lesson"]
# At Aurora, {{ join.orders["lost"] | count }} orders with {{ join.amount["lost"] | money }} vanish without a word. The join
# keeps only orders that have a partner on both sides, and {{ orders.customer_id.isnull().sum().to_pandas() | count }} of
# those that are lost are orders of guests. Both numbers are of all years, so they are larger than those of the table above.

# %% [markdown] tags=["needs:customers"]
# A *left* join keeps every order, and leaves empty what is not known. Count rows and sum money before and after every
# join. It takes one line, and no test is cheaper.

# %% [markdown]
# ## Coverage: a gap, or a quiet time?
#
# A table is silent for ten days. Did nothing happen, or was nothing recorded? Suppose that rows come independently of each
# other, at a steady pace of λ a day. Then *n* given days stay empty with the chance e^(−λn) (**Poisson**). First the pace of
# the table with most rows, the orders if there are any:

# %%
covered_tables = account["quality"]["coverage"]
fullest = max(covered_tables, key=lambda name: (name == "orders", sum(covered_tables[name]["months"].values())))
span = covered_tables[fullest]
length = (pd.Timestamp(span["last"]) - pd.Timestamp(span["first"])).days + 1
pace = sum(span["months"].values()) / length

# %%
import numpy as np

silent = np.array([1, 2, 3, 7])
pd.DataFrame({"silent days": silent, "rows expected": pace * silent, "chance": np.exp(-pace * silent)})

# %% [markdown]
# The **chance** is a probability between 0 and 1. Where it is tiny, pandas writes it short: `2e-14` is 2 with 14 places
# behind the point, 0.00000000000002. The more rows a day, the sooner a silence cannot be chance.
#
# In a long time, a silence could begin on many days. So we multiply the chance by the number of days. We call a silence a
# **gap** if chance would produce it in fewer than 1 of 1,000 such data sets.
#
# There is a trap: the pace is not steady. A table that has just begun is slow. At its *average* pace, its first weeks would
# be full of gaps. So the library measures by the months around (`nearby_rows`) and not by the average (`expected_rows`).
#
# With few rows, we do not know the pace well. So the library asks another question: *k* rows fall at random into the *w*
# days around. How likely do all miss the *n* silent days? The answer is (1 − n/w)^k. With many rows both methods agree. With
# few rows this one is more careful before it reports a gap.

# %%
silences = customer_data.gaps(account)
chapter.keep(silences, name="gaps")
silences.round({"expected_rows": 1, "nearby_rows": 1}).drop(columns="by_chance")

# %%
coverage = customer_data.coverage_by_month(account)
chapter.show(customer_data.plot_coverage(coverage, silences))

# %% [markdown]
# A frame goes around every month that a gap touches. If the gap begins in the middle of a month, rows before it make this
# month's field pale and not white. The table above has the days.
#
# Ask first about a silence that lasts to the last day. Was this export made earlier than the others, or did the activity
# end? We can rule out chance. Only somebody at the client's knows which of the two it is.

# %% [markdown] tags=["lesson"]
# Of {{ len(silences) | count }} silences at Aurora, gaps: {{ silences.unexplained.sum() | count }}. The longest lasts
# {{ silences.days[silences.unexplained].max() | count }} days, up to the end of the data. The others look long at the
# average pace. At the pace of the months around them, they are no surprise.

# %% [markdown]
# ## Duplicates: one person, two records
#
# Somebody registers again, with another phone number. To the database these are two customers, each with half a history. It
# looks like a small thing. We try it: 5 % of the buyers (parameter `split_share`) get a second id for the later half of
# their orders. Nobody buys any differently. Which numbers will move?

# %%
truth = customer_data.repeat_measures(orders, as_of=as_of)
split = customer_data.split_customers(orders, share=split_share, seed=seed, as_of=as_of)
distorted = customer_data.repeat_measures(split.orders, as_of=as_of)

# %%
pd.DataFrame({"in truth": truth, "with duplicates": distorted}).round(4)

# %% [markdown]
# Now we go back. A merge is only a list: "id B is really id A". It is applied when the data are read, and you can take it
# back at any time. The old numbers come out exactly:

# %%
whole = customer_data.repeat_measures(customer_data.merged_orders(split.orders, split.merges), as_of=as_of)
assert all(whole[name] == truth[name] for name in ("buyers", "repeat_rate", "one_time_share", "purchases_per_buyer"))

# %% [markdown]
# Five per cent was a guess. How far do the numbers move with fewer or more duplicates?

# %%
more = customer_data.split_effect(orders, seed=seed, as_of=as_of)
chapter.show(customer_data.plot_split_effect(more))

# %% [markdown]
# Everybody looks less loyal than they are. The error always points the same way: duplicates add buyers, and take away
# loyalty.

# %% [markdown] tags=["lesson"]
# Look at Aurora again. In truth {{ truth["repeat_rate"] | percent.1 }} of the buyers came back. With a few second ids it
# reads {{ distorted["repeat_rate"] | percent.1 }}, and somebody would start a programme to win back customers who never left.

# %% [markdown]
# ### Find them, without merging strangers
#
# A wrong merge is worse than a missed one. It hands one person's purchases, and complaints, to another. So the rules are
# strict. Here are seven invented people. Who is who?

# %%
records = [
    ("a1", "Li Na", "li.na@example.com", "13600010001", "1990-05-01"),
    ("a2", "Na Li", " LI.NA@example.com", "", ""),
    ("b1", "Wang Wei", "wei@example.com", "13600020002", "1985-01-02"),
    ("b2", "王伟", "", "+86 136-0002-0002", ""),
    ("c1", "Wang Wei", "other@example.com", "13600030003", "1999-09-09"),
    ("d1", "Chen Jie", "", "13600040004", "1980-03-03"),
    ("d2", "Chen Bo", "", "13600040004", "2010-04-04"),
]
people = pd.DataFrame(records, columns=["customer_id", "name", "email", "phone", "birthday"])

# %% [markdown]
# By hand, we write e-mail addresses and phone numbers in one way. Then we look for what two rows share.

# %%
email = people.email.str.strip().str.lower()
phone = people.phone.str.replace(r"\D", "", regex=True).str.removeprefix("86")

# %%
same_email = people.customer_id[email.duplicated(keep=False) & (email != "")].tolist()
same_phone = people.customer_id[phone.duplicated(keep=False) & (phone != "")].tolist()
same_name = people.customer_id[people.name.duplicated(keep=False)].tolist()

# %%
{"same e-mail": same_email, "same phone": same_phone, "same name": same_name}

# %% [markdown]
# There are two traps. *The same name* proves nothing: very many people are called Wang Wei, and these two were born in
# different years. *The same phone* proves something, unless something else speaks against it. A mother and her child share
# a number, but not a birthday. The library takes such pairs out, and counts them as contradicted. It compares in a database,
# because a client has more than seven people; here an empty one will do.

# %%
import duckdb

from crmlib.intake.identities.duplicates import duplicates

found = duplicates(duckdb.connect(), people)
found.pairs.to_pandas()

# %%
found.counts.to_pandas()[["rule", "pairs", "contradicted"]]

# %% [markdown]
# And this was found among this client's customers. An empty table means that there was nothing to compare. Nothing is
# merged by itself: the pairs are written to `quarantine/duplicates.csv`, somebody says yes or no, and the YAML names the
# reviewed list.

# %%
twice = customer_data.duplicates_found(account)
chapter.keep(twice, name="duplicates")
twice

# %% [markdown]
# ## Pseudonyms and the vault
#
# Names, e-mail addresses, phone numbers and addresses never get into the tables that we analyse. At intake they go into an
# encrypted file, the **vault**, and its key lies elsewhere. The tables carry a **pseudonym** in their place: the customer's
# id, mixed with a secret key in a way that cannot be undone (HMAC). Here we do it with a key for demonstration.

# %%
from crmlib.intake.identities.pseudonyms import pseudonym
from crmlib.intake.identities.vault_key import Key

key, other = (Key(vault, "in this notebook", bytes(32)) for vault in ("demonstration", "another client"))
pseudonym(key, "17850"), pseudonym(key, "17851"), pseudonym(other, "17850")

# %% [markdown]
# The same customer has the same pseudonym in every run, so we can compare years. With another client's key the pseudonym is
# another one, so nobody can put two clients' data together. By hand it is one line:

# %%
import hashlib
import hmac

code = hmac.new(key.derived("pseudonyms"), b"17850", hashlib.sha256).hexdigest()
assert pseudonym(key, "17850") == "P" + code[:16]

# %% [markdown]
# Why do we need a key? A hash without a key looks as safe. But ids are few, and a computer tries them all:

# %%
leaked = hashlib.sha256(b"17850").hexdigest()
guesses = {hashlib.sha256(str(number).encode()).hexdigest(): number for number in range(100_000)}
guesses[leaked]

# %% [markdown]
# Nobody can make this table of guesses without the key. With the key, the client can, and must: to answer a customer, or to
# forget one. So pseudonyms remain personal data, and the key decides.
#
# ## Consent: whom may we contact?
#
# An offer that nobody may receive is worth nothing. For each channel a customer has said yes, or no, or nothing. **Unknown
# counts as no**: the law asks for a yes, and so do good manners. By hand for e-mail, among those who bought in the last
# twelve months:

# %%
said = customer_data.consents(customers, orders, as_of=as_of)
by_email = said.groupby("email").revenue_year.agg(["size", "sum"])
(by_email / by_email.sum()).rename(columns={"size": "customers", "sum": "revenue"}).round(3)

# %%
reached = customer_data.reach(said)
reached[["reach_by", "buyers_yes", "buyers_no", "buyers_unknown", "share", "revenue_share"]].round(3)

# %% [markdown]
# The first row is what we had by hand:

# %%
assert reached.buyers_yes[0] == (said.email == "yes").sum()
assert abs(reached.revenue_yes[0] - said.revenue_year[said.email == "yes"].sum()) < 0.01

# %%
chapter.show(customer_data.plot_reach(reached, history_days=covered))

# %% [markdown]
# The channels overlap. If you add up their shares, you count many customers twice. What matters is whom you may reach by
# *any* channel.

# %%
overlap = customer_data.reach_overlap(said)
chapter.keep(overlap, name="overlap_all")
chapter.show(customer_data.overlap_table(overlap, history_days=covered))

# %% [markdown]
# ### A pitfall: filling the unknown with yes
#
# Spreadsheets make this mistake by themselves, because an empty cell is "not False". So many customers, and so much
# revenue, would look reachable by e-mail although nobody agreed:

# %%
wrongly = said[said.email == "unknown"]
{"customers": len(wrongly), "revenue": round(float(wrongly.revenue_year.sum()), 2)}

# %% [markdown] tags=["lesson"]
# At Aurora these are only {{ len(wrongly) | count }} customers. Their orders came in, but they are missing from the table
# of customers. In a company that has just begun to ask for consent, it would be nearly everybody.

# %% [markdown]
# ## What can be analysed
#
# Each chapter declares the tables and columns that it needs, and those that add detail. We hold them against the account.
# This says what the data allow, and what to ask the client for next.

# %%
from crmlib.chapters import chapter_files

others = [file for file in chapter_files() if file.name != chapter.name]
chapter.show(customer_data.analyses_table(customer_data.analyses(others, account)))

# %% [markdown]
# ## In words
#
# Good data are good *for something*. The account says that nothing was lost on the way in. The score says where columns are
# weak, and the coverage says when. The duplicate check says whether one row is one person. Consent says whom you may
# contact. Together they answer the manager's question: *for this analysis, yes; for that one, not before this is mended.*
#
# ## How sure
#
# Most numbers here are a **census**: we counted all rows, so there is no interval. One thing cannot be counted from the
# inside: rows that read well and are not true. For that, we draw rows at random, and somebody looks them up in the source
# system (parameter `check_rows`). From the sample we can say how many of all rows are wrong, with an interval (Wilson).

# %%
to_check = customer_data.rows_to_check(orders, rows=check_rows, seed=seed)
chapter.keep(to_check, name="rows_to_check")
customer_data.audit_intervals(checked=check_rows).round(3)

# %% [markdown]
# Read the first row: nobody found a *wrong* row, and still some of all rows may be wrong. How many rows must you look up,
# and find right, to promise that fewer than one in a hundred is wrong?

# %%
sizes = [50, 100, 200, 400, 800]
pd.Series({size: customer_data.audit_intervals(checked=size, wrong=[0]).error_high[0] for size in sizes}).round(4)

# %% [markdown]
# ## What to do
#
# Each finding says what we found, the numbers it rests on, how sure that is, and what to do. Do not add up the sales: the
# same customers may stand in several findings. And they are not lost: they say how much we cannot see, or work with.

# %%
chapter.conclude(
    customer_data.finding_quarantine(account),
    customer_data.finding_unattributed(whose, history_days=covered),
    customer_data.finding_unreachable(reached, history_days=covered),
    customer_data.finding_gaps(silences, coverage),
    customer_data.finding_duplicates(account),
)

# %% tags=["needs:customers"]
chapter.conclude(customer_data.finding_unknown(unknown, history_days=covered))

# %% [markdown]
# ## Pitfalls
#
# - *Cleaning by deleting.* "We dropped rows with missing values" is a sentence about money. Say how much.
# - *Repairs in the spreadsheet.* What you mend by hand in a copy is lost at the next export. Put it into the YAML, or into
#   the corrected rows, which are read again.
# - *One rule for every row.* Two equal rows may be one order, exported twice. Or a customer bought the same thing twice. Ask
#   before you drop them; the kit asks, too.
# - *Names in the analysis.* Who can look up a name, will. Nothing that we compute here needs one.
#
# ## Summary
#
# - Read = accepted + repaired + quarantined, in rows and in money. Reasons, repairs and decisions are on record.
# - The quality score is a question to the client. A weak column costs the revenue behind its empty cells.
# - A gap is a silence that the pace of the months around does not explain.
# - Duplicates make everybody look less loyal. Strict rules find them, people decide, and a merge can be taken back.
# - Unknown consent is no consent, and channels overlap.
# - Analyses declare what they need, so you can say beforehand which will run.
#
# ## Glossary
#
# - **360° view**: all that we know of one customer from all systems, under one id, in the order of time (客户全景视图).
# - **Account**: what became of every row and every amount that was read (数据接收说明).
# - **Quarantine**: rows set aside with their reason, to be corrected and read again (隔离).
# - **Repair, decision**: what was mended in single cells; how a whole column is read, with the evidence (修复, 判断).
# - **Quality dimensions**: complete, valid, unique, consistent, timely (数据质量维度).
# - **Coverage, gap**: the time for which there are rows; a silence that chance does not explain (覆盖, 缺口).
# - **Guest**: the buyer of an order whose customer we do not know (散客).
# - **Duplicate**: one person under several ids (重复客户).
# - **Pseudonym**: an id mixed with a secret key, the same in every run, and of no use without the key (假名).
# - **Vault**: the encrypted file of names and addresses, apart from the tables (保险库).
# - **Consent**: a customer's yes to a channel; unknown counts as no (同意).
# - **Census**: a count of all, which has no interval (普查).
#
# **On to the exercises:** [practice notebook](exercises/01_customer_data_exercises.ipynb).
