"""The list of profiles as a page, made from the profiles themselves: ``python -m crmlib.intake.profiles.listing``."""

from __future__ import annotations

from crmlib.intake.profiles import load_profiles, to_confirm


def profile_list() -> str:
    """All profiles as Markdown: what each system's file is, which tables come out, and what is not certain.

    >>> "shopify/orders" in profile_list()
    True
    """
    lines = [
        "# Profiles",
        "",
        "Known layouts of exports, made by `make docs` from `crmlib/intake/profiles/`. `crmlib new` recognises them;",
        "`profile: system/object` names one. Where a layout was not seen for certain, the check asks to confirm it.",
    ]
    for name, profile in load_profiles().items():
        lines += ["", f"## {profile.system}", "", profile.about.strip(), ""]
        lines += ["| profile | tables | what it is | to confirm |", "| --- | --- | --- | --- |"]
        for part, one in profile.objects.items():
            tables = ", ".join(one.tables)
            unsure = str(to_confirm(f"{name}/{part}") or "")
            lines.append(f"| `{name}/{part}` | {tables} | {_cell(one.about)} | {_cell(unsure)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(profile_list(), end="")
