# ---
# jupyter:
#   crmlib:
#     title: "Practice: customer data"
#     question: Can you say what became of every row, and what the data allow?
#     minutes: 40
#     needs:
#       orders: [customer_id, ordered_at, amount]
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Practice: 01 Customer data
#
# Replace each `...` by your answer and run the cell below it. The checks compute what they expect from the data at hand,
# so they hold for any client; ask as often as you like. Rates are between 0 and 1.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import pandas as pd

import crmlib
from crmlib.course import customer_data as check
from crmlib.lifecycle import customer_data

chapter = crmlib.begin("01_customer_data", client, run)
orders, as_of, account = chapter.table("orders"), chapter.as_of, chapter.account
customers = chapter.table("customers") if chapter.has("customers") else None

# %% [markdown]
# ## 1 What can be used?
#
# This is the account of the rows. Over all tables, which share of the rows read can be used, as they were or repaired?
# Give it exactly: rows are counted.

# %%
rows = customer_data.row_account(account)
rows

# %% tags=["exercise"]
#: usable = ...
usable = (rows.accepted + rows.repaired).sum() / rows.read.sum()

# %%
check.check_usable_share(usable, account)

# %% [markdown]
# ## 2 Money written as text
#
# Write these four amounts as numbers, in their order. They come from different systems.

# %%
list(check.AMOUNTS)

# %% tags=["exercise"]
#: amounts = ...
amounts = [1299.5, -20.0, 80.0, 1250.0]

# %%
check.check_amounts(amounts)

# %% [markdown]
# ## 3 Revenue without a customer
#
# `bought` holds the purchases of the last twelve months, those of guests included (`customer_id` is empty). Which share
# of their `spend` has no customer?

# %%
from crmlib.purchases import purchases
from crmlib.calendar import months_before

bought = purchases(orders, as_of=as_of, guests=True).select("customer_id", "day", "spend").to_pandas()
bought = bought[bought.day > pd.Timestamp(months_before(as_of, 12))].sort_values(["day", "spend"], ignore_index=True)
bought.head(3)

# %% tags=["exercise"]
#: without_customer = ...
without_customer = bought.spend[bought.customer_id.isna()].sum() / bought.spend.sum()

# %%
check.check_without_customer(without_customer, orders, as_of=as_of)

# %% [markdown]
# ## 4 Who may get a text message?
#
# `said` has a row per customer who bought in the last twelve months; `sms` is `yes`, `no` or `unknown`. Which share of
# their revenue (`revenue_year`) belongs to customers who may be sent a text message?

# %%
said = customer_data.consents(customers, orders, as_of=as_of)
said.sms.value_counts().to_frame()

# %% tags=["exercise"]
#: by_sms = ...
by_sms = said.revenue_year[said.sms == "yes"].sum() / said.revenue_year.sum()

# %%
check.check_reach(by_sms, customers, orders, as_of=as_of)

# %% [markdown]
# ## 5 Who is who?
#
# Which of these invented people are one person? Answer a list of pairs of ids: `[("p1", "p2"), …]`. Numbers without a
# country's code are Chinese ones. A strict eye, please: a wrong merge is worse than a missed one.

# %%
records = [
    ("p1", "Zhao Min", "min.zhao@example.com", "13700010001", "1988-02-11"),
    ("p2", "M. Zhao", "Min.Zhao@Example.com", "", ""),
    ("p3", "Zhao Min", "zm@example.com", "13700020002", "1971-12-01"),
    ("p4", "Liu Yang", "", "+86 137 0003 0003", "1990-06-30"),
    ("p5", "刘洋", "", "13700030003.0", ""),
    ("p6", "Sun Li", "", "13700040004", "1965-01-09"),
    ("p7", "Sun Ke", "", "13700040004", "1996-08-21"),
    ("p8", "Office", "info@example.com", "", ""),
    ("p9", "Gao Fei", "info@example.com", "", ""),
]
people = pd.DataFrame(records, columns=["customer_id", "name", "email", "phone", "birthday"])

# %% tags=["exercise"]
#: same_person = ...
same_person = [("p1", "p2"), ("p4", "p5")]

# %%
check.check_pairs(same_person, people)

# %% [markdown]
# ## 6 How long is too long?
#
# Take the table that has the fewest rows a day. How many days in a row must it be silent, at the least, before chance no
# longer explains it? At its average `pace` (rows a day) over `length` days, `length · exp(−pace · n)` silences of `n`
# days are to be expected; below 0.001 it is a gap. Answer whole days.

# %%
import math

table = check.sparsest_table(account)
covered = account["quality"]["coverage"][table]
length = (pd.Timestamp(covered["last"]) - pd.Timestamp(covered["first"])).days + 1
pace = sum(covered["months"].values()) / length
table, length, round(pace, 3)

# %% tags=["exercise"]
#: silent_days = ...
silent_days = max(1, math.ceil(math.log(length / 0.001) / pace))

# %%
check.check_shortest_gap(silent_days, account, table=table)
