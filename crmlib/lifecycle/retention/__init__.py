"""Retention: who comes back, how many, when, and how sure that is.

For shoppers, whose end is never seen, retention is activity: ``cohort_tables`` says what share bought in each period,
``second_order`` and ``kaplan_meier`` when they came back first and what it brings, and ``differences`` what may be
compared with what. For contracts, whose end is seen, ``renewals`` says how many survive, and how it goes on. Then
``figures`` and ``findings``, whose words are in ``words.yaml``.
"""

from crmlib.lifecycle.retention.cohort_tables import cohort_triangle, cohorts, last_seen, pooled_retention
from crmlib.lifecycle.retention.differences import compare_groups, compare_newer
from crmlib.lifecycle.retention.figures import (
    plot_early_orders,
    plot_projection,
    plot_repeat_rate,
    plot_retention,
    plot_return_curves,
    plot_triangle,
    plot_waiting,
    renewal_models_table,
)
from crmlib.lifecycle.retention.findings import (
    finding_groups,
    finding_newer,
    finding_renewals,
    finding_second_order,
    finding_timing,
    renewal_to_save,
)
from crmlib.lifecycle.retention.kaplan_meier import log_rank, median_wait, return_curves, waiting_times
from crmlib.lifecycle.retention.renewals import (
    most_frequent_term,
    project_renewals,
    renewal_ages,
    renewal_model,
    renewal_models,
    renewal_outlook,
    running_subscriptions,
    subscription_terms,
)
from crmlib.lifecycle.retention.second_order import (
    early_orders,
    grouping,
    repeat_rate,
    second_orders,
    time_to_return,
    value_of_second_orders,
)
