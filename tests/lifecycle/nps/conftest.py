"""The sample brand's answers, and answers made of counts."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from crmlib.lifecycle import nps

AURORA = Path(__file__).resolve().parents[3] / "data" / "aurora"
AS_OF = "2025-12-31"


def made_of(promoters: int, passives: int, detractors: int, **more: object) -> pd.DataFrame:
    """So many answers of each kind, one per customer."""
    score = [10.0] * promoters + [8.0] * passives + [3.0] * detractors
    frame = pd.DataFrame({"score": score, "respondent": [f"c{n}" for n in range(len(score))]})
    frame["category"] = ["promoter"] * promoters + ["passive"] * passives + ["detractor"] * detractors
    frame["net"] = frame.category.map({"promoter": 1, "passive": 0, "detractor": -1})
    frame["customer_id"] = frame.respondent
    frame["response_id"] = [f"r{n:05d}" for n in range(len(score))]
    return frame.assign(answered_at=pd.Timestamp("2025-06-01"), **more)


def pooled(dimension: str, **counts: tuple[int, int, int]) -> pd.DataFrame:
    """So many answers of each kind in every group of the dimension, all of different customers."""
    frame = pd.concat([made_of(*c, **{dimension: name}) for name, c in counts.items()])
    return frame.assign(respondent=[str(n) for n in range(len(frame))])


def frame(**columns: object) -> pd.DataFrame:
    """A table whose times (the columns that end in ``at``) are written as text."""
    return pd.DataFrame({name: pd.to_datetime(v) if name.endswith("at") else v for name, v in columns.items()})


def table(name: str, **columns: str) -> pd.DataFrame:
    """A table of the sample with its times in the client's zone, as a chapter sees it."""
    frame = pd.read_csv(AURORA / f"{name}.csv", dtype={"customer_id": str, "response_id": str, "comment": str})
    for column in ("answered_at", "ordered_at", "touched_at", "at", "opened_at"):
        if column in frame.columns:
            frame[column] = pd.to_datetime(frame[column])
    return frame


@pytest.fixture(scope="package")
def truth() -> dict:
    return json.loads((AURORA / "truth.json").read_text(encoding="utf-8"))["surveys"]


@pytest.fixture(scope="package")
def orders() -> pd.DataFrame:
    return table("orders")


@pytest.fixture(scope="package")
def answers() -> pd.DataFrame:
    return nps.answers(table("surveys"), as_of=AS_OF)


@pytest.fixture(scope="package")
def requests_sent(answers, orders) -> pd.DataFrame:
    known = {"customers": table("customers"), "orders": orders, "loyalty": table("loyalty")}
    return nps.requests(table("touches"), answers, as_of=AS_OF, **known)


@pytest.fixture(scope="package")
def weighted(answers, requests_sent) -> pd.DataFrame:
    return nps.weigh(answers, requests_sent, nps.response_model(requests_sent))
