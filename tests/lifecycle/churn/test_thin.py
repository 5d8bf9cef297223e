"""The chapter on thin data: whatever tables a client has, it runs to its end, and says what it cannot say."""

import datetime as dt
import textwrap

import jupytext
import pytest

import crmlib
from crmlib.chapter.sections import for_client
from tests.conftest import write_client

ORDERS = "order_id,customer_id,ordered_at,amount\n"
TWO = ORDERS + "1,a,2025-01-02,5\n2,b,2025-03-03,7\n"
MANY = ORDERS + "".join(
    f"{n},c{n % 60},{dt.date(2024, 1, 1) + dt.timedelta(days=(n * 37) % 700)},{5 + n % 40}\n" for n in range(300)
)
OLD = ORDERS + "".join(f"{n},c{n},{dt.date(2024, 1, 1) + dt.timedelta(days=n)},10\n" for n in range(40)) + (
    "99,z,2025-12-30,1\n"
)  # fmt: skip
SUBSCRIPTIONS = (
    "customer_id,started_at,ended_at,price,period\na,2025-01-05,,10,month\nb,2025-02-01,2025-06-01,20,month\n"
)
TICKETS = "ticket_id,customer_id,opened_at,is_complaint\n1,c1,2025-05-05 10:00,true\n2,c2,2025-06-06 10:00,false\n"
SOLVED = (
    "ticket_id,customer_id,opened_at,resolved_at,is_complaint\n"
    "1,c1,2025-05-05 10:00,2025-05-05 12:00,true\n2,nobody,2025-06-06 10:00,,true\n"
)
ACTIONS = "action_id,play,customer_id,arm,assigned_at,cost\n1,x,c1,treat,2025-05-05,1\n2,x,c2,{arm},2025-05-06,\n"
SURVEYS = "response_id,customer_id,answered_at,kind,score\n1,c1,2025-05-05,nps,3\n"

CLIENTS = {
    "two orders": {"orders": TWO},
    "orders alone": {"orders": MANY},
    "nobody came back": {"orders": OLD},
    "subscriptions alone": {"subscriptions": SUBSCRIPTIONS},
    "subscriptions of today": {
        "subscriptions": "customer_id,started_at,price\na,2025-12-20,10\n", "orders": TWO
    },
    "complaints without an answer": {"orders": MANY, "tickets": TICKETS},
    "complaints of one kind": {"orders": MANY, "tickets": SOLVED},
    "one arm": {"orders": MANY, "actions": ACTIONS.format(arm="treat")},
    "two arms of one": {"orders": MANY, "actions": ACTIONS.format(arm="control")},
    "all of little": {
        "orders": MANY, "tickets": SOLVED, "surveys": SURVEYS, "subscriptions": SUBSCRIPTIONS,
        "actions": ACTIONS.format(arm="control"),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CLIENTS)
def test_the_chapter_runs_to_its_end_and_tells_nothing_it_cannot_know(repository, tmp_path, name):
    language = ["en", "zh"][list(CLIENTS).index(name) % 2]
    settings = f"language: {language}\nas_of: 2025-12-31\n"
    client = write_client(tmp_path, settings, **{table: textwrap.dedent(rows) for table, rows in CLIENTS[name].items()})
    opened = crmlib.begin("06_churn", client)
    notebook = jupytext.read(repository / "notebooks" / "source" / "06_churn.py")
    told = []

    def conclude(self, *findings):
        told.extend(one for one in findings if one is not None)

    space = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(opened), "conclude", conclude)
        for cell in for_client(notebook, opened.has)["cells"]:
            if cell["cell_type"] == "code":
                source = cell["source"].replace("../data/aurora/client.yaml", client.as_posix())
                exec(compile(source, name, "exec"), space)
    assert told == []
