"""KPI scorecard: definitions as data, actual against target, past and forecast, signal against noise, and drivers.

The way through: ``load_kpis(…)`` and ``base_measures(…)`` → ``kpi_values(…)`` → ``natural_limits(…)``,
``forecast(…)`` and ``scorecard(…)``; ``driver_tree(…)`` and ``drill_down(…)`` say why revenue changed.
"""

from crmlib.lifecycle.scorecard.definitions import Kpi, kpi_definitions, load_kpis, unknown_targets
from crmlib.lifecycle.scorecard.drivers import drill_down, driver_tree, logarithmic_mean, won_before
from crmlib.lifecycle.scorecard.figures import (
    driver_rows,
    plot_driver_tree,
    plot_forecast,
    plot_limits,
    scorecard_reading,
    scorecard_rows,
    show_tiles,
)
from crmlib.lifecycle.scorecard.findings import finding_off_target, finding_revenue_change, finding_signals
from crmlib.lifecycle.scorecard.forecasting import forecast
from crmlib.lifecycle.scorecard.formula import Formula, FormulaInvalid, read_formula
from crmlib.lifecycle.scorecard.measures import (
    BASE_MEASURES,
    BaseMeasure,
    base_measures,
    lead_measures,
    order_measures,
    spend_measures,
    survey_measures,
    ticket_measures,
    value_measures,
)
from crmlib.lifecycle.scorecard.overview import scorecard
from crmlib.lifecycle.scorecard.signal import natural_limits
from crmlib.lifecycle.scorecard.values import kpi_over, kpi_values, worth_a_year

__all__ = [
    "BASE_MEASURES",
    "BaseMeasure",
    "Formula",
    "FormulaInvalid",
    "Kpi",
    "base_measures",
    "drill_down",
    "driver_rows",
    "driver_tree",
    "finding_off_target",
    "finding_revenue_change",
    "finding_signals",
    "forecast",
    "kpi_definitions",
    "kpi_over",
    "kpi_values",
    "lead_measures",
    "load_kpis",
    "logarithmic_mean",
    "natural_limits",
    "order_measures",
    "plot_driver_tree",
    "plot_forecast",
    "plot_limits",
    "read_formula",
    "scorecard",
    "scorecard_reading",
    "scorecard_rows",
    "show_tiles",
    "spend_measures",
    "survey_measures",
    "ticket_measures",
    "unknown_targets",
    "value_measures",
    "won_before",
    "worth_a_year",
]
