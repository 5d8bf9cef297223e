"""Write the two workbooks of this folder: the customers' list and the orders' list as the web client exports them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from openpyxl import Workbook

HERE = Path(__file__).parent
CUSTOMERS = """客户编号|客户名称|客户级别|来源|1级行业|省|市|电话|负责人|生命状态|创建时间
KH0001|张三丰测试|A级|官网|零售|上海市|上海市|13800000001|陈店长|正常|2025-01-05 09:30
KH0002|上海样例贸易有限公司|B级|展会|零售|上海市|上海市|021-00000002|林顾问|正常|2025-01-06 14:00
KH0003|李四光测试|A级|转介绍|--|广东省|深圳市|138****0003|陈店长|正常|2025-01-20 00:10
KH0004|王五样例||官网|教育|浙江省|杭州市|13800000004|林顾问|正常|2025-02-01 18:45
KH0005|赵六样例|B级|官网|教育|浙江省|宁波市|13800000005|林顾问|正常|2025-02-11 08:00
KH0006|作废样例|B级|官网|零售||||林顾问|作废|2025-02-12 08:00"""
ORDERS = """销售订单编号|客户名称|下单日期|销售订单金额(元)|整单折扣(%)|订单状态|生命状态|负责人
SO202503-001|张三丰测试|2025-03-05|1,280.00|100|已确认|正常|陈店长
SO202503-002|上海样例贸易有限公司|2025-03-05|56,000.50|95|已发货|正常|林顾问
SO202503-003|李四光测试|2025-03-12|640.00|100|已作废|正常|陈店长
SO202503-004|李四光测试 |2025-03-13|88.00|100|已收货|正常|陈店长
SO202503-005|搬走的客户样例|2025-03-15|1,999.00|100|已退货|正常|林顾问
SO202503-006|张三丰测试|2025-03-16|350.00|100|确认中|审核中|陈店长
SO202503-007|张三丰测试|2025-03-17|350.00|100|已确认|作废|陈店长
SO202503-008|上海样例贸易有限公司|2025-03-20|￥2,400元|100|已确认|正常|林顾问"""


def write(name: str, text: str) -> None:
    """Write the lines as the only sheet of a workbook; the days of orders are days to the workbook too."""
    book = Workbook()
    book.properties.created = book.properties.modified = dt.datetime(2025, 4, 1)
    for line in text.splitlines():
        cells: list[object] = [cell or None for cell in line.split("|")]
        if name == "销售订单.xlsx" and str(cells[2]).startswith("2025"):
            cells[2] = dt.date.fromisoformat(str(cells[2]))
        book.active.append(cells)
    book.save(HERE / name)


if __name__ == "__main__":
    write("客户.xlsx", CUSTOMERS)
    write("销售订单.xlsx", ORDERS)
