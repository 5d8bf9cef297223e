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
# # Practice: customer data
#
# Here are six exercises on chapter 01. Replace each `...` by your own answer and run the cell. Then run the check below
# it. If you are stuck, ask for a hint: each exercise has three. Those of the first are given by `check.usable.hint()`.
#
# The checks compute the right answer from the data at hand. Rates are between 0 and 1.

# %% tags=["parameters"]
client: str = "../../data/aurora/client.yaml"  # the client's configuration
run: str = ""  # folder of a run; the runner fills it in

# %%
import pandas as pd

import crmlib
from crmlib.course import customer_data as check
from crmlib.lifecycle import customer_data

chapter = crmlib.begin("01_customer_data", client, run)
orders, as_of = chapter.table("orders"), chapter.as_of

# %% [markdown]
# ## 1 What can we use?
#
# A small client sent its first three tables. This is the account of their rows. Take all tables together. What share of the
# rows that were read can we use, as they were or repaired? Three decimals are enough.

# %%
rows = pd.DataFrame({"table": ["orders", "customers", "surveys"], "read": [12000, 5000, 800]})
rows = rows.assign(accepted=[10800, 4100, 560], repaired=[1080, 850, 160], quarantined=[120, 50, 80])
rows

# %% tags=["exercise"]
#: usable = ...
usable = (rows.accepted + rows.repaired).sum() / rows.read.sum()

# %%
check.usable(usable, rows)

# %% [markdown]
# ## 2 Money written as text
#
# These four amounts come from four systems. Write them as a list of numbers, in their order.

# %%
list(check.AMOUNTS)

# %% tags=["exercise"]
#: amounts = ...
amounts = [1299.5, -20.0, 80.0, 1250.0]

# %%
check.amounts(amounts)

# %% [markdown]
# ## 3 Revenue without a customer
#
# `bought` holds the purchases of the last twelve months. Purchases of guests are in it, and their `customer_id` is empty.
# What share of all `spend` has no customer? Three digits such as 0.0123 are enough.

# %%
from crmlib.calendar import months_before
from crmlib.purchases import purchases

bought = purchases(orders, as_of=as_of, guests=True).select("customer_id", "day", "spend").to_pandas()
bought = bought[bought.day > pd.Timestamp(months_before(as_of, 12))].sort_values(["day", "spend"], ignore_index=True)
bought.head(3)

# %% tags=["exercise"]
#: without_customer = ...
without_customer = bought.spend[bought.customer_id.isna()].sum() / bought.spend.sum()

# %%
check.without_customer(without_customer, bought)

# %% [markdown]
# ## 4 Who may get a text message?
#
# Eight customers bought in the last twelve months. `sms` says whether we may send them a text message: `yes`, `no` or
# `unknown`. What share of their revenue belongs to customers to whom we may?

# %%
said = pd.DataFrame({"sms": ["yes", "yes", "no", "unknown", "yes", "no", "unknown", "yes"]})
said["revenue_year"] = [900, 250, 400, 600, 150, 300, 200, 300]
said.T

# %% tags=["exercise"]
#: by_sms = ...
by_sms = said.revenue_year[said.sms == "yes"].sum() / said.revenue_year.sum()

# %%
check.reachable(by_sms, said, channel="sms")

# %% [markdown]
# ## 5 Who is who?
#
# Some of these invented people are one person. Answer a list of pairs of ids: `[("p1", "p2"), …]`. Phone numbers without
# a country's code are Chinese. Be strict: a wrong merge is worse than a missed one.

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
check.same_person(same_person, people)

# %% [markdown]
# ## 6 How long is too long?
#
# This is the table with the fewest rows a day. It covers `length` days, and tells you two paces in rows a day: the
# `average` over all its days, and that of its last three whole months (`nearby`). Suppose that the table falls silent now.
# By chance we expect `length * exp(-pace * n)` silences of `n` days. We call a silence a gap if this number is below 0.001.
# How many days in a row must the table be silent, at the least? First decide which pace is fair. Answer whole days.

# %%
import math

table, length, average, nearby = check.sparsest_table(chapter.account)
pd.DataFrame({"table": [table], "length": length, "average": round(average, 3), "nearby": round(nearby, 3)})

# %% tags=["exercise"]
#: silent_days = ...
silent_days = max(1, math.ceil(math.log(length / 0.001) / nearby))

# %%
check.silent_days(silent_days, length, average, nearby)
