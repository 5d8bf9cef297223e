"""Measures answer in kind, change nothing that they were given, and say the same of the same data."""

from __future__ import annotations

import ibis
import pandas as pd
import pytest

from crmlib.lifecycle import nps
from tests.lifecycle.nps import test_outcome as outcome
from tests.lifecycle.nps import test_trend_and_groups as groups
from tests.lifecycle.nps import test_weighting as weighting
from tests.lifecycle.nps.conftest import AS_OF
from tests.lifecycle.nps.test_drivers import simulated
from tests.lifecycle.nps.test_score import SURVEYS

QUARTERS = groups.quarters((60, 30, 10), (50, 30, 20))


@pytest.mark.parametrize(
    ("measure", "tables", "in_kind"),
    [
        (nps.answers, [SURVEYS], True),
        (lambda answers: nps.scores(answers, by=["category"]), [QUARTERS], True),
        (lambda answers: nps.trend(answers, as_of="2024-12-31"), [QUARTERS], False),
        (lambda answers: nps.groups(answers, dimensions=["category"]), [QUARTERS], False),
        (lambda answers, orders: nps.with_traits(answers, orders=orders), [groups.ANSWERS, groups.ORDERS], True),
        (lambda *given: nps.requests(*given, as_of=AS_OF), [weighting.TOUCHES, weighting.ANSWERS], True),
        (lambda orders: nps.active_customers(orders, as_of=AS_OF), [outcome.ORDERS], True),
        (lambda *given: nps.later_revenue(*given, as_of=AS_OF), [outcome.ANSWERS, outcome.ORDERS], True),
        (lambda *given: nps.standing(*given, as_of=AS_OF), [outcome.ANSWERS, outcome.ORDERS], True),
        (nps.later_by_category, [outcome.followed(5.0)], False),
        (nps.drivers, [simulated(400)], False),
    ],
)
def test_ibis_in_is_the_same_out_and_what_was_given_stays(measure, tables, in_kind):
    before = [table.copy() for table in tables]
    at_once, lazily = measure(*tables), measure(*map(ibis.memtable, tables))
    assert isinstance(lazily, ibis.Table) == in_kind
    pd.testing.assert_frame_equal(lazily.to_pandas() if in_kind else lazily, at_once, check_dtype=False)
    pd.testing.assert_frame_equal(measure(*tables), at_once)
    for table, was in zip(tables, before, strict=True):
        pd.testing.assert_frame_equal(table, was)


def test_the_same_comments_give_the_same_topics(answers):
    pd.testing.assert_frame_equal(nps.topics(answers), nps.topics(answers))
