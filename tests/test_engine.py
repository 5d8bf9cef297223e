import ibis
import pandas as pd
import pytest

from crmlib.engine import same_kind
from crmlib.purchases import purchases


def orders(**changes):
    frame = pd.DataFrame(
        {
            "order_id": list("1234567"),
            "customer_id": ["a", "a", "b", "b", None, "c", "d"],
            "ordered_at": pd.to_datetime(["2025-01-01 23:59"] * 6 + ["2025-01-02 00:00"]),
            "amount": [10.0, 5.0, 8.0, -3.0, 7.0, 0.0, 9.0],
            "status": ["paid", "cancelled", "refunded", "paid", None, "paid", "open"],
            "refunded_amount": [4.0, None, None, None, None, None, None],
        }
    )
    return frame.assign(**changes)


@pytest.mark.parametrize("kind", ["pandas", "ibis"])
def test_purchases_are_what_was_kept_paid_and_not_given_back(kind):
    table = orders() if kind == "pandas" else ibis.memtable(orders())
    bought = purchases(table)
    assert isinstance(bought, pd.DataFrame) == (kind == "pandas")
    bought = bought if kind == "pandas" else bought.to_pandas()
    assert sorted(zip(bought.customer_id, bought.spend, strict=True)) == [("a", 6.0)]


def test_guests_and_free_orders_count_where_asked():
    assert purchases(orders(), guests=True).spend.sum() == 13.0
    visits = purchases(orders(), free_orders="count")
    assert sorted(zip(visits.customer_id, visits.spend, strict=True)) == [("a", 6.0), ("c", 0.0)]


def test_the_whole_last_day_counts_and_nothing_after_it():
    paid = orders(status="paid", refunded_amount=0.0)
    assert purchases(paid, as_of="2025-01-01", guests=True).spend.sum() == 30.0
    assert purchases(paid, as_of="2025-01-02", guests=True).spend.sum() == 39.0


def test_the_order_table_of_a_thin_client_suffices():
    bare = orders()[["customer_id", "ordered_at", "amount"]]
    assert purchases(bare, keep=["store"]).store.isna().all()
    assert purchases(bare).spend.sum() == 32.0


def test_a_measure_leaves_what_it_was_given_alone():
    frame = orders()
    before = frame.copy()
    purchases(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_a_mixture_of_kinds_answers_in_pandas():
    @same_kind
    def joined(left, right):
        return left.inner_join(right, "key").select("key").order_by("key")

    frame = pd.DataFrame({"key": [2, 1]})
    assert joined(frame, ibis.memtable(frame)).key.tolist() == [1, 2]
