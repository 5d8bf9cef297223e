"""How long the words of a finding are, as the manager's page allows: words in English, characters in Chinese."""

import re

from crmlib.words import voice

LIMITS = {"headline": (12, 24), "evidence": (25, 50), "action": (18, 36)}
_PARTS = re.compile(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff，。；：、（）“”]+")


def length(words):
    """Words of an English text; Chinese characters of a Chinese one, where a number or Latin word counts as one."""
    return len(words.split()) if voice().language == "en" else len(_PARTS.findall(words))


def too_long(finding):
    """The parts of a finding that are longer than the page allows, or a headline that ends in a full stop."""
    is_chinese = voice().language == "zh"
    parts = {name: getattr(finding, name) for name in LIMITS}
    found = [f"{name}: {words}" for name, words in parts.items() if length(words) > LIMITS[name][is_chinese]]
    return found + ([f"headline: {finding.headline}"] if finding.headline.endswith((".", "。")) else [])
