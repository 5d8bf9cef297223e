"""A table of headings alone is said to be one, whatever types its empty columns are given."""

import pytest

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.problems import UnusableInput

HEADINGS = {
    "orders": "order_id,customer_id,ordered_at,amount",
    "customers": "customer_id,first_seen_at,channel",
    "leads": "lead_id,created_at,channel,stage,converted_at,customer_id,lost_reason,owner",
    "spend": "spent_on,channel,cost",
}


@pytest.mark.parametrize("names", [["customers"], ["leads"], ["spend", "orders"], list(HEADINGS)])
def test_headings_without_rows_are_refused_by_name_and_no_crash(tmp_path, names):
    for name in names:
        (tmp_path / f"{name}.csv").write_text(HEADINGS[name] + "\n", encoding="utf-8")
    tables = "".join(f"  {name}: {{from: {name}.csv}}\n" for name in names)
    settings = tmp_path / "client.yaml"
    settings.write_text(f"name: Empty\ncurrency: EUR\ntimezone: Europe/Berlin\ntables:\n{tables}", encoding="utf-8")
    with pytest.raises(UnusableInput) as refused:
        take_in(load_client(settings), tmp_path / "workspace")
    for name in names:
        assert f"{name}.csv: found no rows" in str(refused.value)
