"""Segmentation: who the customers are, what each group is worth, and who moved where.

Measures by idea: ``activity`` (one row per customer), ``rfm`` (scores), ``tiers`` (thresholds, tiers and stages by the
rules of ``rules.yaml``), ``summary`` (what each amounts to), ``pareto``, ``movement`` (between two days), ``counting``
(who is counted), ``k_means``, ``profiles`` (origin and usage), ``orders`` (what needs no customer) and
``survey_answers``. Then ``figures`` and ``findings``, whose words are in ``words.yaml``.
"""

from crmlib.lifecycle.segmentation.activity import (
    customer_activity,
    purchase_rhythm,
    revenue_without_customer,
    under_contract,
)
from crmlib.lifecycle.segmentation.counting import counted
from crmlib.lifecycle.segmentation.figures import (
    clusters_table,
    counted_table,
    cut_points_table,
    needs_table,
    orders_by_name_table,
    plot_asleep_by_tier,
    plot_migration,
    plot_pareto,
    plot_rfm_grid,
    plot_seasons,
    stages_table,
    thresholds_table,
    tiers_table,
)
from crmlib.lifecycle.segmentation.findings import (
    finding_concentration,
    finding_core_lost,
    finding_dissatisfied,
    finding_origin,
    finding_potential,
    finding_sleeping,
)
from crmlib.lifecycle.segmentation.k_means import (
    adjusted_rand_index,
    cluster_stability,
    clusters,
    clusters_beside_rules,
)
from crmlib.lifecycle.segmentation.movement import (
    comparison_day,
    earlier_segments,
    migration,
    segment_outcomes,
    silent_by_segment,
)
from crmlib.lifecycle.segmentation.orders import orders_by_name, seasons
from crmlib.lifecycle.segmentation.pareto import abc_classes, concentration, pareto_curve, spending
from crmlib.lifecycle.segmentation.profiles import segment_shares, segment_usage
from crmlib.lifecycle.segmentation.rfm import cut_points, rfm_grid, rfm_scores
from crmlib.lifecycle.segmentation.rules import Rules, read_rules
from crmlib.lifecycle.segmentation.summary import segment_summary, sleepers_under_contract, sleeping_lines
from crmlib.lifecycle.segmentation.survey_answers import needs, satisfaction, segment_satisfaction
from crmlib.lifecycle.segmentation.tiers import segments, silent_after, thresholds
from crmlib.purchases import history_days
