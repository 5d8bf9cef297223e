"""Retention: who comes back, how many, when, and how sure that is.

For shoppers, whose end is never seen, retention is activity: ``cohorts`` and its triangle say what share
bought in each period, ``second_orders`` and the Kaplan–Meier curves when they came back first. For
contracts, whose end is seen, ``renewal_ages`` and ``project_renewals`` say how many survive, and how it
goes on.
"""

from crmlib.lifecycle.retention.cohort_tables import (
    cohort_triangle,
    cohorts,
    last_seen,
    plot_retention,
    plot_triangle,
    pooled_retention,
)
from crmlib.lifecycle.retention.differences import compare_groups, compare_newer, finding_groups, finding_newer
from crmlib.lifecycle.retention.kaplan_meier import (
    log_rank,
    median_wait,
    plot_return_curves,
    return_curves,
    waiting_times,
)
from crmlib.lifecycle.retention.renewals import (
    finding_renewals,
    most_frequent_term,
    plot_projection,
    project_renewals,
    renewal_ages,
    renewal_model,
    renewal_outlook,
    running_subscriptions,
    subscription_terms,
)
from crmlib.lifecycle.retention.second_order import (
    early_orders,
    grouping,
    plot_early_orders,
    plot_repeat_rate,
    repeat_rate,
    second_orders,
    time_to_return,
)
from crmlib.lifecycle.retention.worth import finding_second_order, finding_timing, value_of_second_orders

__all__ = [
    "cohort_triangle",
    "cohorts",
    "compare_groups",
    "compare_newer",
    "early_orders",
    "finding_groups",
    "finding_newer",
    "finding_renewals",
    "finding_second_order",
    "finding_timing",
    "grouping",
    "last_seen",
    "log_rank",
    "median_wait",
    "most_frequent_term",
    "plot_early_orders",
    "plot_projection",
    "plot_repeat_rate",
    "plot_retention",
    "plot_return_curves",
    "plot_triangle",
    "pooled_retention",
    "project_renewals",
    "renewal_ages",
    "renewal_model",
    "renewal_outlook",
    "repeat_rate",
    "return_curves",
    "running_subscriptions",
    "second_orders",
    "subscription_terms",
    "time_to_return",
    "value_of_second_orders",
    "waiting_times",
]
