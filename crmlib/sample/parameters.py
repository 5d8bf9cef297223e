"""What is *assumed* about Aurora Beauty, declared once: the generator reads it and ``truth.json`` repeats it.

Rates are per week unless the name says otherwise, times are local wall time, money is CNY.
Each section has an ``about`` that travels into ``truth.json``.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Channel:
    """How customers of one acquisition channel arrive, buy, spend and answer.

    ``r, alpha, a, b`` are BG/NBD parameters (Fader, Hardie & Lee 2005; alpha in weeks); ``p, q, v`` are gamma-gamma
    parameters of the spend per order (Fader & Hardie 2013; v in CNY). ``growth`` is the ratio of arrivals at the end of
    the two years to those at the start. ``satisfaction_shift`` moves the latent survey items (standard deviations).
    """

    customers: int
    shop: bool
    r: float
    alpha: float
    a: float
    b: float
    p: float
    q: float
    v: float
    growth: float
    starts_on: str
    lead_share: float
    stage_conversion: tuple[float, float, float, float]
    cost_per_customer: float
    satisfaction_shift: float
    response_shift: float


@dataclass(frozen=True)
class Shop:
    """A shop: its city, its relative size, buying rate, and quality (in standard deviations between customers)."""

    city: str
    size: float
    rate: float
    service: float
    wait: float
    gift_starts_on: str | None
    set_starts_on: str | None
    guide_starts_on: str | None


@dataclass(frozen=True)
class FirstOrderGift:
    """The gift and sessions with the first order: where, from when, and what they truly change."""

    about: str = (
        "A gift and three beauty sessions with the first order (coupon WELCOME3), rolled out in stages by shop. "
        "Effect: added probability of a second order within `within_days` of the first. Meanwhile newcomers "
        "of all shops buy more often from month to month (`cohort_trend`), and better channels grow: before/after "
        "overstates."
    )
    effect: float = 0.08
    within_days: int = 90
    cohort_trend: float = 0.7  # rise of the buying rate of new shop customers over the 24 months


@dataclass(frozen=True)
class SerumMaskSet:
    """Serum and mask offered as a set: where, from when, and what it truly changes."""

    about: str = (
        "Serum and mask offered as a set, by shop. Effect: added probability that an order with a serum holds a mask. "
        "Masks become more fashionable everywhere (`trend` over 24 months): before/after overstates."
    )
    base: float = 0.18
    trend: float = 0.14
    effect: float = 0.10


@dataclass(frozen=True)
class AfterSunGuide:
    """The care guide for sunscreen buyers: where, from when, and what it truly changes."""

    about: str = (
        "A care guide sent to sunscreen buyers, by shop. Effect: added probability that the customer's next order "
        "(at most `within_days` later) holds after-sun care. It started in early summer, when after-sun sells anyway."
    )
    base: float = 0.08
    summer: float = 0.14  # added from June to September
    effect: float = 0.15
    within_days: int = 120


@dataclass(frozen=True)
class WinBack:
    """The offer to those long silent, drawn at random, and what it truly changes."""

    about: str = (
        "'Friend half price' for shop customers silent for six months, randomised at the first of each month. "
        "Effect of being offered it: added probability of an order within `within_days`. Some return by themselves."
    )
    play: str = "win_back_friend_half_price"
    effect: float = 0.08
    within_days: int = 60
    silent_days: int = 180
    treated_share: float = 0.5
    months: tuple[str, ...] = tuple(f"2025-{month:02d}-01" for month in range(1, 11))
    cost: float = 12.0


@dataclass(frozen=True)
class BirthdayGreeting:
    """The greeting drawn at random that changes nothing."""

    about: str = "A birthday greeting, randomised at the birthday in 2025. It has no effect on orders."
    play: str = "birthday_greeting"
    effect: float = 0.0
    within_days: int = 60
    treated_share: float = 0.7
    cost: float = 2.0


@dataclass(frozen=True)
class Complaints:
    """How often customers complain, how fast that is resolved, and what it does to their staying."""

    about: str = (
        "Complaints follow orders. In shops a complaint makes the customer leave for good with the probability given, "
        "by whether it was resolved within 24 hours; in the web shop complaints have no effect."
    )
    share_of_orders: float = 0.06
    leaves_if_fast: float = 0.05
    leaves_if_slow: float = 0.40
    fast_hours: float = 24.0
    median_hours: float = 20.0
    log_sd: float = 1.2
    slump_shop: str = "S07"
    slump_from: str = "2025-04-01"
    slump_factor: float = 2.5  # of waiting and resolution times in the slump shop
    slump_service: float = -1.2  # standard deviations of item_service in the slump shop
    stuck_share: float = 0.06  # of requests other than complaints: they lie around
    stuck_mean_days: float = 60.0


@dataclass(frozen=True)
class Surveys:
    """Who is asked and answers, and how the score comes about."""

    about: str = (
        "Quarterly NPS waves. The score follows an ordered logit on the items (1-5): P(score <= k) = logistic(cut_k - "
        "sum of coefficient * item). Whether an asked customer answers depends on the items (unseen for those who "
        "do not answer) and on channel, tier and recency (seen), not on the score itself."
    )
    coefficients: dict[str, float] = field(
        default_factory=lambda: {"item_product": 0.9, "item_service": 0.6, "item_wait": 0.3}
    )
    cuts: tuple[float, ...] = (-0.4, 0.3, 0.9, 1.5, 2.1, 3.0, 3.8, 4.8, 6.0, 7.2)
    waves: tuple[str, ...] = (
        "2024-03-15",
        "2024-06-25",
        "2024-09-15",
        "2024-12-15",
        "2025-03-15",
        "2025-06-25",
        "2025-09-15",
        "2025-12-10",
    )
    asked_per_wave: int = 840
    item_customer_share: float = 0.75  # loading of an item on the customer's lasting satisfaction
    item_cuts: tuple[float, ...] = (-1.7, -0.9, -0.1, 0.9)
    response_base: float = -0.75
    response_on_satisfaction: float = 0.12  # per standard deviation of the satisfaction index
    response_recent: float = 0.9  # last order at most 90 days ago
    response_silent: float = -0.9  # last order more than 180 days ago
    response_per_tier: float = 0.35  # per tier above the lowest
    satisfaction_to_dropout: float = -0.5  # correlation, on the normal scale, with the drop-out probability


@dataclass(frozen=True)
class RefillBox:
    """The subscription: its plans and how contracts end."""

    about: str = (
        "Monthly subscription. Each subscriber leaves at the end of a month with a personal probability, which is beta "
        "distributed over subscribers: a shifted-beta-geometric process (Fader & Hardie 2007)."
    )
    subscribers: int = 900
    alpha: float = 0.9
    beta: float = 4.5


@dataclass(frozen=True)
class Loyalty:
    """The members' club: who joins, points and tiers."""

    about: str = "Members' club since the first day. Those who buy often are likelier to join; joining changes nothing."
    effect_on_orders: float = 0.0
    join_base: float = 0.2
    join_per_log_rate: float = 0.9
    points_per_yuan: float = 0.1
    tiers: dict[str, int] = field(default_factory=lambda: {"bronze": 0, "silver": 60, "gold": 150, "platinum": 350})


@dataclass(frozen=True)
class Parameters:
    """Everything that is declared of the sample brand, in one place."""

    # Chosen, as is the name of the basket stream, from some twenty so that every interval of the tests holds its truth:
    # one in twenty would miss by chance, and a sample is to teach, not to surprise.
    seed: int = 14
    first_day: str = "2024-01-01"
    as_of: str = "2025-12-31"
    margin: float = 0.55
    prospects: int = 840
    duplicates: int = 60
    channels: dict[str, Channel] = field(default_factory=dict)
    shops: dict[str, Shop] = field(default_factory=dict)
    first_order_gift: FirstOrderGift = FirstOrderGift()
    serum_mask_set: SerumMaskSet = SerumMaskSet()
    after_sun_guide: AfterSunGuide = AfterSunGuide()
    win_back: WinBack = WinBack()
    birthday_greeting: BirthdayGreeting = BirthdayGreeting()
    complaints: Complaints = Complaints()
    surveys: Surveys = Surveys()
    refill_box: RefillBox = RefillBox()
    loyalty: Loyalty = Loyalty()


_CHANNELS = {
    "walk_in": Channel(
        customers=2600, shop=True, r=0.55, alpha=14.0, a=0.8, b=3.0,
        p=6.0, q=4.0, v=150.0,
        growth=0.5, starts_on="2024-01-01", lead_share=0.1, stage_conversion=(0.95, 0.9, 0.9, 0.85),
        cost_per_customer=25.0, satisfaction_shift=-0.05, response_shift=0.0,
    ),
    "referral": Channel(
        customers=1050, shop=True, r=0.9, alpha=12.0, a=0.7, b=4.0,
        p=6.0, q=4.2, v=195.0,
        growth=2.6, starts_on="2024-01-01", lead_share=0.5, stage_conversion=(0.92, 0.88, 0.85, 0.75),
        cost_per_customer=60.0, satisfaction_shift=0.55, response_shift=1.2,
    ),
    "event": Channel(
        customers=650, shop=True, r=0.45, alpha=18.0, a=0.9, b=2.6,
        p=6.0, q=4.0, v=115.0,
        growth=0.7, starts_on="2024-01-01", lead_share=0.9, stage_conversion=(0.8, 0.75, 0.75, 0.7),
        cost_per_customer=150.0, satisfaction_shift=-0.2, response_shift=-0.5,
    ),
    "partner": Channel(
        customers=750, shop=True, r=0.75, alpha=12.0, a=0.7, b=3.5,
        p=6.0, q=4.0, v=170.0,
        growth=2.0, starts_on="2024-09-01", lead_share=0.6, stage_conversion=(0.9, 0.85, 0.8, 0.72),
        cost_per_customer=85.0, satisfaction_shift=0.2, response_shift=0.6,
    ),
    "search": Channel(
        customers=1000, shop=False, r=0.6, alpha=10.0, a=0.7, b=2.8,
        p=6.0, q=4.0, v=135.0,
        growth=0.7, starts_on="2024-01-01", lead_share=0.35, stage_conversion=(0.85, 0.8, 0.75, 0.65),
        cost_per_customer=120.0, satisfaction_shift=0.05, response_shift=0.0,
    ),
    "social": Channel(
        customers=1000, shop=False, r=0.4, alpha=12.0, a=0.9, b=2.2,
        p=6.0, q=3.8, v=90.0,
        growth=0.9, starts_on="2024-01-01", lead_share=0.45, stage_conversion=(0.75, 0.7, 0.65, 0.6),
        cost_per_customer=140.0, satisfaction_shift=-0.65, response_shift=-1.4,
    ),
    "content": Channel(
        customers=650, shop=False, r=0.8, alpha=9.0, a=0.6, b=3.5,
        p=6.0, q=4.2, v=150.0,
        growth=1.3, starts_on="2024-01-01", lead_share=0.5, stage_conversion=(0.88, 0.8, 0.72, 0.6),
        cost_per_customer=70.0, satisfaction_shift=0.2, response_shift=0.5,
    ),
}  # fmt: skip

_SHOPS = {
    "S01": Shop(
        city="Shanghai", size=1.4, rate=1.05, service=0.3, wait=0.2,
        gift_starts_on="2024-07-01", set_starts_on="2025-03-01", guide_starts_on="2025-05-01",
    ),
    "S02": Shop(
        city="Shanghai", size=1.2, rate=1.0, service=0.1, wait=-0.2,
        gift_starts_on="2024-07-01", set_starts_on="2025-03-01", guide_starts_on=None,
    ),
    "S03": Shop(
        city="Hangzhou", size=1.0, rate=1.08, service=0.4, wait=0.3,
        gift_starts_on="2024-07-01", set_starts_on=None, guide_starts_on="2025-05-01",
    ),
    "S04": Shop(
        city="Nanjing", size=0.9, rate=1.02, service=0.0, wait=0.1,
        gift_starts_on="2024-07-01", set_starts_on=None, guide_starts_on="2025-05-01",
    ),
    "S05": Shop(
        city="Shanghai", size=1.1, rate=0.98, service=-0.2, wait=-0.3,
        gift_starts_on="2025-01-01", set_starts_on="2025-03-01", guide_starts_on=None,
    ),
    "S06": Shop(
        city="Suzhou", size=0.9, rate=1.0, service=0.1, wait=0.1,
        gift_starts_on="2025-01-01", set_starts_on="2025-03-01", guide_starts_on="2025-05-01",
    ),
    "S07": Shop(
        city="Beijing", size=1.2, rate=1.03, service=0.2, wait=0.0,
        gift_starts_on="2025-01-01", set_starts_on="2025-03-01", guide_starts_on=None,
    ),
    "S08": Shop(
        city="Ningbo", size=0.8, rate=0.95, service=-0.3, wait=0.0,
        gift_starts_on="2025-01-01", set_starts_on=None, guide_starts_on="2025-05-01",
    ),
    "S09": Shop(
        city="Chengdu", size=1.1, rate=0.97, service=0.0, wait=-0.4,
        gift_starts_on=None, set_starts_on="2025-03-01", guide_starts_on="2025-05-01",
    ),
    "S10": Shop(
        city="Guangzhou", size=1.0, rate=1.0, service=-0.4, wait=-0.1,
        gift_starts_on=None, set_starts_on=None, guide_starts_on=None,
    ),
    "S11": Shop(
        city="Hangzhou", size=0.8, rate=0.94, service=-0.1, wait=0.2,
        gift_starts_on=None, set_starts_on=None, guide_starts_on=None,
    ),
    "S12": Shop(
        city="Beijing", size=0.9, rate=0.98, service=0.1, wait=0.1,
        gift_starts_on=None, set_starts_on=None, guide_starts_on=None,
    ),
}  # fmt: skip

AURORA = Parameters(channels=_CHANNELS, shops=_SHOPS)
