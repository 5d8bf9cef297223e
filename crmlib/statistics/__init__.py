"""How sure a number is: every kind of interval, correction and limit once, for all chapters.

``level`` is everywhere the two-sided coverage that an interval promises (0.95: of a hundred such intervals, 95 hold
the truth). Intervals are pairs ``(low, high)``. Where a docstring does not say otherwise, arguments are numbers,
arrays, pandas columns or Ibis columns alike, and the answer is of their kind.
"""

from crmlib.statistics.bootstrap import percentiles, poisson_resamples
from crmlib.statistics.comparisons import bonferroni, difference, holm
from crmlib.statistics.limits import CHANCE_OF_A_GAP, ProcessLimits, longer_silences, process_limits, run_lengths
from crmlib.statistics.means import delta_error, mean_of_sums, per_count, skewed, standard_errors, wald
from crmlib.statistics.net_score import adjusted_wald, net_score_variance
from crmlib.statistics.shares import newcombe, wilson
from crmlib.statistics.steps import Step, find_step
from crmlib.statistics.survival import cumulative_incidence, kaplan_meier, log_rank

__all__ = [
    "CHANCE_OF_A_GAP",
    "ProcessLimits",
    "Step",
    "adjusted_wald",
    "bonferroni",
    "cumulative_incidence",
    "delta_error",
    "difference",
    "find_step",
    "holm",
    "kaplan_meier",
    "log_rank",
    "longer_silences",
    "mean_of_sums",
    "net_score_variance",
    "newcombe",
    "per_count",
    "percentiles",
    "poisson_resamples",
    "process_limits",
    "run_lengths",
    "skewed",
    "standard_errors",
    "wald",
    "wilson",
]
