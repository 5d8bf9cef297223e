"""Who the customers are: what the brand sees of them, and the latent traits that drive what they do."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtr

from crmlib.sample.clock import DAYS, FIRST_DAY, PACE, day_number, to_business
from crmlib.sample.parameters import AURORA, Channel
from crmlib.sample.streams import choose, stream
from crmlib.sample.tables import blank_unless

REGIONS = {
    "Shanghai": "East", "Hangzhou": "East", "Nanjing": "East", "Suzhou": "East", "Ningbo": "East",
    "Beijing": "North", "Tianjin": "North", "Chengdu": "West", "Chongqing": "West", "Guangzhou": "South",
    "Shenzhen": "South", "Xiamen": "South",
}  # fmt: skip
_SURNAMES = list("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
_GIVEN = [
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "艳",
    "雪",
    "琳",
    "欣怡",
    "梓涵",
    "雨桐",
    "思琪",
    "佳怡",
    "晓燕",
    "美玲",
    "子轩",
    "浩然",
    "志强",
    "建国",
    "明",
]
_FIRST = [
    "Anna",
    "Emma",
    "Grace",
    "Lily",
    "Sofia",
    "Olivia",
    "Chloe",
    "Nina",
    "Ruth",
    "Maya",
    "Tom",
    "Ben",
    "Leo",
    "Paul",
    "Ivy",
]
_LAST = [
    "Miller",
    "Schmidt",
    "Rossi",
    "Martin",
    "Novak",
    "Silva",
    "Brown",
    "Khan",
    "Larsen",
    "Dubois",
    "Costa",
    "Weber",
]
_INDUSTRIES = ["hotel", "fitness", "education", "media", "wedding services"]
ITEMS = ("product", "service", "wait")


def _arrival_days(channel: Channel, name: str) -> np.ndarray:
    """First orders over the window (days, sorted): seasons as in the clock, with the channel's growth."""
    random = stream("people", "arrival", name)
    days = np.arange(DAYS)
    weights = PACE[:DAYS] * channel.growth ** (days / DAYS) * (days >= day_number(channel.starts_on))
    bounds = np.cumsum(weights / weights.sum())
    picked = np.searchsorted(bounds, random.random_sample(channel.customers)).clip(0, DAYS - 1)
    return np.sort(picked + random.random_sample(channel.customers))


def _of_channel(name: str, channel: Channel) -> pd.DataFrame:
    count = channel.customers
    random = stream("people", "latent", name)
    people = pd.DataFrame({"channel": name, "shop": channel.shop, "first": _arrival_days(channel, name)})
    shops = AURORA.shops
    people["home"] = (
        choose(stream("people", "home", name), list(shops), [shop.size for shop in shops.values()], count)
        if channel.shop
        else "web"
    )
    # Satisfaction with product, service and waiting: standard normal over a channel's customers; shops shift it.
    for item in ITEMS:
        between = people["home"].map({code: getattr(shop, item) for code, shop in shops.items() if item != "product"})
        people[item] = between.astype(float).fillna(0.0) + np.where(channel.shop, 0.95, 1.0) * random.standard_normal(
            count
        )
    weights = np.array([AURORA.surveys.coefficients[f"item_{item}"] for item in ITEMS])
    people["satisfaction"] = people[list(ITEMS)].to_numpy() @ (weights / np.sqrt((weights**2).sum()))
    # A Gaussian copula: the content leave less, and the drop-out probability is still beta(a, b) distributed.
    rho = AURORA.surveys.satisfaction_to_dropout
    mixed = rho * people["satisfaction"].to_numpy() + np.sqrt(1 - rho**2) * random.standard_normal(count)
    people["dropout"] = betaincinv(channel.a, channel.b, ndtr(mixed).clip(1e-12, 1 - 1e-12))
    people["rate"] = random.gamma(channel.r, 1.0, count) / channel.alpha
    people["spend_rate"] = random.gamma(channel.q, 1.0, count) / channel.v
    if channel.shop:
        trend = 1.0 + AURORA.first_order_gift.cohort_trend * people["first"] / DAYS
        people["rate"] *= trend * people["home"].map({code: shop.rate for code, shop in shops.items()}).astype(float)
    return people


def buyers() -> pd.DataFrame:
    """Everyone who buys, a row each, ordered by first order, with latent traits.

    ``first`` in days; ``rate`` per business week while active; ``dropout`` probability per repeat order; spend
    per order is gamma(p) / ``spend_rate`` CNY; ``product``, ``service``, ``wait`` in standard deviations.
    """
    people = pd.concat([_of_channel(name, channel) for name, channel in AURORA.channels.items()], ignore_index=True)
    people = people.sort_values(["first", "channel"], kind="stable").reset_index(drop=True)
    people["customer_id"] = [f"C{number:05d}" for number in range(10001, 10001 + len(people))]
    people["start"] = to_business(people["first"].to_numpy())
    people["appeal"] = people["channel"].map({name: c.satisfaction_shift for name, c in AURORA.channels.items()})
    people["corporate"] = stream("people", "corporate").random_sample(len(people)) < 0.006
    people["app_user"] = stream("people", "app").random_sample(len(people)) < 0.3
    return people


def profiles(count: int, first_number: int, name: str) -> pd.DataFrame:
    """Visible attributes of ``count`` people: identity (synthetic, cannot exist), birthday, consents."""
    random = stream("profiles", name)
    chinese = random.random_sample(count) < 0.75
    hanzi = choose(random, _SURNAMES, None, count) + choose(random, _GIVEN, None, count)
    latin = choose(random, _FIRST, None, count) + " " + choose(random, _LAST, None, count)
    numbers = np.arange(first_number, first_number + count)
    birth_year = choose(random, list(range(1960, 2007)), list(np.minimum(np.arange(1, 48), 25)), count).astype(int)
    birthday = np.array(
        [(np.datetime64(f"{year}-01-01") - np.datetime64(FIRST_DAY)).astype(int) for year in birth_year]
    ) + random.randint(0, 365, count)
    table = pd.DataFrame(
        {
            "customer_id": [f"C{number:05d}" for number in numbers],
            "chinese": chinese,
            "name": np.where(chinese, hanzi, latin),
            "email": [f"c{number}@example.com" for number in numbers],
            "phone": [f"100{number:08d}" for number in numbers],  # Chinese mobile numbers never start with 10
            "gender": choose(random, ["female", "male", None], [0.76, 0.16, 0.08], count),
            "birthday": np.where(random.random_sample(count) < 0.68, birthday, np.nan),
            "street": random.randint(1, 400, count),
            "consent_email": random.random_sample(count) < 0.62,
            "consent_sms": random.random_sample(count) < 0.55,
            "consent_phone": random.random_sample(count) < 0.30,
            "consent_wechat": random.random_sample(count) < 0.78,
            "is_test": False,
        }
    )
    for column, missing in (("email", 0.25), ("phone", 0.06), ("name", 0.02)):
        table.loc[random.random_sample(count) < missing, column] = None
    return table


def customers(people: pd.DataFrame, prospects: pd.DataFrame, tiers: pd.Series, first_seen: pd.Series) -> pd.DataFrame:
    """The customers table: buyers, prospects (known from leads, no order yet) and a few test accounts.

    ``prospects`` has customer_id, channel, campaign, first_seen_at and ``twin`` (customer_id of the same person's other
    record, or None); ``tiers`` is indexed by customer_id; ``first_seen`` is days, aligned with ``people``.
    """
    random = stream("customers")
    buyers_seen = pd.DataFrame(
        {
            "channel": people["channel"],
            "campaign": campaign_of(people["channel"], first_seen, random),
            "first_seen_at": first_seen,
            "city": home_city(people["home"], random),
            "industry": blank_unless(people["corporate"], choose(random, _INDUSTRIES, None, len(people))),
            "owner": [
                f"advisor {home[1:]}-{1 + n % 3}" if home != "web" else None for n, home in enumerate(people["home"])
            ],
        }
    )
    buyers_seen = pd.concat([profiles(len(people), 10001, "buyers"), buyers_seen], axis=1)
    others = prospects.reset_index(drop=True)
    prospects_seen = profiles(len(others), 60001, "prospects")
    for column in ("channel", "campaign", "first_seen_at"):
        prospects_seen[column] = others[column]
    prospects_seen["city"] = home_city(pd.Series(["web"] * len(others)), random)
    identity = buyers_seen.set_index("customer_id")
    for row, twin in others["twin"].dropna().items():
        for column in ("name", "phone", "birthday", "gender", "city"):
            prospects_seen.loc[row, column] = identity.loc[twin, column]
        prospects_seen.loc[row, "email"] = identity.loc[twin, "email"] if row % 2 else None
    tests = profiles(6, 1, "tests").assign(
        is_test=True, name="Test Account", first_seen_at=np.arange(6) * 97.0 + 0.5, city="Shanghai"
    )
    table = pd.concat([tests, buyers_seen, prospects_seen], ignore_index=True)
    for column in ("industry", "owner", "campaign", "channel"):
        table[column] = table[column].astype(object)
    table["region"] = table["city"].map(REGIONS)
    table["address"] = [
        f"{n} Sample Road, {city}" if n % 5 else None for n, city in zip(table["street"], table["city"], strict=True)
    ]
    table["tier"] = table["customer_id"].map(tiers)
    return table


def home_city(homes: pd.Series, random: np.random.RandomState) -> np.ndarray:
    """The shop's city for shop customers, any city for the others."""
    anywhere = choose(random, list(REGIONS), [6, 4, 3, 3, 1, 5, 2, 3, 2, 4, 4, 1], len(homes))
    own = homes.map({code: shop.city for code, shop in AURORA.shops.items()})
    return np.where(own.notna(), own, anywhere)


def campaign_of(channels: pd.Series, days: pd.Series, random: np.random.RandomState) -> np.ndarray:
    """The campaign that brought a newcomer: by channel and half-year; walk-ins and referrals have none."""
    half = np.floor(np.asarray(days, dtype=float) / 182.75).clip(0, 3).astype(int)
    labels = np.array(["24h1", "24h2", "25h1", "25h2"], dtype=object)[half]
    variant = choose(random, ["a", "b"], [0.6, 0.4], len(channels))
    named = np.asarray(channels, dtype=object) + "_" + labels + "_" + variant
    return blank_unless(~channels.isin(["walk_in", "referral"]), named)
