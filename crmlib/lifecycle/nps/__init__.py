"""Net promoter score: how many would recommend us, how sure that is, why, and what it is worth.

Measures by idea: ``score`` (answers, the score and its interval), ``trend``, ``groups``, ``weighting`` (non-response),
``drivers``, ``themes`` (the customers' own words; the keywords are in ``themes.yaml``), ``outcome`` (later revenue) and
``bases`` (what there is too little of). Then ``figures`` and ``findings``, whose words are in ``words.yaml``.
"""

from crmlib.answers import answers
from crmlib.lifecycle.nps.bases import bases
from crmlib.lifecycle.nps.drivers import drivers, item_columns, ordered_logit, relative_weights
from crmlib.lifecycle.nps.figures import (
    bases_table,
    plot_drivers,
    plot_groups,
    plot_later_revenue,
    plot_non_response,
    plot_trend,
    themes_table,
)
from crmlib.lifecycle.nps.findings import (
    finding_detractors,
    finding_driver,
    finding_groups,
    finding_later_revenue,
    finding_non_response,
    finding_score,
    finding_theme,
    finding_trend,
)
from crmlib.lifecycle.nps.groups import groups, with_traits
from crmlib.lifecycle.nps.outcome import detractor_revenue, later_by_category, later_revenue, shortfall, standing
from crmlib.lifecycle.nps.score import coverage, difference, scores
from crmlib.lifecycle.nps.themes import telling_terms, terms_of, theme_rules, themes, to_call, topics
from crmlib.lifecycle.nps.trend import drift, trend
from crmlib.lifecycle.nps.weighting import (
    active_customers,
    non_response,
    post_stratify,
    requests,
    response_model,
    response_rates,
    weigh,
    weighted_where_known,
)
