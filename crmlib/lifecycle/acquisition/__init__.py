"""Acquisition: who is won through which channel, what that costs, and what it leaves.

``leads`` follows prospects from stage to stage (open ones are not lost), ``speed`` asks whether a quick first contact
wins more of them. ``costs`` says who came through which channel, what it cost, and when the money is back;
``attribution`` shows the rules by which contacts before the first order are credited, side by side; ``saturation``
what more money would bring, where the data can tell. Then ``figures`` and ``findings``, whose words are in
``words.yaml``.
"""

from crmlib.lifecycle.acquisition.attribution import (
    attribution,
    channel_sets,
    path_summary,
    paths,
    removal_effects,
    rule_credits,
    shapley_credits,
    transitions,
)
from crmlib.lifecycle.acquisition.costs import (
    acquisition_costs,
    channel_mix,
    earnings,
    newcomers,
    payback,
    source_quality,
)
from crmlib.lifecycle.acquisition.figures import (
    channel_name,
    pipeline_table,
    plot_attribution,
    plot_cohort_ratio,
    plot_conversion,
    plot_costs,
    plot_mix,
    plot_payback,
    plot_reasons,
    plot_speed,
    plot_stages,
    quality_table,
    response_table,
    stage_name,
    steps_table,
)
from crmlib.lifecycle.acquisition.findings import (
    finding_attribution,
    finding_payback,
    finding_speed,
    finding_steps,
    finding_waiting,
)
from crmlib.lifecycle.acquisition.leads import (
    after_long_waits,
    compare_conversion,
    conversion,
    lead_times,
    lost_reasons,
    open_leads,
    pipeline,
    slow_after,
    stage_order,
    stage_times,
    velocity,
)
from crmlib.lifecycle.acquisition.saturation import budget_steps, response_to_spend
from crmlib.lifecycle.acquisition.speed import contact_speed, effect_of_speed, speed_bands
