"""Churn and win-back: who is leaving, why, who can be changed, and what brings customers back.

``silence`` says when a silence is a sign. ``features`` are what was known on a day, and ``model`` learns from them who
buys again; ``early_warning`` puts risk beside value. ``coming_back`` follows the chance to come back through a silence,
``complaints`` what waiting for an answer does, ``win_back`` who comes back without help and whom an offer changes, and
``recurring`` what subscriptions bring each month. Then ``figures`` and ``findings``, whose words are in ``words.yaml``.
"""

from crmlib.lifecycle.churn.coming_back import MOST_SPELLS, cox_model, return_hazard, return_spells
from crmlib.lifecycle.churn.complaints import complaint_outcomes, slow_complaints, waiting_for_amends
from crmlib.lifecycle.churn.early_warning import customer_risks, risk_by_value, warned_customers
from crmlib.lifecycle.churn.features import MOST_MODELLED, features, moments, reason_words, with_outcomes
from crmlib.lifecycle.churn.figures import (
    cox_table,
    models_table,
    odds_table,
    plot_calibration,
    plot_complaints,
    plot_effect_by_risk,
    plot_gain,
    plot_movements,
    plot_reasons,
    plot_return_hazard,
    plot_risk_by_value,
    plot_silence,
    tested_offer_table,
    win_back_table,
)
from crmlib.lifecycle.churn.findings import (
    finding_came_back,
    finding_early_warning,
    finding_recurring,
    finding_slow_complaints,
    finding_tested_offer,
)
from crmlib.lifecycle.churn.model import (
    calibration,
    fit_model,
    gain_by_threshold,
    judge,
    odds_ratios,
    reasons,
    with_risk,
)
from crmlib.lifecycle.churn.recurring import recurring_movements, revenue_retention
from crmlib.lifecycle.churn.silence import average_gap, bought_again, compare_rules, silence_on, silence_rules
from crmlib.lifecycle.churn.win_back import effect_by_risk, silent_customers, tested_offer, win_back_rates
