"""Prospects who are buyers already: the second records that were planted, and what they do to paths."""

import duckdb
import pandas as pd

from crmlib.intake.identities.duplicates import duplicates
from crmlib.lifecycle import acquisition


def test_the_sixty_prospects_who_are_buyers_already_are_found(repository, truth, aurora, tables):
    people = pd.read_csv(repository / "data/aurora/customers.csv", dtype=str, keep_default_na=False)
    pairs = duplicates(duckdb.connect(), people).pairs.to_pandas()
    found = {frozenset(pair) for pair in pairs.iloc[:, :2].astype(str).itertuples(index=False, name=None)}
    planted = truth["identities"]["duplicates"]
    assert len(planted) == 60
    assert {frozenset(pair) for pair in planted.items()} <= found
    # Their contacts look like ways that led nowhere, although the person has bought: `merge` in the YAML mends that.
    path = acquisition.paths(tables["touches"], tables["orders"], as_of=aurora.as_of).to_pandas()
    of_twins = path[path.customer_id.isin(planted)]
    assert of_twins.customer_id.nunique() > 40
    assert (of_twins.won == 0).all()
