"""Write report_*.csv of this folder as reports are exported: in ISO-8859-1, and with footer lines."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
FOOTER = """
"Grand Totals ({n} records)"
"Confidential Information - Do Not Distribute"
"Copyright © 2000-2024 salesforce.com, inc. All rights reserved."
"""
ACCOUNTS = """Account ID|Account Name|Account Owner|Industry|Rating|Account Source|\
Phone|Billing Street|Billing City|Billing State/Province|Created Date
001Rp00000AbCdE|Example Trading LLC|Jane Seller|Retail|Hot|Web|(202) 555-0101|1 Sample Plaza|Boston|MA|6/20/2023
001Rp00000aBcDe|Müster Works Inc.|Omar Closer|Manufacturing||Trade Show|||Newark|NJ|3/10/2024
001Rp00000XyZ01|Sample Kiosk|Jane Seller||-|-|||Zürich|BE|3/11/2024
"""
OPPORTUNITIES = """Opportunity ID|Opportunity Name|Account ID|Stage|Amount Currency|Amount|\
Close Date|Created Date|Lead Source|Opportunity Owner
006Rp00000OpP01|June framework|001Rp00000AbCdE|Closed Won|USD|1,026.00|6/28/2023|6/21/2023|Web|Jane Seller
006Rp00000oPP01|Refill|001Rp00000AbCdE|Closed Won|USD|129.60|2/29/2024|2/1/2024|Web|Jane Seller
006Rp00000OpP02|Autumn|001Rp00000aBcDe|Closed Won|USD|9,999.50|4/2/2024|3/15/2024||Omar Closer
006Rp00000OpP03|Winter|001Rp00000aBcDe|Negotiation/Review|USD|20,000.00|1/31/2026|4/1/2024|Trade Show|Omar Closer
006Rp00000OpP04|Kiosk|001Rp00000XyZ01|Closed Lost|USD|400.00|3/30/2024|3/12/2024|Trade Show|Jane Seller
"""
CASES = """Case Number|Account ID|Contact ID|Status|Type|Case Reason|\
Case Origin|Priority|Date/Time Opened|Date/Time Closed
00002001|001Rp00000AbCdE|003Rp00000CoN01|Closed|Mechanical|Delivery|Email|High|7/13/2023, 9:00 AM|7/14/2023, 5:30 PM
00002002|001Rp00000aBcDe||New|||Phone|Medium|4/4/2024, 8:05 AM|
"""


def main() -> None:
    """Write the three reports: every cell in quotation marks."""
    for name, text in (("accounts", ACCOUNTS), ("opportunities", OPPORTUNITIES), ("cases", CASES)):
        lines = [",".join(f'"{cell}"' for cell in line.split("|")) for line in text.splitlines()]
        footer = FOOTER.replace("{n}", str(len(lines) - 1))
        (HERE / f"report_{name}.csv").write_bytes(("\n".join(lines) + "\n" + footer).encode("iso-8859-1"))


if __name__ == "__main__":
    main()
