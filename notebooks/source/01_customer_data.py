# ---
# jupyter:
#   crmlib:
#     title: Customer data
#     question: Can we trust our customer data, and what can we do with them?
#     minutes: 75
#     needs:
#       orders: [customer_id, ordered_at, amount]
#     optional:
#       customers: [first_seen_at, channel, consent_email, consent_sms, consent_phone, consent_wechat]
#       order_lines: [product_id]
#       touches: [kind]
#       surveys: [kind]
#       tickets: [opened_at]
#       usage: [used_at]
#       subscriptions: [started_at]
#       loyalty: [at]
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
# Every number of the later chapters stands on a few exports from the client's systems. Rows are missing there, or twice;
# money is written as text; one person has two records; and of some nobody knows whether they may be written to. None of
# this shows in a finished chart. So before anything is analysed, the data give account of themselves.
#
# ## What you will be able to do
#
# - see one customer from all sides, across all systems;
# - add up an intake: every row that was read is accepted, repaired or quarantined, and so is every amount;
# - read a quality score, and say what a weak column costs;
# - tell a gap in the data from a quiet time;
# - say what duplicate customers do to the numbers, and find them without merging strangers;
# - say who may be contacted, and how much revenue that is;
# - say which analyses these data allow.

# %% tags=["parameters"]
client: str = "../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in
customer: str = ""  # the customer who is looked at first; empty: the one known from most sides
split_share: float = 0.05  # the share of buyers to whom a second id is given, to see what that does
check_rows: int = 50  # how many orders are drawn to be looked up in the source system
seed: int = 1  # of the random draws

# %%
import crmlib
from crmlib.lifecycle import customer_data
from crmlib.lifecycle.segmentation import history_days

chapter = crmlib.begin("01_customer_data", client, run)
orders, as_of, account = chapter.table("orders"), chapter.as_of, chapter.account
customers = chapter.table("customers") if chapter.has("customers") else None
days_covered = history_days(orders, as_of=as_of)

# %% [markdown]
# ## What data this needs
#
# Orders, with the customer, the time and the amount. The **account** that the intake has kept of all it read comes with
# them. Everything else makes the view rounder: the table `customers` (who they are and what they have allowed), and
# whatever else happened with them.

# %%
tables = {name: chapter.table(name) for name in account["tables"]}
list(tables)

# %% [markdown]
# ## Look at one customer first
#
# A company knows a customer from several systems, and each system knows its part. Put in the order of time, under one id,
# they are the **360° view**. We take the customer of whom most *kinds* of events are known; the parameter `customer`
# names another.

# %%
events = customer_data.events(tables, as_of=as_of)
one = customer_data.timeline(events, customer or customer_data.best_known(events))
shown = customer_data.table_of_timeline(one)
chapter.show_table(shown.frame, name="one_customer", title=shown.title, reading=shown.reading)

# %%
chapter.show(customer_data.plot_timeline(one), name="timeline", table=one)

# %% [markdown]
# Read it from left to right, and it is a story: won, bought, asked, silent, back. No single system tells it. Note what is
# *not* here: no name, no phone number, and not the customer's own words. For analysis they are not needed.
#
# How many sides are customers known from?

# %%
known = customer_data.known_from(events).to_pandas()
known.groupby("kinds").agg(customers=("customer_id", "size"), events=("events", "mean")).round(1)

# %% [markdown]
# ## The idea by hand: eight rows
#
# Here is an export as it comes out of a shop, with the usual dirt in it:

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
# Read everything as text first, so that nothing is guessed behind our back. Then column by column. `17850.0` is an id
# that a spreadsheet took for a number. `02/03/2025` may be February or March: alone it cannot be decided, but the column
# also holds a 28th, and there is no month 28. So the *column* has the day first.

# %%
import io

import pandas as pd

raw = pd.read_csv(io.StringIO(export), dtype=str, keep_default_na=False)
who = raw.Customer.str.removesuffix(".0").replace("-", "")
plain = raw.Amount.str.replace(r"[¥元,\s]", "", regex=True)
amount = plain.str.replace(r"^\((.*)\)$", r"-\1", regex=True).astype(float)
iso = pd.to_datetime(raw.Date, format="%Y-%m-%d", errors="coerce")
day = iso.fillna(pd.to_datetime(raw.Date, format="%d/%m/%Y", errors="coerce"))
pd.DataFrame({"Order": raw.Order, "Customer": who, "Date": day, "Amount": amount})

# %% [markdown]
# Three rows cannot be used: one says the same as the row before, one has no order number, one has no date. They go to
# **quarantine**: set aside with their reason, not deleted. Of the others, a row in which a cell had to be mended counts
# as **repaired**, the rest as **accepted**. A customer who is unknown (`-`) is no reason to lose the money: the order
# stays, as that of a **guest**.

# %%
out = raw.duplicated() | (raw.Order == "") | day.isna()
mended = (who != raw.Customer) | iso.isna() | ~raw.Amount.str.fullmatch(r"\d+\.\d+")
by_hand = {"read": len(raw), "accepted": sum(~out & ~mended), "repaired": sum(~out & mended), "quarantined": sum(out)}
by_hand | {"amount read": float(amount.sum()), "amount quarantined": float(amount[out].sum())}

# %% [markdown]
# Read = accepted + repaired + quarantined. This one line is what makes the difference between cleaning data and losing
# them.
#
# ## The same with the library
#
# To the kit, the export is a file, and a few lines of YAML say what its columns are:

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

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from crmlib.client import load_client
from crmlib.intake import take_in

with TemporaryDirectory() as folder:
    Path(folder, "export.csv").write_text(export, encoding="utf-8")
    Path(folder, "client.yaml").write_text(settings, encoding="utf-8")
    small = take_in(load_client(Path(folder, "client.yaml")), Path(folder, "tables")).account
rows = customer_data.row_account(small)
rows

# %%
assert rows.iloc[0][list(by_hand)].to_dict() == by_hand
assert small["tables"]["orders"]["sums"]["amount"]["read"] == round(amount.sum(), 2)
customer_data.reasons(small)

# %% [markdown]
# What was mended, and what was decided for whole columns, is on record too. Every **repair** has a name by which it can
# be switched off in the YAML; every **decision** states its evidence.

# %%
pd.set_option("display.max_colwidth", None)
customer_data.repairs(small)

# %%
customer_data.decisions(small)

# %% [markdown]
# ## The client's account
#
# Now the same for all that this client has handed over.

# %%
rows = customer_data.row_account(account)
shown = customer_data.table_of_rows(rows)
assert (rows.read == rows.accepted + rows.repaired + rows.quarantined).all()
chapter.show_table(shown.frame, name="rows", title=shown.title, reading=shown.reading)

# %% [markdown]
# The rows left out **on purpose** follow a rule: test customers, exact repetitions, states that are no order. The others
# could not be read. Why, and what was mended:

# %%
why = customer_data.reasons(account)
if len(why):
    chapter.keep(why, name="reasons")
why.head(15) if len(why) else "No row was quarantined."

# %%
repaired = customer_data.repairs(account)
if len(repaired):
    chapter.keep(repaired, name="repairs")
repaired.head(15) if len(repaired) else "No cell had to be mended."

# %% [markdown]
# The decisions are the place where a wrong reading does the most harm, because it hits every row. Read each of them once
# with somebody who knows the system: a wrong time zone moves the evening's orders to the next day.

# %%
decided = customer_data.decisions(account)
if len(decided):
    chapter.keep(decided, name="decisions")
decided.head(15)

# %% [markdown]
# Rows can add up while money is lost: one order is worth more than a thousand others. So the amounts must add up as well,
# from the export to the table, where we sum them again.

# %%
bridge = customer_data.table_of_bridge(customer_data.amount_bridge(orders, account))
chapter.show_table(bridge.frame, name="money", title=bridge.title, reading=bridge.reading)

# %%
sums = customer_data.amount_account(account)
chapter.keep(sums, name="sums")
sums.round(2)

# %% [markdown]
# ## The picture: a quality score
#
# A column is scored on five **quality dimensions**. *Complete*: share of the rows in which it is filled. *Valid*: share
# of what stood there that could be read. *Unique*: share of a key's values that no earlier row had. *Consistent*: share
# that agrees with other columns, such as an order's customer who really is in the table of customers. *Timely*: whether
# the last row is recent. The **score** is their product.

# %%
scores = customer_data.quality_scores(account)
chapter.show(customer_data.plot_quality(scores), name="quality", table=scores)

# %% [markdown]
# By hand it is a division, here for the orders' customer:

# %%
there = account["tables"]["orders"]
filled = there["columns"]["customer_id"]
lost = there["of_unknown_customers"]
consistent = 1 - lost / filled
of_orders = scores[(scores.table == "orders") & (scores.column == "customer_id")]
assert customers is None or abs(of_orders.consistent.iloc[0] - consistent) < 1e-9
of_orders.round(4)

# %% [markdown]
# A low score is a question, not a verdict. A comment is empty because few people comment. The birthday is empty because
# nobody asked. Only the second can be mended. And a full score is no proof either: a wrong amount that looks like an
# amount passes all five.
#
# What a column *costs* depends on whose cells are empty. So we look at the customers who bought in the last twelve
# months, and at what they brought:

# %%
unknown = None
if customers is not None:
    unknown = customer_data.unknown_of_buyers(customers, orders, as_of=as_of)
    if len(unknown):
        chapter.keep(unknown, name="unknown")
digits = {"share": 3, "revenue_year": 0, "revenue_share": 3}
unknown.round(digits) if unknown is not None else "There is no table of customers."

# %% [markdown]
# `expected` are the columns that should be known of everybody. An industry is right to be empty for a private customer.
#
# ## Revenue that belongs to nobody
#
# Two kinds of orders have no customer behind them: those of guests, and those with an id that the table of customers
# does not have. They are revenue, and no analysis of customers sees them.

# %%
whose = customer_data.attribution(customer_data.revenue_by_identity(orders, customers, as_of=as_of))
shown = customer_data.table_of_attribution(whose, history_days=days_covered)
chapter.show_table(shown.frame, name="attribution", title=shown.title, reading=shown.reading)

# %% [markdown]
# These are the last twelve months. Over all the time that the orders cover, the same mistake grows.
#
# ## A pitfall: the join that loses money
#
# The easiest way to lose these orders is a join. Joining orders *to customers* keeps only what has a partner on both
# sides, without a word:

# %%
partners = orders.filter(orders.customer_id.notnull()) if customers is None else customers
joined = orders.inner_join(partners.select("customer_id").distinct(), "customer_id")
before, after = orders.amount.sum().to_pandas(), joined.amount.sum().to_pandas()
{"orders": round(before, 2), "after the join": round(after, 2), "lost": round(before - after, 2)}

# %% [markdown]
# A *left* join keeps every order, and leaves empty what is not known. Count rows and sum money before and after every
# join: it takes a line, and it is the cheapest test there is.
#
# ## Coverage: is it a gap, or was nothing going on?
#
# When a table is silent for ten days, either nothing happened or nothing was recorded. If rows come independently of each
# other at a steady pace of λ a day, the chance that *n* given days stay empty is e^(−λn) (**Poisson**). For this client's
# orders:

# %%
import numpy as np

span = account["quality"]["coverage"]["orders"]
length = (pd.Timestamp(span["last"]) - pd.Timestamp(span["first"])).days + 1
pace = sum(span["months"].values()) / length
silent = np.array([1, 2, 3, 7])
pd.DataFrame({"silent days": silent, "orders expected": pace * silent, "chance": np.exp(-pace * silent)})

# %% [markdown]
# A long time has many places where a silence could begin. So the chance is multiplied by the number of days, and what is
# expected fewer than once in a thousand such data sets counts as a gap. One trap: the pace is not steady. A table that
# has just begun is slow, and at the *average* pace its first weeks would be full of gaps. So we measure by the months
# around (`nearby_rows`), not by the average (`expected_rows`). And where rows are few, their pace is not well known: so
# the kit asks how likely *k* rows, thrown at random into the *w* days around, all miss the *n* silent ones, (1 − n/w)^k.
# With many rows that is the same; with few it is slower to cry gap.

# %%
silences = customer_data.gaps(account)
if len(silences):
    chapter.keep(silences, name="gaps")
silences = silences.round({"expected_rows": 1, "nearby_rows": 1}).drop(columns="by_chance")
silences if len(silences) else "No table is silent for long."

# %%
coverage = customer_data.coverage_by_month(account)
chapter.show(customer_data.plot_coverage(coverage, silences), name="coverage", table=coverage)

# %% [markdown]
# A silence up to the last day deserves a question before all others: was the export made earlier than the rest, or did
# the activity end? Chance can be excluded; which of the two it is, only somebody at the client's can say.
#
# ## Duplicates: one person, two records
#
# Somebody who registers again with another phone number is two customers to the database, each with half a history. Small
# as this looks, it moves what managers look at. We try it: a share of this client's buyers get a second id for the later
# half of their orders. Nobody buys any differently.

# %%
truth = customer_data.repeat_measures(orders, as_of=as_of)
split = customer_data.split_customers(orders, share=split_share, seed=seed, as_of=as_of)
distorted = customer_data.repeat_measures(split.orders, as_of=as_of)
pd.DataFrame({"in truth": truth, "with duplicates": distorted}).round(4)

# %% [markdown]
# And back. A merge is a list that says which id is meant by which; applied when the data are read, it can be taken back
# at any time. The old numbers come out exactly:

# %%
whole = customer_data.repeat_measures(customer_data.merged_orders(split.orders, split.merges), as_of=as_of)
assert all(whole[name] == truth[name] for name in ("buyers", "repeat_rate", "one_time_share", "purchases_per_buyer"))

# %% [markdown]
# The kit's own table of what a merge changes, computed in the database, says the same:

# %%
import duckdb

from crmlib.intake.identities.merging import merge_effect

ids = split.orders.filter(split.orders.customer_id.notnull()).select("customer_id").distinct()
effect = merge_effect(duckdb.connect(), split.merges, split.orders.to_pyarrow(), ids.to_pyarrow())
effect.to_pandas().round(4)

# %%
more = customer_data.split_effect(orders, seed=seed, as_of=as_of)
chapter.show(customer_data.plot_split_effect(more), name="duplicates_effect", table=more)

# %% [markdown]
# Everybody looks less loyal than they are, and the error has a direction: it never makes a company look better.
#
# ### Finding them, without merging strangers
#
# The wrong merge is worse than the missed one: it hands one person's purchases, and complaints, to another. So the rules
# are strict. On seven invented people:

# %%
rows = [
    ("a1", "Li Na", "li.na@example.com", "13600010001", "1990-05-01"),
    ("a2", "Na Li", " LI.NA@example.com", "", ""),
    ("b1", "Wang Wei", "wei@example.com", "13600020002", "1985-01-02"),
    ("b2", "王伟", "", "+86 136-0002-0002", ""),
    ("c1", "Wang Wei", "other@example.com", "13600030003", "1999-09-09"),
    ("d1", "Chen Jie", "", "13600040004", "1980-03-03"),
    ("d2", "Chen Bo", "", "13600040004", "2010-04-04"),
]
people = pd.DataFrame(rows, columns=["customer_id", "name", "email", "phone", "birthday"])

# %% [markdown]
# By hand: write e-mail addresses and phone numbers in one way, then look for what two rows share.

# %%
email = people.email.str.strip().str.lower()
phone = people.phone.str.replace(r"\D", "", regex=True).str.removeprefix("86")
same_email = people.customer_id[email.duplicated(keep=False) & (email != "")].tolist()
same_phone = people.customer_id[phone.duplicated(keep=False) & (phone != "")].tolist()
same_name = people.customer_id[people.name.duplicated(keep=False)].tolist()
{"same e-mail": same_email, "same phone": same_phone, "same name": same_name}

# %% [markdown]
# Two traps. *The same name* is no evidence: there are very many people called Wang Wei, and these two were born in
# different years. *The same phone* is evidence, unless something speaks against it: a mother and her child share a
# number, and differ in their birthday. The library takes such pairs out and counts them as contradicted:

# %%
from crmlib.intake.identities.duplicates import duplicates

found = duplicates(duckdb.connect(), people)
found.pairs.to_pandas()

# %%
found.counts.to_pandas()[["rule", "pairs", "contradicted"]]

# %% [markdown]
# What was found among this client's customers. Nothing is merged by itself: the pairs are written to
# `quarantine/duplicates.csv`, somebody says yes or no, and the reviewed list is named in the YAML.

# %%
twice = customer_data.duplicates_found(account)
if len(twice):
    chapter.keep(twice, name="duplicates")
twice if len(
    twice
) else "These ids are taken as they are, or nothing is known to compare: duplicates were not looked for."

# %% [markdown]
# ## Pseudonyms and the vault
#
# Names, e-mail addresses, phone numbers and addresses never get into the tables that we analyse. They leave at intake,
# into an encrypted file (the **vault**) whose key lies elsewhere. In their place the tables carry a **pseudonym**: the
# customer's id, mixed with a secret key in a way that cannot be undone (HMAC). Here with a key for demonstration:

# %%
import hashlib
import hmac

from crmlib.intake.identities.vault_key import Key
from crmlib.intake.identities.pseudonyms import pseudonym

key, other = (Key(vault, "in this notebook", bytes(32)) for vault in ("demonstration", "another client"))
code = hmac.new(key.derived("pseudonyms"), b"17850", hashlib.sha256).hexdigest()
assert pseudonym(key, "17850") == "P" + code[:16] == pseudonym(key, "17850")
pseudonym(key, "17850"), pseudonym(key, "17851"), pseudonym(other, "17850")

# %% [markdown]
# The same customer has the same pseudonym in every run, so that years can be compared. With another client's key it is
# another, so that two clients' data cannot be put together.
#
# Why a key? Because a hash without one is no protection. Ids are few, and a computer tries them all:

# %%
leaked = hashlib.sha256(b"17850").hexdigest()
guesses = {hashlib.sha256(str(number).encode()).hexdigest(): number for number in range(100_000)}
guesses[leaked]

# %% [markdown]
# Without the key this table of guesses cannot be made. With it, it can: whoever holds the key can find the person, as the
# client must be able to, to answer or to forget somebody. So pseudonyms remain personal data, and the key decides.
#
# ## Consent: who may be contacted
#
# A play that nobody may receive is worth nothing. For each channel a customer has said yes, no, or nothing. **Unknown
# counts as no**: the law asks for a yes, and so does good manners. By hand for e-mail, among those who bought in the
# last twelve months:

# %%
said = customer_data.consents(customers, orders, as_of=as_of)
by_email = said.groupby("email").revenue_year.agg(["size", "sum"])
(by_email / by_email.sum()).rename(columns={"size": "customers", "sum": "revenue"}).round(3)

# %%
reached = customer_data.reach(said)
mail = reached[reached.reach_by == "email"].iloc[0]
assert mail.buyers_yes == (said.email == "yes").sum()
assert abs(mail.revenue_yes - said.revenue_year[said.email == "yes"].sum()) < 0.01
reached[["reach_by", "buyers_yes", "buyers_no", "buyers_unknown", "share", "revenue_share"]].round(3)

# %%
recorded = (reached.buyers_unknown < len(said)).any()
figure = customer_data.plot_reach(reached, history_days=days_covered) if recorded else None
chapter.show(figure, name="reach", table=reached) if recorded else "These data hold no consent."

# %% [markdown]
# The channels overlap. Adding their shares counts many customers twice; what counts is who can be reached by *any*:

# %%
overlap = customer_data.reach_overlap(said)
if len(overlap):
    chapter.keep(overlap, name="overlap_all")
shown = customer_data.table_of_overlap(overlap, history_days=days_covered)
(
    chapter.show_table(shown.frame, name="overlap", title=shown.title, reading=shown.reading)
    if recorded
    else "These data hold no consent."
)

# %% [markdown]
# ### A pitfall: filling the unknown with yes
#
# Spreadsheets make this mistake by themselves: an empty cell is "not False". This is how many customers, and how much
# revenue, would look reachable by e-mail without having agreed:

# %%
wrongly = said[said.email == "unknown"]
{"customers": len(wrongly), "revenue": round(float(wrongly.revenue_year.sum()), 2)}

# %% [markdown]
# ## What can be analysed
#
# Each chapter declares the tables and columns that it needs and those that make it richer. Held against the account, that
# says what these data allow, and what to ask the client for next.

# %%
from crmlib.chapters import chapter_files

others = [file for file in chapter_files() if file.name != chapter.name]
held = [
    {"title": file.title, "missing": file.missing(account["tables"]), "thinner": file.thinner(account["tables"])}
    for file in others
]
possible = customer_data.table_of_analyses(customer_data.analyses(held))
chapter.show_table(possible.frame, name="analyses", title=possible.title, reading=possible.reading)

# %% [markdown]
# ## In words
#
# Data quality is not a number but an agreement on what the data are used for. The account says that nothing was lost on
# the way in. The score says where columns are weak, the coverage when, the duplicates how far one row is one person, and
# the consent what may be done. Together they answer the manager's question: *for this analysis, yes; for that one, not
# before this is mended.*
#
# ## How sure
#
# Most numbers here are a **census**: all rows were counted, so there is no interval. One thing cannot be counted from
# the inside: rows that read well and are not true. For that, rows are drawn at random and looked up in the source system
# by hand. What the sample then says of all rows has an interval (Wilson):

# %%
to_check = customer_data.rows_to_check(orders, rows=check_rows, seed=seed)
chapter.keep(to_check, name="rows_to_check")
customer_data.audit_intervals(checked=check_rows).round(3)

# %% [markdown]
# Read the first row: *no* wrong row among those checked does not mean that there are none. To promise that fewer than one
# row in a hundred is wrong, a few hundred have to be looked up and found right:

# %%
sizes = [50, 100, 200, 400, 800]
pd.concat([customer_data.audit_intervals(checked=size, wrong=[0]).assign(checked=size) for size in sizes]).set_index(
    "checked"
).error_high.round(4).to_frame()

# %% [markdown]
# ## What to do
#
# Each finding says what was found, what is at stake in a year, how sure that is, and what to do. Do not add the amounts
# up: an order with an id that nobody knows cannot be attributed, and nobody has agreed to be contacted either.

# %%
chapter.conclude(
    customer_data.finding_quarantine(account),
    customer_data.finding_unattributed(whose, history_days=days_covered),
    customer_data.finding_unreachable(reached, history_days=days_covered),
    customer_data.finding_unknown(unknown, history_days=days_covered) if unknown is not None else None,
    customer_data.finding_gaps(silences, coverage),
    customer_data.finding_duplicates(account),
)

# %% [markdown]
# ## More pitfalls
#
# - **Cleaning by deleting.** "We dropped rows with missing values" is a sentence about money. Say how much.
# - **Repairs in the spreadsheet.** What is mended by hand in a copy is lost at the next export. Put it into the YAML, or
#   into the corrected rows, which are read again.
# - **A rule for every row.** Two equal rows may be one order exported twice, or a customer who bought the same thing
#   twice. Ask before dropping; the kit asks, too.
# - **Identities in the analysis.** Whoever can look up a name, will. Nothing that is computed here needs one.
#
# ## Summary
#
# - Read = accepted + repaired + quarantined, in rows and in money; reasons, repairs and decisions are on record.
# - The quality score is a question to the client; what a column costs is the revenue behind its empty cells.
# - A gap is a silence that the pace of the months around does not explain.
# - Duplicates make everybody look less loyal; strict rules find them, people decide, and a merge can be taken back.
# - Unknown consent is no consent, and channels overlap.
# - Analyses declare what they need, so that it can be said beforehand which will run.
#
# ## Glossary
#
# | word | meaning |
# | --- | --- |
# | 360° view | everything known of one customer from all systems, under one id, in the order of time |
# | account | what became of every row and amount that was read |
# | quarantine | rows set aside with their reason, to be corrected and read again |
# | repair, decision | what was mended in single cells; how a whole column is read, with the evidence |
# | quality dimensions | complete, valid, unique, consistent, timely |
# | coverage, gap | the time for which there are rows; a silence that chance does not explain |
# | guest | an order whose customer is not known |
# | duplicate | one person under several ids |
# | pseudonym | an id mixed with a secret key, the same for a person in every run, of no use without the key |
# | vault | the encrypted file of names and addresses, apart from the tables |
# | consent | a customer's yes to a channel; unknown counts as no |
# | census | a count of all, which has no interval |
#
# **Now practise:** [exercises](exercises/01_customer_data_exercises.ipynb).
