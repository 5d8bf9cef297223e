"""Customer data: what is known, how far it can be trusted, and what may be done with it."""

from crmlib.lifecycle.customer_data.account import (
    amount_account,
    amount_bridge,
    decisions,
    finding_quarantine,
    reasons,
    repairs,
    row_account,
    table_of_bridge,
    table_of_rows,
)
from crmlib.lifecycle.customer_data.audit import audit_intervals, rows_to_check
from crmlib.lifecycle.customer_data.buyers import buyers_of_the_year, revenue_by_identity
from crmlib.lifecycle.customer_data.captioned import CaptionedTable
from crmlib.lifecycle.customer_data.coverage import coverage_by_month, finding_gaps, gaps, plot_coverage
from crmlib.lifecycle.customer_data.feasibility import analyses, table_of_analyses
from crmlib.lifecycle.customer_data.identities import (
    SplitOrders,
    duplicates_found,
    finding_duplicates,
    merged_orders,
    orders_per_buyer,
    plot_split_effect,
    repeat_measures,
    split_customers,
    split_effect,
)
from crmlib.lifecycle.customer_data.quality import (
    finding_unknown,
    plot_quality,
    quality_scores,
    unknown_of_buyers,
    worst_columns,
)
from crmlib.lifecycle.customer_data.reach import (
    consents,
    finding_unreachable,
    plot_reach,
    reach,
    reach_overlap,
    table_of_overlap,
)
from crmlib.lifecycle.customer_data.timeline import (
    best_known,
    events,
    known_from,
    plot_timeline,
    table_of_timeline,
    timeline,
)
from crmlib.lifecycle.customer_data.unattributed import attribution, finding_unattributed, table_of_attribution

__all__ = [
    "CaptionedTable",
    "SplitOrders",
    "amount_account",
    "amount_bridge",
    "analyses",
    "attribution",
    "audit_intervals",
    "best_known",
    "buyers_of_the_year",
    "consents",
    "coverage_by_month",
    "decisions",
    "duplicates_found",
    "events",
    "finding_duplicates",
    "finding_gaps",
    "finding_quarantine",
    "finding_unattributed",
    "finding_unknown",
    "finding_unreachable",
    "gaps",
    "known_from",
    "merged_orders",
    "orders_per_buyer",
    "plot_coverage",
    "plot_quality",
    "plot_reach",
    "plot_split_effect",
    "plot_timeline",
    "quality_scores",
    "reach",
    "reach_overlap",
    "reasons",
    "repairs",
    "repeat_measures",
    "revenue_by_identity",
    "row_account",
    "rows_to_check",
    "split_customers",
    "split_effect",
    "table_of_analyses",
    "table_of_attribution",
    "table_of_bridge",
    "table_of_overlap",
    "table_of_rows",
    "table_of_timeline",
    "timeline",
    "unknown_of_buyers",
    "worst_columns",
]
