"""Write the workbook of this folder: the export of the admin console, with its two lines above the headings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from openpyxl import Workbook

HEADINGS = (
    "客户名称|描述|添加人|添加人账号|添加人所属部门|添加时间|来源|手机|企业|邮箱|地址|职务|电话|标签组1(客户等级)"
)
ROWS = [
    "张三丰测试||陈店长|chen|一店|2025-01-05 09:30:00|扫描二维码|13800000001||||||重要",
    "李四光测试|爱用精华|陈店长|chen|一店|2025-01-06 23:59:59|名片分享|13800000002||lisi@example.cn|上海市样例路1号|||",
    "小明||林顾问|lin|二店|2025-02-01 00:00:01|通过获客链接添加|||||||",
    "赵六样例||林顾问|lin|二店|2025-02-03 10:00:00|搜索手机号||样例科技|zhaoliu@example.cn||经理||一般",
    "张三丰||林顾问|lin|二店|2025-03-10 15:00:00|内部成员共享|13800000001||||||",
    "小明||陈店长|chen|一店|2025-03-11 08:00:00|未知来源|||||||",
]


def main() -> None:
    """Write 客户列表.xlsx."""
    book = Workbook()
    book.properties.created = book.properties.modified = dt.datetime(2025, 4, 1)
    sheet = book.active
    sheet.title = "客户列表"
    sheet.append(["导出时间：2025-04-01 10:00:00"])
    sheet.append(["共6条"])
    for row in [HEADINGS, *ROWS]:
        sheet.append([cell or None for cell in row.split("|")])
    book.save(Path(__file__).parent / "客户列表.xlsx")


if __name__ == "__main__":
    main()
