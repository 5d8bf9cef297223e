"""BG/NBD: how many orders a customer will still place, and whether they are still a customer.

While alive, a customer orders at random times at rate λ; after any order they leave for good with probability p.
λ differs between customers as a gamma (r, α), p as a beta (a, b). One who never came back has had no occasion to
leave, so that P(alive) is 1 for every one-time buyer: mind that when these are many.

Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way: an alternative to the Pareto/NBD model",
Marketing Science 24(2), 275–284; equation numbers below are theirs.
"""

from __future__ import annotations

from crmlib.models.leaving_at_orders import LeavingAtOrders


class BetaGeoNBD(LeavingAtOrders):
    """The BG/NBD model: from known parameters, or ``BetaGeoNBD.fit(summary)``.

    r, alpha: how order rates differ (alpha in ``unit``); a, b: how the chance to leave after an order differs.

    >>> model = BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259, unit="weeks")
    >>> model
    BetaGeoNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)
    >>> model.expected_orders(39, x=2, t_x=30.43, T=38.86).round(3).item()
    1.226

    The log-likelihood (equation 6), expected orders of a new customer (9), and the chance of n of them (8):

    >>> BetaGeoNBD(r=1, alpha=1, a=1, b=1).log_likelihood(0, 0, 1).round(4).item()
    -0.6931
    >>> model.expected_orders_new([1, 52]).round(3)
    array([0.053, 1.444])
    >>> model.pmf([0, 1, 2], 39).round(3)
    array([0.574, 0.199, 0.085])
    """

    occasions_at_first = 0
