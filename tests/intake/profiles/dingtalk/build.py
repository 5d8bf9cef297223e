"""Write the two files of this folder in the encodings that they come in: GB18030, and UTF-16 parted by tabs."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
CUSTOMERS = """客户编号,客户名称,手机号 ,客户跟进状态,客户来源,所属行业,负责人,创建时间,地址
="202501050001",张三丰测试,13800000001,成交,官网,零售,陈店长,2025/1/5 9:30,"上海市,样例路1号"
="202501070002",李四光测试,138****0002,待跟进,展会,-,林顾问,2025/1/7 0:00,-
="202502010003",王五样例㐀,'13800000003,初步意向,,教育,林顾问,2025年2月1日 8:00,
="202502030004",赵六样例,,失效,转介绍,未知,陈店长,2025-02-03 10:00:00,
"""
FOLLOWED = """客户名称\t跟进方式\t跟进内容\t跟进人\t跟进时间
张三丰测试\t电话\t已沟通，下周再约\t陈店长\t2025/2/10 9:00
李四光测试\t上门拜访\t"看了样品
很满意"\t林顾问\t2025/2/11 14:30
搬走的客户样例\t微信\t无回复\t林顾问\t2025/2/12 9:00
\t电话\t打错\t林顾问\t2025/2/13 9:00
"""


def main() -> None:
    """Write 客户.csv and 跟进记录.txt."""
    (HERE / "客户.csv").write_bytes(CUSTOMERS.replace("\n", "\r\n").encode("gb18030"))
    (HERE / "跟进记录.txt").write_bytes(FOLLOWED.replace("\n", "\r\n").encode("utf-16"))


if __name__ == "__main__":
    main()
