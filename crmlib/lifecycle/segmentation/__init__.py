"""Segmentation: who the customers are, what each group is worth, and who moved where."""

from crmlib.lifecycle.segmentation.activity import (
    customer_activity,
    purchase_rhythm,
    revenue_without_customer,
    under_contract,
)
from crmlib.lifecycle.segmentation.exhibits import (
    CaptionedTable,
    table_of_clusters,
    table_of_stages,
    table_of_tiers,
)
from crmlib.lifecycle.segmentation.k_means import (
    adjusted_rand_index,
    cluster_stability,
    clusters,
    clusters_beside_rules,
    finding_clusters,
)
from crmlib.lifecycle.segmentation.movement import (
    comparison_day,
    finding_core_lost,
    finding_potential,
    migration,
    plot_migration,
    segment_outcomes,
)
from crmlib.lifecycle.segmentation.pareto import (
    abc_classes,
    concentration,
    finding_concentration,
    pareto_curve,
    plot_pareto,
    spending,
)
from crmlib.lifecycle.segmentation.profiles import finding_origin, segment_shares, segment_usage
from crmlib.lifecycle.segmentation.rfm import cut_points, plot_rfm_grid, rfm_grid, rfm_scores
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.lifecycle.segmentation.summary import (
    finding_sleeping,
    named,
    segment_rules,
    segment_summary,
    sleepers_under_contract,
    sleeping_lines,
)
from crmlib.lifecycle.segmentation.survey_answers import finding_dissatisfied, needs, satisfaction, segment_satisfaction
from crmlib.lifecycle.segmentation.tiers import segments, thresholds
from crmlib.purchases import history_days

__all__ = [
    "CaptionedTable",
    "Rules",
    "abc_classes",
    "adjusted_rand_index",
    "cluster_stability",
    "clusters",
    "clusters_beside_rules",
    "comparison_day",
    "concentration",
    "customer_activity",
    "cut_points",
    "finding_clusters",
    "finding_concentration",
    "finding_core_lost",
    "finding_dissatisfied",
    "finding_origin",
    "finding_potential",
    "finding_sleeping",
    "history_days",
    "migration",
    "named",
    "needs",
    "pareto_curve",
    "plot_migration",
    "plot_pareto",
    "plot_rfm_grid",
    "purchase_rhythm",
    "read_rules",
    "revenue_without_customer",
    "rfm_grid",
    "rfm_scores",
    "satisfaction",
    "segment_outcomes",
    "segment_rules",
    "segment_satisfaction",
    "segment_shares",
    "segment_summary",
    "segment_usage",
    "segments",
    "sleepers_under_contract",
    "sleeping_lines",
    "spending",
    "table_of_clusters",
    "table_of_stages",
    "table_of_tiers",
    "thresholds",
    "under_contract",
]
