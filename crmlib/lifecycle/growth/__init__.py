"""Growth: what goes together, what comes next, and what a club, a set or a discount truly brings.

``baskets`` says what was bought together; ``affinity``, ``item_sets`` and ``sequences`` which items belong together
beyond chance; ``attach`` how often one comes with another, and what a measure of ``rollouts`` changed in it;
``next_product`` and ``replenishment`` what a customer may need next; ``ladder`` and ``discounts`` what prices do;
``item_lives`` and ``whitespace`` what grows, and where something is missing; ``loyalty`` the members' club. Then
``figures`` and ``findings``, whose words are in ``words.yaml``.
"""

from crmlib.lifecycle.growth.affinity import affinities
from crmlib.lifecycle.growth.attach import (
    all_effects,
    attach_rate,
    attachable,
    idle_before_after,
    pair_to_follow,
    rollout_customers,
    rollout_effect,
)
from crmlib.lifecycle.growth.baskets import basket_trend, baskets, item_kind, item_names
from crmlib.lifecycle.growth.discounts import discount_dependence, discount_trend
from crmlib.lifecycle.growth.figures import (
    affinities_told,
    item_sets_table,
    joiners_table,
    ladder_table,
    plot_affinities,
    plot_attach_rate,
    plot_basket_trend,
    plot_discount_dependence,
    plot_item_changes,
    plot_item_lives,
    plot_points,
    plot_recall,
    plot_replenishment,
    plot_sequences,
    plot_tier_migration,
    plot_whitespace,
    rollouts_table,
    tiers_table,
)
from crmlib.lifecycle.growth.findings import (
    finding_affinity,
    finding_club,
    finding_discounts,
    finding_rollout,
    findings_of_rollouts,
)
from crmlib.lifecycle.growth.item_lives import item_changes, item_lives
from crmlib.lifecycle.growth.item_sets import item_sets
from crmlib.lifecycle.growth.ladder import ladder, steps_of
from crmlib.lifecycle.growth.loyalty import (
    joined_with_first_order,
    joiners_before,
    points_by_age,
    points_liability,
    tier_migration,
    tier_summary,
)
from crmlib.lifecycle.growth.next_product import next_items, recall
from crmlib.lifecycle.growth.replenishment import due, replenishment
from crmlib.lifecycle.growth.rollouts import Rollout, read_rollouts
from crmlib.lifecycle.growth.sequences import sequences
from crmlib.lifecycle.growth.whitespace import segment_column, whitespace
