"""KPI scorecard: definitions as data, actual against target, past and forecast, signal against noise, and drivers.

Measures by idea: ``measures`` (what is counted), ``definitions`` and ``formula`` (KPIs as data, in ``kpis.yaml``),
``values``, ``signal``, ``forecasting``, ``overview`` (the card) and ``drivers``; ``settings`` checks targets.
Then ``figures`` and ``findings``, whose words are in ``words.yaml``.

The way through: ``load_kpis(…)`` and ``base_measures(…)`` → ``kpi_values(…)`` → ``natural_limits(…)``,
``forecast(…)`` and ``scorecard(…)``; ``driver_tree(…)`` and ``drill_down(…)`` say why revenue changed.
"""

from crmlib.lifecycle.scorecard.bridge import is_closed, part_sums, revenue_bridge
from crmlib.lifecycle.scorecard.definitions import Kpi, kpi_definitions, load_kpis
from crmlib.lifecycle.scorecard.drivers import drill_down, driver_tree, logarithmic_mean
from crmlib.lifecycle.scorecard.figures import (
    drill_down_table,
    kpi_glossary,
    measures_table,
    plot_driver_tree,
    plot_forecast,
    plot_limits,
    scorecard_table,
    scorecard_tiles,
)
from crmlib.lifecycle.scorecard.findings import (
    finding_off_target,
    finding_revenue_change,
    finding_signals,
    findings_of_counts,
)
from crmlib.lifecycle.scorecard.forecasting import forecast
from crmlib.lifecycle.scorecard.formula import Formula, FormulaInvalid, read_formula
from crmlib.lifecycle.scorecard.measures import (
    BASE_MEASURES,
    BaseMeasure,
    base_measures,
    contact_measures,
    contract_measures,
    lead_measures,
    loyalty_measures,
    order_measures,
    spend_measures,
    survey_measures,
    ticket_measures,
    usage_measures,
    value_days,
)
from crmlib.lifecycle.scorecard.overview import scorecard
from crmlib.lifecycle.scorecard.settings import targets_of
from crmlib.lifecycle.scorecard.signal import natural_limits, steps_in
from crmlib.lifecycle.scorecard.values import kpi_over, kpi_values, worth_a_year
from crmlib.lifecycle.scorecard.verdicts import last_verdicts
from crmlib.lifecycle.scorecard.year import year_against_year
from crmlib.lifecycle.scorecard.year_figures import other_verdicts_table, plot_bridge, verdicts_table, year_tiles
