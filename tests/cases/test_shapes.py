"""Shapes of exports that the YAML turns into tables: no headings, logs, wide files, snapshots, rows without a key."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.lifecycle import segmentation
from crmlib.problems import UnusableInput
from tests.conftest import write_client


@pytest.fixture
def case(repository, tmp_path):
    """A client beside the exports of a reported case: ``case("event_log", "tables: …")``."""

    def make(name, settings):
        folder = Path(repository).parent / "shared" / "cases" / name
        if not folder.is_dir():
            pytest.skip(f"the reported case {name} is not beside this checkout")
        client = write_client(tmp_path / "client", settings)
        for file in folder.rglob("*.*"):
            if file.name != "client.yaml":
                (client.parent / file.name).write_bytes(file.read_bytes())
        return load_client(client)

    return make


def taken(client, folder, table):
    """The rows of a table that come out, and its account."""
    made = take_in(client, folder / "workspace")
    return made.table(table).to_pandas(), made.account["tables"][table]


def problems(client, folder):
    with pytest.raises(UnusableInput) as refused:
        take_in(client, folder / "workspace")
    return [str(problem) for problem in refused.value.problems]


# Headings by hand

LEADS = "tables: {leads: {from: leads.csv, headings: [lead_id, created_at, page, channel]}}\n"
NO_HEADINGS = "L1,2024-01-05 10:00:00,lp1,social\nL2,2024-01-06 10:00:00,lp2,email\nL3,2024-01-07 10:00:00,lp1,social\n"


def test_a_file_without_headings_is_read_whole_under_the_headings_of_the_yaml(case, tmp_path):
    leads, account = taken(case("headerless", LEADS), tmp_path, "leads")
    assert leads.lead_id.tolist() == ["L1", "L2", "L3"]
    assert leads.channel.tolist() == ["social", "email", "social"]
    assert leads.created_at.dt.day.tolist() == [5, 6, 7]
    assert (account["read"], account["unused_columns"]) == (3, ["page"])
    assert (
        "The headings are those of the settings; no row of the file is taken for headings."
        in account["notes"]["leads.csv"]
    )


@pytest.mark.parametrize(
    ("keys", "content", "expected"),
    [
        ("", "﻿" + NO_HEADINGS, ["L1", "L2", "L3"]),
        ("", "\n" + NO_HEADINGS.replace(",", ";"), ["L1", "L2", "L3"]),
        ("", "sep=;\n" + NO_HEADINGS.replace(",", ";"), ["L1", "L2", "L3"]),
        (
            "",
            NO_HEADINGS.replace("social\n", 'social\n"L9"",x",2024-01-09,"a\nb",shop\n', 1),
            ["L1", 'L9",x', "L2", "L3"],
        ),
        ("header_row: 2, ", "List of leads\na,b,c,d\n" + NO_HEADINGS, ["L1", "L2", "L3"]),
    ],
)
def test_headings_by_hand_fit_whatever_the_text_looks_like(make_client, tmp_path, keys, content, expected):
    client = make_client(LEADS.replace("headings", f"{keys}headings"), leads=content.encode())
    leads, _ = taken(client, tmp_path, "leads")
    assert leads.lead_id.tolist() == expected


def test_headings_by_hand_fit_a_workbook_too(make_client, tmp_path):
    client = make_client(LEADS.replace("leads.csv", "leads.xlsx"))
    rows = [["L1", dt.datetime(2024, 1, 5), None, "web"], ["L2", dt.datetime(2024, 1, 6), "x", "shop"]]
    pd.DataFrame(rows).to_excel(client.folder / "leads.xlsx", header=False, index=False)
    leads, _ = taken(client, tmp_path, "leads")
    assert leads[["lead_id", "channel"]].values.tolist() == [["L1", "web"], ["L2", "shop"]]


def test_a_wrong_number_of_headings_is_refused_with_both_numbers(make_client, tmp_path):
    client = make_client(LEADS.replace("page, ", ""), leads=NO_HEADINGS)
    (said,) = problems(client, tmp_path)
    assert "leads.csv, headings: found 3 headings, and 4 columns in the file" in said


def test_a_file_without_headings_is_refused_with_the_yaml_that_mends_it(make_client, tmp_path):
    (said,) = problems(make_client("tables: {leads: {from: leads.csv}}\n", leads=NO_HEADINGS), tmp_path)
    assert "name the columns yourself: headings: [column 1, column 2, column 3, column 4]" in said


@pytest.mark.parametrize(
    ("first", "keys"),
    [
        ("L1,2024-01-05,lp1,social", "header_row: 1, columns: {lead_id: L1, created_at: 2024-01-05, channel: social}"),
        ("L1,lp1,social,early", "columns: {lead_id: L1, created_at: early, channel: social}"),
    ],
)
def test_a_first_row_of_data_that_is_taken_for_headings_is_asked_about(make_client, tmp_path, first, keys):
    below = first.replace("L1", "L2").replace("early", "2024-02-01")
    client = make_client(f"tables: {{leads: {{from: leads.csv, {keys}}}}}\n", leads=f"{first}\n{below}\n")
    _, account = taken(client, tmp_path, "leads")
    (asked,) = account["questions"]
    assert "row 1 is taken for headings" in asked
    assert "headings: [column 1, column 2, column 3, column 4]" in asked


# One row of several


LOG = """\
tables:
  tickets:
    from: events.csv
    columns: {{ticket_id: number, opened_at: opened_at, resolved_at: resolved_at, priority: priority,
      reopened: reopen_count}}
    values: {{reopened: {{"0": false, "*": true}}}}
    one_row_per: ticket_id
    {more}
"""


def test_of_a_log_the_latest_state_is_taken_and_a_reopened_ticket_is_reopened(case, tmp_path):
    tickets, account = taken(case("event_log", LOG.format(more="latest_by: sys_mod_count")), tmp_path, "tickets")
    assert tickets.set_index("ticket_id").reopened.to_dict() == {"INC1": True, "INC2": False}
    assert tickets.priority.tolist() == ["1 - Critical", "3 - Moderate"]
    assert (account["read"], account["rows"]) == (4, 2)
    assert [said for said in account["decisions"] if "latest" in said] == [
        "priority differs between the rows of 1 ticket_id: that of the latest by sys_mod_count is taken",
        "reopened differs between the rows of 1 ticket_id: that of the latest by sys_mod_count is taken",
    ]


EVENTS = """\
number,at,state,urgent,opened_at,resolved_at,priority,reopen_count
A,9,x,no,2024-01-01,2024-01-02,low,0
A,10,x,yes,2024-01-01,,high,1
A,8,x,no,2024-01-01,2024-01-03,mid,0
B,2,x,no,2024-01-05,,low,0
"""


@pytest.mark.parametrize(
    ("more", "priority", "resolved", "reopened"),
    [
        ("latest_by: at", "high", None, True),
        ("{latest_by: at, take: {resolved_at: latest filled, reopened: all}}", "high", 2, False),
        ("first_by: at", "mid", 3, False),
        ("{first_by: at, take: {reopened: any}}", "mid", 3, True),
        ("take: {reopened: any}", "low", 2, True),
    ],
)
def test_each_column_says_what_is_taken_of_the_rows_and_numbers_count_as_numbers(
    make_client, tmp_path, more, priority, resolved, reopened
):
    settings = LOG.format(more=more[1:-1].replace(", take", "\n    take") if more.startswith("{") else more)
    tickets, _ = taken(make_client(settings, events=EVENTS), tmp_path, "tickets")
    ticket = tickets.set_index("ticket_id").loc["A"]
    assert (ticket.priority, ticket.reopened) == (priority, reopened)
    assert (None if pd.isna(ticket.resolved_at) else ticket.resolved_at.day) == resolved


def test_days_in_the_form_of_the_export_tell_the_latest_row(make_client, tmp_path):
    settings = LOG.format(more="latest_by: at")
    events = (
        EVENTS.replace(",9,", ",31/12/2023 10:00,").replace(",10,", ",1/1/2024 09:00,").replace(",8,", ",30/12/2023,")
    )
    tickets, _ = taken(make_client(settings, events=events.replace("B,2,", "B,2/1/2024,")), tmp_path, "tickets")
    assert tickets.priority.tolist() == ["high", "low"]


def test_a_count_counts_the_rows_in_which_a_cell_is_filled(make_client, tmp_path):
    settings = """\
tables:
  usage:
    from: usage.csv
    columns: {customer_id: who, used_at: day, quantity: click}
    one_row_per: [customer_id, used_at]
    take: {quantity: count}
"""
    clicks = "who,day,click\na,2024-01-01,7\na,2024-01-01,9\na,2024-01-01,\na,2024-01-02,5\n"
    usage, _ = taken(make_client(settings, usage=clicks), tmp_path, "usage")
    assert usage.quantity.tolist() == [2, 1]


def test_what_cannot_order_rows_is_refused_and_a_tie_is_said(make_client, tmp_path):
    (said,) = problems(make_client(LOG.format(more="latest_by: state"), events=EVENTS), tmp_path)
    assert "neither numbers nor times under 'state'" in said
    (said,) = problems(make_client(LOG.format(more="latest_by: att"), folder="other", events=EVENTS), tmp_path)
    assert "no column 'att'" in said
    assert "did you mean 'at'?" in said
    tied = make_client(LOG.format(more="latest_by: at"), folder="third", events=EVENTS.replace(",9,", ",10,"))
    tickets, account = taken(tied, tmp_path, "tickets")
    assert tickets.priority.tolist() == ["high", "low"]
    assert any(said.startswith("1 ticket_id has several rows of the same at") for said in account["decisions"])


@st.composite
def histories(draw):
    """Some tickets as they are in the end, and a log of changes that led there, in any order."""
    words = st.sampled_from(["low", "mid", "high"])
    final, log = [], []
    for number in range(draw(st.integers(1, 6))):
        changes = draw(st.lists(st.tuples(words, st.booleans(), st.booleans()), min_size=1, max_size=5))
        steps = draw(st.lists(st.integers(0, 200), min_size=len(changes), max_size=len(changes), unique=True))
        rows = [
            (f"T{number}", step, priority, "1" if again else "0", "2024-02-01" if solved else "")
            for step, (priority, again, solved) in zip(sorted(steps), changes, strict=True)
        ]
        final.append(rows[-1])
        log += rows
    return final, draw(st.permutations(log))


@given(histories())
@settings(max_examples=25)
def test_a_log_of_random_changes_gives_the_final_table_back(tmp_path_factory, history):
    final, log = history
    folder = tmp_path_factory.mktemp("log")
    head = "number,at,priority,reopen_count,resolved_at,opened_at\n"
    export = head + "".join(f"{','.join(map(str, row))},2024-01-01\n" for row in log)
    client = load_client(write_client(folder / "client", LOG.format(more="latest_by: at"), events=export))
    tickets, account = taken(client, folder, "tickets")
    came = {row.ticket_id: (row.priority, row.reopened, not pd.isna(row.resolved_at)) for row in tickets.itertuples()}
    assert came == {number: (priority, again == "1", solved != "") for number, _, priority, again, solved in final}
    assert (account["read"], account["accepted"] + account["repaired"]) == (len(log), len(log))


# Wide files

WIDE = """\
name: Test
tables:
  touches:
    from: wide.csv
    columns_to_rows: {headings: "Cmp*", name: Campaign, value: Answer}
    keep_only: {Answer: 1}
    columns: {customer_id: ID, touched_at: day, campaign: Campaign, channel: {constant: mail},
      kind: {constant: accepted}}
"""


def test_columns_of_campaigns_become_rows(case, tmp_path):
    touches, account = taken(case("same_file_twice", WIDE), tmp_path, "touches")
    assert touches[["customer_id", "campaign"]].values.tolist() == [
        ["1", "Cmp1"], ["1", "Cmp2"], ["2", "Cmp1"], ["3", "Cmp2"],
    ]  # fmt: skip
    assert (account["read"], account["accepted"], account["quarantined"]) == (6, 4, 2)
    assert account["reasons"] == {"left out: Answer is not 1": 2}
    assert account["questions"] == []


TWICE = """\
tables:
  touches:
    - {from: wide.csv, keep_only: {Cmp1: ["1"]}, columns: &one {customer_id: ID, touched_at: day,
       channel: {constant: mail}, kind: {constant: accepted}, campaign: {constant: cmp1}}}
    - {from: wide.csv, keep_only: {Cmp2: ["1"]}, columns: {customer_id: ID, touched_at: day,
       channel: {constant: mail}, kind: {constant: accepted}, campaign: {constant: cmp2}}}
"""


def test_a_file_that_is_read_twice_for_other_columns_has_no_repeated_rows(case, tmp_path):
    touches, account = taken(case("same_file_twice", TWICE), tmp_path, "touches")
    assert (len(touches), account["questions"]) == (4, [])


def test_a_file_that_is_read_twice_for_the_same_columns_is_asked_about(make_client, tmp_path):
    wide = "ID,day,Cmp1,Cmp2\n1,2024-01-01,1,1\n2,2024-01-02,1,0\n"
    settings = TWICE.partition("columns: {customer_id")[0] + "columns: *one}\n"
    _, account = taken(make_client(settings, wide=wide), tmp_path, "touches")
    assert ["1 row repeats an earlier row" in said for said in account["questions"]] == [True]


@given(st.lists(st.lists(st.sampled_from(["0", "1", ""]), min_size=3, max_size=3), min_size=1, max_size=8))
@settings(max_examples=15)
def test_a_wide_file_and_its_long_form_give_equal_tables(tmp_path_factory, answers):
    folder = tmp_path_factory.mktemp("wide")
    names = ["Cmp1", "Cmp2", "Cmp, three"]
    wide = pd.DataFrame(answers, columns=names)
    wide.insert(0, "ID", [f"c{n}" for n in range(len(wide))])
    wide["day"] = "2024-01-01"
    long = wide.melt(["ID", "day"], names, "Campaign", "Answer").sort_values(["ID", "Campaign"], kind="stable")
    made = []
    for name, table in (("wide", wide), ("long", long)):
        settings = (
            WIDE
            if name == "wide"
            else WIDE.replace('    columns_to_rows: {headings: "Cmp*", name: Campaign, value: Answer}\n', "")
        )
        settings = f"max_set_aside: 1\n{settings}".replace("keep_only: {Answer: 1}", "duplicates: keep")
        settings = settings.replace("kind: {constant: accepted}", "kind: {first: [Answer, day]}")
        path = write_client(folder / name, settings, wide=table.to_csv(index=False).encode())
        rows, account = taken(load_client(path), folder / f"{name} made", "touches")
        made.append(rows.sort_values(["customer_id", "campaign"], ignore_index=True))
        assert account["read"] == 3 * len(answers)
    pd.testing.assert_frame_equal(*made)


def test_a_row_of_a_wide_file_stands_once_and_whole_in_quarantine(make_client, tmp_path):
    wide = "ID,day,Cmp1,Cmp2\n1,2024-01-01,1,1\n2,2024-13-02,1,0\n"
    client = make_client(f"max_set_aside: 1\n{WIDE}", wide=wide)
    taken(client, tmp_path, "touches")
    kept = pd.read_csv(client.folder / "quarantine" / "wide.csv", dtype=str)
    assert kept[["_row", "ID", "day", "Cmp1", "Cmp2"]].values.tolist() == [["3", "2", "2024-13-02", "1", "0"]]


def test_columns_that_are_not_there_and_names_that_are_taken_are_refused(make_client, tmp_path):
    wide = "ID,day,Cmp1,Cmp2\n1,2024-01-01,1,1\n"
    wrong = (
        WIDE.replace('"Cmp*"', "[Cmp1, Cmp3]")
        .replace("name: Campaign", "name: day")
        .replace("campaign: Campaign", "campaign: day")
    )
    said = problems(make_client(wrong, wide=wide), tmp_path)
    assert any("no column 'Cmp3'" in one and "columns_to_rows" in one for one in said)
    assert any("the heading 'day'" in one for one in said)


# Snapshots, and rows without a key


SNAPSHOT = """\
timezone: Europe/Berlin
tables:
  subscriptions:
    from: base.csv
    columns:
      customer_id: Who
      started_at: {before: [%s, %s], unit: %s}
      ended_at: {constant: 2024-05-31, where: {Churn: Yes}}
      price: Charges
"""


@pytest.mark.parametrize(
    ("unit", "tenure", "started"),
    [
        ("months", "3", "2024-02-29"),  # the 31st less three months: the last day of February
        ("months", "15", "2023-02-28"),
        ("months", "0", "2024-05-31"),
        ("years", "4", "2020-05-31"),
        ("weeks", "10", "2024-03-22"),  # over the change to summer time: the day, not the hour before it
        ("days", "90", "2024-03-02"),
    ],
)
def test_tenure_before_a_day_is_a_start_by_the_calendar(make_client, tmp_path, unit, tenure, started):
    settings = SNAPSHOT % ("{constant: 2024-05-31}", "Tenure", unit)
    base = f"Who,Tenure,Churn,Charges\na,{tenure},Yes,9.5\nb,{tenure},No,8\nc,,No,8\n"
    plans, account = taken(make_client(f"max_set_aside: 1\n{settings}", base=base), tmp_path, "subscriptions")
    assert plans.started_at.dt.strftime("%Y-%m-%d %H:%M").tolist() == [f"{started} 00:00"] * 2
    assert plans.ended_at.dt.strftime("%Y-%m-%d").fillna("").tolist() == ["2024-05-31", ""]
    assert account["quarantined"] == 1


def test_a_constant_time_goes_on_from_a_day_of_the_file(make_client, tmp_path):
    settings = SNAPSHOT.replace("before", "after") % ("Since", "{constant: 1.5}", "months")
    base = "Who,Since,Churn,Charges\na,2024-01-31,No,9.5\n"
    plans, _ = taken(make_client(settings, base=base), tmp_path, "subscriptions")
    # A month is the 29th of February, half a month 15.2 days more.
    assert plans.started_at.dt.strftime("%Y-%m-%d").tolist() == ["2024-03-15"]


@pytest.mark.parametrize("tenure", ["many", "999999999", "1e300"])
def test_a_tenure_that_is_none_is_set_aside_with_what_was_found(make_client, tmp_path, tenure):
    settings = SNAPSHOT % ("{constant: 2024-05-31}", "Tenure", "months")
    base = f"Who,Tenure,Churn,Charges\na,{tenure},Yes,9.5\nb,2,No,8\n"
    plans, account = taken(make_client(f"max_set_aside: 1\n{settings}", base=base), tmp_path, "subscriptions")
    assert plans.customer_id.tolist() == ["b"]
    assert list(account["reasons"].values()) == [1]


def test_the_number_of_the_row_is_a_key_where_there_is_none(make_client, tmp_path):
    settings = """\
tables:
  leads: {from: "l*.csv", columns: {lead_id: {row_number: true}}}
  surveys:
    - {from: l1.csv, columns: {response_id: {row_number: "nps-"}, answered_at: created_at, score: a,
       kind: {constant: nps}}}
    - {from: l1.csv, columns: {response_id: {row_number: "csat-"}, answered_at: created_at, score: b,
       kind: {constant: csat}}}
"""
    head = "created_at,channel,a,b\n"
    client = make_client(settings, l1=f"{head}2024-01-01,web,9,5\n2024-01-01,web,9,5\n", l2=f"{head}2024-01-01,web,,\n")
    leads, account = taken(client, tmp_path, "leads")
    assert leads.lead_id.tolist() == ["l1.csv:2", "l1.csv:3", "l2.csv:2"]
    assert account["quarantined"] == 0
    surveys, _ = taken(client, tmp_path, "surveys")
    assert surveys.response_id.tolist() == ["nps-l1.csv:2", "nps-l1.csv:3", "csat-l1.csv:2", "csat-l1.csv:3"]


def test_the_rows_made_of_one_row_have_keys_of_their_own(make_client, tmp_path):
    settings = """\
name: Test
tables:
  surveys:
    from: s.csv
    columns_to_rows: {headings: [nps, csat], name: Question, value: Answer}
    columns: {response_id: {row_number: true}, answered_at: day, kind: Question, score: Answer}
"""
    surveys, _ = taken(make_client(settings, s="day,nps,csat\n2024-01-01,9,4\n2024-01-02,3,2\n"), tmp_path, "surveys")
    assert surveys.response_id.tolist() == ["s.csv:2:nps", "s.csv:2:csat", "s.csv:3:nps", "s.csv:3:csat"]
    assert surveys.score.tolist() == [9, 4, 3, 2]


# The day at whose end the data are looked at


@pytest.mark.parametrize(
    ("as_of", "looked_at", "asked"),
    [("2024-06-30", "2024-06-30", 1), ("2024-03-05", "2024-03-05", 0), ("", "2024-06-01", 0)],
)
def test_any_day_up_to_today_may_be_looked_at_and_later_outcomes_count(case, tmp_path, as_of, looked_at, asked):
    settings = f"timezone: UTC\n{f'as_of: {as_of}' if as_of else ''}\ntables: {{leads: {{from: leads.csv}}}}\n"
    made = take_in(case("as_of_early", settings), tmp_path / "workspace")
    assert made.as_of.isoformat() == looked_at
    assert made.account["tables"]["leads"]["columns"]["converted_at"] == 2
    said = made.account["tables"]["leads"]["questions"]
    assert ["nothing is known after 2024-06-01" in one for one in said] == [True] * asked


@pytest.mark.parametrize("as_of", ["2099-01-01", "2023-12-31"])
def test_a_day_to_come_and_one_before_the_data_are_refused(make_client, tmp_path, as_of):
    client = make_client(f"as_of: {as_of}\n", leads="lead_id,created_at\nL1,2024-01-05\n")
    (said,) = problems(client, tmp_path)
    assert f"as_of: found {as_of}; expected a day from 2024-01-05, on which the data begin, to today" in said


# The YAML itself


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("latest_by: at", "expected one_row_per beside latest_by"),
        ("{one_row_per: ticket_id, latest_by: a, first_by: b}", "expected latest_by or first_by"),
        ("{one_row_per: ticket_id, take: {priority: latest}}", "expected latest_by, which tells the latest row"),
        ("{one_row_per: ticket_id, take: {priority: any}}", "expected a column of true and false"),
        ("{one_row_per: ticket_id, take: {priority: count}}", "expected a column of numbers"),
        ("{one_row_per: ticket_id, take: {priority: newest}}", "expected one of latest, latest filled, first"),
        ("{one_row_per: ticket_id, take: {priorty: first}}", "did you mean 'priority'?"),
        ("latest_bye: at", "did you mean 'latest_by'?"),
        ("headings: [a, b, a]", "found the heading 'a' twice or empty"),
        ("{database: 'sqlite:///x.db', headings: [a]}", "expected no headings beside database"),
        ("columns_to_rows: {headings: [a], name: b}", "add value:"),
        ("columns_to_rows: {heading: [a], name: b, value: c}", "did you mean 'headings'?"),
        ("columns: {resolved_at: {before: [{constant: 1}, {constant: 2}]}}", "at least one a heading"),
        (
            "columns: {resolved_at: {after: [a, b], unit: month}}",
            "expected one of seconds, minutes, hours, days, weeks",
        ),
        ("columns: {ticket_id: {row_numbre: true}}", "did you mean 'row_number'?"),
    ],
)
def test_new_keys_are_checked_with_their_line_and_the_nearest_name(tmp_path, keys, said):
    inner = keys[1:-1] if keys.startswith("{") else keys
    path = write_client(tmp_path, f"name: Test\ntables: {{tickets: {{from: a.csv, {inner}}}}}\n")
    with pytest.raises(UnusableInput) as refused:
        load_client(path)
    found = [str(problem) for problem in refused.value.problems]
    assert any(said in one and "line 5, column " in one for one in found), found


# Bands of values


INCOMES = ["$100 - $200", "$50 - $100", "$200+", "< $50", "$100 - $200"]
SPENDS = ["35-49K", "under 35K", "50-74K", "100K or more", "35-49K"]
AGES = ["60岁以上", "18-24岁", "25-59岁", "18-24岁", "60岁以上"]


def test_bands_are_kept_as_they_stand_and_their_order_is_said(make_client, tmp_path):
    settings = """\
tables:
  orders: {from: orders.csv}
  customers: {from: customers.csv, columns: {tier: Income, industry: Spend, region: Age}}
"""
    rows = zip(range(5), INCOMES, SPENDS, AGES, strict=True)
    customers = "customer_id,Income,Spend,Age\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    orders = "order_id,customer_id,ordered_at,amount\n1,0,2024-01-01,5\n"
    client = make_client(settings, customers=customers, orders=orders)
    made, account = taken(client, tmp_path, "customers")
    assert (made.tier.tolist(), made.industry.tolist(), made.region.tolist()) == (INCOMES, SPENDS, AGES)
    assert account["bands"] == {
        "tier": ["< $50", "$50 - $100", "$100 - $200", "$200+"],
        "industry": ["under 35K", "35-49K", "50-74K", "100K or more"],
        "region": ["18-24岁", "25-59岁", "60岁以上"],
    }


def test_a_table_of_a_segment_shows_bands_in_their_order_and_other_values_by_share():
    segments = pd.DataFrame({"customer_id": [str(n) for n in range(9)], "tier": ["core"] * 5 + ["other"] * 4})
    ages = ["65+", "65+", "18-24", "25-64", "65+", "18-24", "25-64", "25-64", None]
    customers = pd.DataFrame({"customer_id": segments.customer_id, "age": ages})
    profile = segmentation.segment_shares(segments, customers, attribute="age", segment="core")
    assert profile.value.fillna("").tolist() == ["18-24", "25-64", "65+", ""]
    customers["age"] = customers.age.replace({"65+": "old", "18-24": "young", "25-64": "middle"})
    profile = segmentation.segment_shares(segments, customers, attribute="age", segment="core")
    assert profile.value.fillna("").tolist() == ["old", "young", "middle", ""]


def test_the_best_band_is_found_by_its_share_and_not_by_its_place():
    bands = {"18-24": 10, "25-64": 90, "65+": 50}
    ages = [age for age in bands for _ in range(100)]
    tiers = [tier for core in bands.values() for tier in ["core"] * core + ["other"] * (100 - core)]
    customers = pd.DataFrame({"customer_id": list(map(str, range(300))), "age": ages})
    shares = segmentation.segment_shares(customers.assign(tier=tiers), customers, attribute="age")
    found = segmentation.finding_origin(shares)
    assert found is not None
    assert shares.value.tolist() == list(bands)
    assert found.headline == "“25-64” has 90% core customers, “18-24” 10%"


@pytest.mark.parametrize("amount", ["$100 - $200", "35-49K", "65+", "100 – 200 €"])
def test_a_band_is_no_number_and_the_row_says_so(make_client, tmp_path, amount):
    orders = f"order_id,ordered_at,amount\n1,2024-01-01,{amount}\n2,2024-01-02,30\n3,2024-01-02,many\n"
    made, account = taken(make_client("max_set_aside: 1\n", orders=orders), tmp_path, "orders")
    assert made.amount.tolist() == [30]
    assert account["reasons"] == {
        "amount is a band of values such as 100 - 200, not a number": 1,
        "amount is not a number": 1,
    }
