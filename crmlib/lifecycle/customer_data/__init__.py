"""Customer data: what is known, how far it can be trusted, and what may be done with it.

Measures by idea: ``account`` (every row and amount of the intake, what can be analysed, a check by hand), ``quality``
(columns, months, gaps), ``timeline`` (one customer from all sides), ``buyers`` (whose revenue it is, what is not known
of them, whom we may contact) and ``identities`` (one person under two ids). Then ``figures`` and ``findings``, whose
words are in ``words.yaml``.
"""

from crmlib.lifecycle.customer_data.account import (
    amount_account,
    amount_bridge,
    analyses,
    audit_intervals,
    decisions,
    duplicates_found,
    reasons,
    repairs,
    row_account,
    rows_to_check,
)
from crmlib.lifecycle.customer_data.buyers import (
    attribution,
    buyers_of_the_year,
    consents,
    reach,
    reach_overlap,
    revenue_by_identity,
    unknown_of_buyers,
)
from crmlib.lifecycle.customer_data.figures import (
    analyses_table,
    attribution_table,
    bridge_table,
    overlap_table,
    plot_coverage,
    plot_quality,
    plot_reach,
    plot_split_effect,
    plot_timeline,
    rows_table,
    timeline_table,
)
from crmlib.lifecycle.customer_data.findings import (
    finding_duplicates,
    finding_gaps,
    finding_quarantine,
    finding_unattributed,
    finding_unknown,
    finding_unreachable,
)
from crmlib.lifecycle.customer_data.identities import (
    SplitOrders,
    merged_orders,
    orders_per_buyer,
    repeat_measures,
    split_customers,
    split_effect,
)
from crmlib.lifecycle.customer_data.quality import coverage_by_month, gaps, quality_scores, worst_columns
from crmlib.lifecycle.customer_data.timeline import best_known, events, known_from, timeline
