"""MBG/NBD: as BG/NBD, but customers may leave after their first order, too.

While alive, a customer orders at random times at rate λ; after any order, the first included, they leave for good
with probability p. λ differs between customers as a gamma (r, α), p as a beta (a, b). So one who never came back may
be gone, unlike under BG/NBD: take this model where one-time buyers are many.

Sources: Batislam, Denizel & Filiztekin (2007), "Empirical validation and comparison of models for customer base
analysis", International Journal of Research in Marketing 24(3), 201–209; Hoppe & Wagner (2007), "Customer base
analysis: the case for a central variant of the Betageometric/NBD model", Marketing – Journal of Research and
Management 3(2), 75–90 (CBG/NBD, the same model).
"""

from __future__ import annotations

from crmlib.models.leaving_at_orders import LeavingAtOrders


class ModifiedBetaGeoNBD(LeavingAtOrders):
    """The MBG/NBD model: from known parameters, or ``ModifiedBetaGeoNBD.fit(summary)``.

    r, alpha: how order rates differ (alpha in ``unit``); a, b: how the chance to leave after an order differs.

    >>> model = ModifiedBetaGeoNBD(r=0.5248, alpha=6.1831, a=0.8914, b=1.6140, unit="weeks")
    >>> model
    ModifiedBetaGeoNBD(r=0.5248, alpha=6.183, a=0.8914, b=1.614)
    >>> model.p_alive(x=[0, 2], t_x=[0, 30.43], T=38.86).round(3)
    array([0.39 , 0.706])

    One-time buyers left at once, or stayed and have not ordered again since: log(1/2 + 1/2 · 1/2) here.

    >>> ModifiedBetaGeoNBD(r=1, alpha=1, a=1, b=1).log_likelihood(0, 0, 1).round(4).item()
    -0.2877

    A new customer is expected to place E[(1 − p)(1 − e^(−λpt))/p] orders: those who stay after the first are like
    BG/NBD's customers with b + 1.

    >>> model.expected_orders_new([1, 52]).round(3)
    array([0.053, 1.419])
    >>> model.pmf([0, 1, 2], 39).round(3)
    array([0.583, 0.183, 0.087])
    """

    occasions_at_first = 1
