"""The sample brand as the tests of acquisition read it, and what was planted in it."""

import json

import pandas as pd
import pytest

import crmlib
from crmlib.contract import TABLES
from crmlib.engine import connect, empty_table
from crmlib.lifecycle import acquisition

NAMES = ("orders", "customers", "spend", "leads", "lead_stages", "touches")


@pytest.fixture(scope="package")
def aurora(repository):
    return crmlib.begin("05_retention", client=repository / "data/aurora/client.yaml")


@pytest.fixture(scope="package")
def tables(aurora):
    return {name: aurora.table(name) for name in NAMES}


@pytest.fixture(scope="package")
def truth(repository):
    return json.loads((repository / "data/aurora/truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="package")
def known(aurora):
    """What all measures of newcomers are told."""
    return {"as_of": aurora.as_of, "earlier": aurora.earlier, "start": aurora.start}


@pytest.fixture(scope="package")
def of_leads(aurora, tables):
    leads, stages = tables["leads"], tables["lead_stages"]
    times = acquisition.stage_times(leads, stages, as_of=aurora.as_of)
    by_channel = acquisition.lead_times(leads, stages, as_of=aurora.as_of, by="channel")
    return {
        "times": times,
        "stages": acquisition.conversion(times, by="stage"),
        "rates": acquisition.conversion(by_channel, by="group"),
        "slow": acquisition.slow_after(times),
        "speed": acquisition.contact_speed(leads, stages, as_of=aurora.as_of),
    }


@pytest.fixture(scope="package")
def earned(tables, known):
    return acquisition.earnings(*(tables[n] for n in NAMES[:3]), margin=0.55, **known)


def leads_of(*rows):
    """Leads from (id, created, converted, lost_reason), all through ads."""
    frame = pd.DataFrame(rows, columns=["lead_id", "created_at", "converted_at", "lost_reason"])
    frame["lost_reason"] = frame.lost_reason.astype("str").where(frame.lost_reason.notna(), None)
    return frame.assign(
        created_at=pd.to_datetime(frame.created_at), converted_at=pd.to_datetime(frame.converted_at), channel="ads"
    )


def stages_of(*rows):
    """Stages from (lead, stage, entered)."""
    frame = pd.DataFrame(rows, columns=["lead_id", "stage", "entered_at"])
    return frame.assign(entered_at=pd.to_datetime(frame.entered_at))


def empties():
    """All tables as a chapter gets them where the client has none, in one database."""
    connection = connect()
    return {name: empty_table(connection, name, TABLES[name].kinds) for name in NAMES}
