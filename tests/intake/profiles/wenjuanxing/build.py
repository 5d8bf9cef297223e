"""Writes this folder's files that are no plain text: nps.csv in GB18030 and satisfaction.xlsx, as 问卷星 gives them."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

FOLDER = Path(__file__).parent
FIXED = "序号|提交答卷时间|所用时间|来源|来源详情|来自IP|"
HOME = "113.65.0.1(广东-广州)"

NPS = f"""
{FIXED}1、您的会员号|2、您的手机号码|3、您的姓名|4、您向朋友推荐我们的可能性有多大？|5、您不推荐的主要原因|6、您最近接触过我们的哪些渠道？|7、您的意见
1|2025/09/03 12:00:00|85秒|手机提交|直接访问|{HOME}|M0001|13800000001|张三丰测试|10|(跳过)|门店┋小程序|服务很好，继续
2|2025/9/3 9:05:01|120秒|微信|N/A|{HOME}|M0002|13800000002|李四光测试|6|价格|小程序|(空)
3|2025/9/4 0:30:00|64秒|微信|N/A|{HOME}|(空)|13800000003|王五测试|9|(跳过)|电话┋门店┋小程序|物流快
4|2025/9/4 18:00:00|30秒|链接|N/A|{HOME}|(空)|(空)|(空)|8|(跳过)|(空)|(空)
5|2025/9/5 10:10:10|12秒|手机提交|N/A|{HOME}|M0004|13800000004|赵六测试|(跳过)|(跳过)|门店|(空)
6|2025/10/1 23:59:59|99秒|手机提交|N/A|{HOME}|M0001|13800000001|张三丰测试|0|等待┋价格|门店|等太久
1|2025/09/03 12:00:00|85秒|手机提交|直接访问|{HOME}|M0001|13800000001|张三丰测试|10|(跳过)|门店┋小程序|服务很好，继续
7|2024/12/31 23:59:59|45秒|手机提交|N/A|{HOME}|M0005|13800000005|孙七测试|10分|(跳过)|电话|(空)
"""

SATISFACTION = f"""
{FIXED}1、您的手机号码|2、您对本次配送的满意程度|3、您最近接触过我们的哪些渠道？|4、您的建议|5、您觉得退换货是否容易？
1|2025/9/10 8:30:00|60秒|手机提交|直接访问|{HOME}|13800000001|非常满意|门店┋电话|很好|非常容易
2|2025/9/10 20:15:10|41秒|微信|N/A|{HOME}|13800000006|一般|小程序|(空)|一般
3|2025/9/11 0:00:05|52秒|微信|N/A|{HOME}|(空)|不满意|电话|态度差|困难
4|2025/9/11 9:00:00|33秒|微信|N/A|{HOME}|13800000007|(跳过)|(空)|(空)|容易
5|2025/9/12 10:00:00|38秒|手机提交|N/A|{HOME}|13800000008|满意|门店|(空)|(跳过)
"""


def build(folder: Path) -> None:
    """Write the two files into ``folder``; the same bytes each time."""
    import xlsxwriter

    with (folder / "nps.csv").open("w", encoding="gb18030", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows(line.split("|") for line in NPS.strip().splitlines())
    book = xlsxwriter.Workbook(folder / "satisfaction.xlsx")
    book.set_properties({"created": dt.datetime(2025, 1, 1)})
    sheet = book.add_worksheet("Sheet1")
    for number, line in enumerate(SATISFACTION.strip().splitlines()):
        # phones become numbers, as in a workbook that somebody has opened and saved
        cells = [float(cell) if len(cell) == 11 and cell.isdigit() else cell for cell in line.split("|")]
        sheet.write_row(number, 0, cells)
    book.close()


if __name__ == "__main__":
    build(FOLDER)
