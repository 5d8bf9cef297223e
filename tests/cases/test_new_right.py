"""How many columns ``crmlib new`` finds, and that it is never wrong and sure: profile fixtures and ten own files."""

# ruff: noqa: E501 - a line of an export is as long as it is

import re
import shutil
from pathlib import Path

import pytest
import yaml

from crmlib.intake.profiles import find_profile
from crmlib.intake.proposal import propose
from crmlib.intake.shape import fills

FIXTURES = Path(__file__).parents[1] / "intake" / "profiles"
SYSTEMS = sorted(file.parent.name for file in FIXTURES.glob("*/client.yaml"))
SURE = 80
LEAST_RIGHT = 0.9


def day(n, form="{y}-{m:02d}-{d:02d}"):
    return form.format(y=2024 + n // 336, m=n // 28 % 12 + 1, d=n % 28 + 1)


def _lines(customer, order, columns):
    return {("customers", "customer_id"): customer, **{("orders", c): h for c, h in order.items()},
            **{("order_lines", c): h for c, h in columns.items()}}  # fmt: skip


OWN = {
    "transaction_data.csv": (
        "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,week,transaction_timestamp",
        lambda n: (
            f"{900 + n // 3 % 40},{n // 3 % 5 + 300},{31198000000 + n // 3},{820165 + n % 37},{n % 3 + 1},{n % 17 + 1}.49,"
            f"{-(n % 2)}.10,{n // 40 + 1},{day(n // 3)} 11:45:{n // 3 % 60:02d}"
        ),
        _lines(
            "household_id",
            {"order_id": "basket_id", "customer_id": "household_id", "ordered_at": "transaction_timestamp",
             "amount": "sales_value", "store": "store_id"},
            {"order_id": "basket_id", "product_id": "product_id", "quantity": "quantity", "amount": "sales_value"},
        ),
    ),
    "sales_pipeline.csv": (
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value",
        lambda n: (
            f"1C1I7A{n:02X}R,{['Moses Frase', 'Anna Snelling'][n % 2]},{['GTX Plus', 'MG Special'][n % 2]},"
            f"{['Cancity', 'Isdom', 'Codehow'][n % 3]},{['Won', 'Lost', 'Engaging'][n % 3]},{day(n)},"
            f"{day(n + 30) if n % 3 < 2 else ''},{n * 31 if n % 3 == 0 else ''}"
        ),
        {("leads", "lead_id"): "opportunity_id", ("leads", "created_at"): "engage_date",
         ("leads", "stage"): "deal_stage", ("leads", "customer_id"): "account", ("leads", "owner"): "sales_agent",
         ("leads", "converted_at"): "close_date"},
    ),
    "telco.csv": (
        "customerID,gender,SeniorCitizen,Partner,tenure,PhoneService,Contract,PaymentMethod,MonthlyCharges,TotalCharges,Churn",
        lambda n: (
            f"{7590 + n}-VHVEG,{['Female', 'Male'][n % 2]},{n % 2},Yes,{n % 70},No,{['Month-to-month', 'One year'][n % 2]},"
            f"Electronic check,{20 + n % 80}.85,{(20 + n % 80) * (n % 70)}.5,{['No', 'Yes'][n % 2]}"
        ),
        {("customers", "customer_id"): "customerID", ("customers", "gender"): "gender"},
    ),
    "memberships.csv": (
        "member_no,membership_plan,started_on,ended_on,monthly_fee,billing_cycle",
        lambda n: f"M{1000 + n},{['Gold', 'Basic'][n % 2]},{day(n)},{day(n + 90) if n % 3 else ''},{9 + n % 3}.90,monthly",
        {("subscriptions", "customer_id"): "member_no", ("subscriptions", "started_at"): "started_on",
         ("subscriptions", "ended_at"): "ended_on", ("subscriptions", "plan"): "membership_plan",
         ("subscriptions", "price"): "monthly_fee", ("subscriptions", "period"): "billing_cycle"},
    ),
    "helpdesk.csv": (
        "Case No;Client No;Opened;First reply at;Resolved;Channel;Topic;Severity;Description",
        lambda n: (
            f"C-{n + 500};K{n % 23};{day(n)} 09:10;{day(n)} 10:15;{day(n + 2) + ' 12:00' if n % 4 else ''};"
            f"{['mail', 'phone'][n % 2]};{['delivery', 'billing', 'quality'][n % 3]};{n % 3 + 1};Parcel {n} has not arrived yet"
        ),
        {("tickets", "ticket_id"): "Case No", ("tickets", "customer_id"): "Client No", ("tickets", "opened_at"): "Opened",
         ("tickets", "first_response_at"): "First reply at", ("tickets", "resolved_at"): "Resolved",
         ("tickets", "channel"): "Channel", ("tickets", "category"): "Topic", ("tickets", "priority"): "Severity",
         ("tickets", "text"): "Description"},
    ),
    "门店流水.csv": (
        "小票号,销售时间,会员卡号,商品编号,商品名称,类别,数量,单价,实收金额,门店,收银员",
        lambda n: (
            f"XP{n // 2:06d},{day(n // 2)} 18:20:11,VIP{n // 2 % 31:05d},SP{n % 13:04d},{['面霜', '口红', '精华'][n % 3]},"
            f"{['护肤', '彩妆'][n % 2]},{n % 3 + 1},{50 + n % 13}.00,{(50 + n % 13) * (n % 3 + 1)}.00,"
            f"{['南京路店', '徐家汇店'][n // 2 % 2]},{['甲班', '乙班'][n // 2 % 2]}"
        ),
        _lines(
            "会员卡号",
            {"order_id": "小票号", "customer_id": "会员卡号", "ordered_at": "销售时间", "amount": "实收金额", "store": "门店"},
            {"order_id": "小票号", "product_id": "商品编号", "product_name": "商品名称", "category": "类别",
             "quantity": "数量", "unit_price": "单价", "amount": "实收金额"},
        ),
    ),
    "线索导出.csv": (
        "线索编号,创建时间,来源渠道,线索状态,负责人,转化时间,无效原因",
        lambda n: (
            f"XS{n:05d},{day(n)} 10:00:00,{['官网', '展会', '抖音'][n % 3]},{['跟进中', '已转化', '无效'][n % 3]},"
            f"{['销售一部', '销售二部'][n % 2]},{day(n + 9) + ' 12:00:00' if n % 3 == 1 else ''},{'预算不足' if n % 3 == 2 else ''}"
        ),
        {("leads", "lead_id"): "线索编号", ("leads", "created_at"): "创建时间", ("leads", "channel"): "来源渠道",
         ("leads", "stage"): "线索状态", ("leads", "owner"): "负责人", ("leads", "converted_at"): "转化时间",
         ("leads", "lost_reason"): "无效原因"},
    ),
    "会员档案.csv": (
        "会员号,姓名,手机号,性别,生日,会员等级,注册门店,入会日期,积分余额,所在城市",
        lambda n: (
            f"HY{n:06d},王*,138****{n:04d},{['女', '男'][n % 2]},{day(n * 3, '19{d:02d}-{m:02d}-{d:02d}')},"
            f"{['金卡', '银卡'][n % 2]},{['南京路店', '徐家汇店'][n % 2]},{day(n)},{n * 17},{['上海', '杭州', '苏州'][n % 3]}"
        ),
        {("customers", "customer_id"): "会员号", ("customers", "name"): "姓名", ("customers", "gender"): "性别",
         ("customers", "birthday"): "生日", ("customers", "tier"): "会员等级", ("customers", "first_seen_at"): "入会日期",
         ("customers", "city"): "所在城市"},
    ),
    "nps_2024.csv": (
        "id,customer,date,score,comment",
        lambda n: f"{n + 1},K{n % 29},{day(n)},{n % 11},{['fine', 'slow delivery', ''][n % 3]}",
        {("surveys", "response_id"): "id", ("surveys", "customer_id"): "customer", ("surveys", "answered_at"): "date",
         ("surveys", "kind"): "nps", ("surveys", "score"): "score", ("surveys", "comment"): "comment"},
    ),
    "ads.csv": (
        "Day,Platform,Campaign name,Impressions,Clicks,Amount spent (EUR)",
        lambda n: f"{day(n // 2)},{['Meta', 'Google'][n % 2]},{['spring', 'brand'][n % 2]},{1000 + n},{n + 20},{n % 50 + 10}.25",
        {("spend", "spent_on"): "Day", ("spend", "channel"): "Platform", ("spend", "campaign"): "Campaign name",
         ("spend", "cost"): "Amount spent (EUR)"},
    ),
}  # fmt: skip


def _active(proposal):
    """What is proposed: (table, column): headings and how sure, in per cent as the file says it."""
    found = {}
    for one in proposal.suggested:
        for line in () if one.off else one.columns:
            if not line.off and line.value != "FILL IN":
                value = line.value if isinstance(line.value, str | list) else next(iter(line.value.values()))
                sure = re.search(r"\((\d+)%\)$", line.reason)
                found[one.table, line.key] = (
                    [value] if isinstance(value, str) else value,
                    int(sure[1]) if sure else 100,
                )
    return found


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Per own file: how many columns there are to find, which were found right, and what is wrong with how sure."""
    counted = {}
    for name, (header, line, truth) in OWN.items():
        folder = tmp_path_factory.mktemp("own")
        text = "\n".join([header, *(line(n) for n in range(240))]) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
        found = _active(propose(folder / "c", [str(folder / name)]))
        right = {key for key, heading in truth.items() if key in found and found[key][0] == [heading]}
        wrong = {key: sure for key, (_, sure) in found.items() if key not in right}
        counted[name] = (len(truth), right, wrong, set(truth) - right)
    return counted


@pytest.fixture(scope="module", params=SYSTEMS)
def by_profile(request, tmp_path_factory):
    """Of a system's fixture: the columns that its files can fill, those proposed, each by table and profile."""
    folder = FIXTURES / request.param
    wanted = yaml.safe_load((folder / "client.yaml").read_text(encoding="utf-8"))["tables"]
    exports = tmp_path_factory.mktemp("exports")
    sources = [
        (table, one) for table, listed in wanted.items() for one in (listed if isinstance(listed, list) else [listed])
    ]
    truth_by_file = {}
    for table, one in sources:
        for file in folder.glob(one["from"]):
            shutil.copy(file, exports)
            truth_by_file.setdefault(file.name, set()).add((table, one["profile"]))
    proposal = propose(tmp_path_factory.mktemp("client") / "c", [str(exports)])
    truth, found = set(), {}
    for suggested in proposal.suggested:
        for path in suggested.export.paths:
            for file in exports.glob(Path(path).name):
                for table, profile in truth_by_file[file.name]:
                    fillings = find_profile(profile).tables[table].columns
                    truth |= {
                        (file.name, table, c, profile) for c, f in fillings.items() if fills(f, suggested.export.source)
                    }
                if not suggested.off and suggested.profile:
                    fillings = find_profile(suggested.profile).tables[suggested.table].columns
                    for c, f in fillings.items():
                        if fills(f, suggested.export.source):
                            found[file.name, suggested.table, c, suggested.profile] = suggested.confidence
                elif not suggested.off:
                    for line in suggested.columns:
                        found[file.name, suggested.table, line.key, ""] = suggested.confidence
    return truth, found


def test_nine_in_ten_columns_of_each_systems_files_are_right_and_none_is_wrong_and_sure(by_profile):
    truth, found = by_profile
    assert len(truth & found.keys()) >= LEAST_RIGHT * len(truth)
    meant = {(file, profile) for file, _, _, profile in truth}
    assert {key: sure for key, sure in found.items() if (key[0], key[3]) not in meant and sure > SURE} == {}


def test_nine_in_ten_columns_of_files_of_no_system_are_right(own):
    whole, right = sum(n for n, *_ in own.values()), sum(len(r) for _, r, *_ in own.values())
    assert right >= LEAST_RIGHT * whole, {name: missed for name, (*_, missed) in own.items() if missed}


@pytest.mark.parametrize("name", OWN)
def test_no_column_of_a_file_of_no_system_is_wrong_and_sure(own, name):
    _, _, wrong, _ = own[name]
    assert {key: sure for key, sure in wrong.items() if sure > SURE} == {}
