"""How long an organisation keeps what its traffic leaves behind: the rules, and the Admin API."""

from datetime import UTC, datetime
from functools import partial
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from orgs.models import Organisation
from orgs.organisations.retention import KINDS, Retention, install, problems, shorter

JSON = "application/json"
NOW = datetime(2026, 11, 25, 14, 35, tzinfo=UTC)


def midnight(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def test_a_period_begins_at_a_midnight_and_what_has_gone_does_not_come_back():
    usual = Retention()
    assert {kind: usual.since(kind, NOW) for kind in KINDS} == {
        "records": midnight(10, 26),
        "bodies": midnight(11, 18),
        "minutes": midnight(11, 22),
        "hours": midnight(8, 25),
        "days": datetime(2025, 10, 21, tzinfo=UTC),
    }
    week = Retention({"records": 7})
    assert (week.days("records"), week.since("records", NOW), week.special) == (
        7,
        midnight(11, 18),
        {"records"},
    )
    longer_again = Retention({"records": 20}, {"records": "2026-11-18"})
    assert longer_again.since("records", NOW) == midnight(11, 18)
    assert shorter(usual, week, NOW) == {"records": (midnight(10, 26), midnight(11, 18))}
    assert shorter(week, usual, NOW) == {}
    # What is kept beside records goes with them.
    assert Retention({"records": 2}).days("bodies") == 2
    # A period longer than the installation's own, as after an update, is no longer one.
    assert Retention({"records": 99}).days("records") == KINDS["records"].days


@pytest.mark.parametrize(
    ("own", "wrong"),
    [
        ({}, {}),
        ({"records": 1, "minutes": 3, "hours": 9, "days": 400}, {}),
        ({"records": 0}, {"records": "Must be between 1 and 30 days."}),
        (
            {"records": 31, "days": 30},
            dict.fromkeys(("records",), "Must be between 1 and 30 days.")
            | {"days": "Must be between 31 and 400 days."},
        ),
        (
            {"records": True, "hours": "9"},
            {"records": "Must be between 1 and 30 days.", "hours": "Must be between 9 and 92 days."},
        ),
        ({"cookies": 1}, {"": "There are only the kinds records, bodies, minutes, hours, days."}),
        ([7], {"": "Must be an object of kinds and days."}),
    ],
)
def test_periods_from_outside_are_looked_at(own, wrong):
    assert problems(own) == wrong


def test_the_command_says_what_goes_and_asks_before_it_keeps_less(cast, monkeypatch):
    def run(**days: int) -> list[str]:
        said = StringIO()
        call_command("analytics", "retention", org="acme", stdout=said, skip_checks=True, **days)
        return said.getvalue().splitlines()

    def kept() -> dict:
        return Organisation.everyone.get(pk=cast.acme.pk).kept_days

    asked = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    answer = "y"
    with pytest.raises(CommandError, match="Nothing was changed"):
        run(records=7)
    assert (len(asked), kept()) == (1, {})
    answer = "yes"
    lines = run(records=7)
    assert (kept(), len(asked)) == ({"records": 7}, 2)
    assert lines[0].startswith("Single requests: all before ")
    assert lines[0].endswith(" 00:00 UTC is deleted for good")
    assert lines[1].startswith("records: 7 days, since ")
    assert run()[0].startswith("records: 7 days, since ")
    assert run(records=30, days=31, yes=True)[0].startswith("Figures by the day: all before ")
    assert (kept(), len(asked)) == ({"records": 30, "days": 31}, 2)
    with pytest.raises(CommandError, match="records: Must be between 1 and 30 days"):
        run(records=31)
    with pytest.raises(CommandError, match="no organisation with the slug nobody"):
        call_command("analytics", "retention", org="nobody", skip_checks=True)
    assert kept() == {"records": 30, "days": 31}


def test_the_admin_api_sets_it_whole_and_names_what_is_wrong(cast, admin_client, request):
    path = f"/admin/organisations/{cast.acme.pk}"
    body = {"owner_name": "Acme", "kept_days": {"records": 7, "hours": 30}}
    assert admin_client.put(path, body, JSON).status_code == 200
    assert admin_client.get(path).json()["kept_days"] == {"records": 7, "hours": 30}
    for wrong, said in (
        ({"records": 31}, "kept_days: records: Must be between 1 and 30 days."),
        ({"all": 1}, "kept_days: There are only the kinds records, bodies, minutes, hours, days."),
        (7, "kept_days must be an object"),
    ):
        refused = admin_client.put(path, {"kept_days": wrong}, JSON)
        assert (refused.status_code, refused.json()["Message"]) == (400, said)
    # A body without it leaves it, an empty one takes it away.
    assert admin_client.put(path, {"owner_name": "Acme"}, JSON).status_code == 200
    assert admin_client.get(path).json()["kept_days"] == {"records": 7, "hours": 30}
    # Where the installation keeps less by now, everything else can be changed, and what was read is taken back.
    request.addfinalizer(partial(install, {}))
    install({"records": 5})
    for name, body in (("Acme 1", {}), ("Acme 2", {"kept_days": {"records": 7, "hours": 30}})):
        assert admin_client.put(path, {"owner_name": name, **body}, JSON).status_code == 200
        assert admin_client.get(path).json()["owner_name"] == name
    for wrong in ({"records": 6}, {"records": 8, "hours": 30}):
        assert admin_client.put(path, {"kept_days": wrong}, JSON).status_code == 400
    assert admin_client.get(path).json()["kept_days"] == {"records": 7, "hours": 30}
    # Nor does one of them keep another from being changed.
    call_command("analytics", "retention", org="acme", hours=31, stdout=StringIO(), skip_checks=True)
    assert admin_client.get(path).json()["kept_days"] == {"records": 7, "hours": 31}
    with pytest.raises(CommandError, match=r"^records: Must be between 1 and 5 days\.$"):
        call_command("analytics", "retention", org="acme", records=6, skip_checks=True)
    assert admin_client.put(path, {"kept_days": {}}, JSON).status_code == 200
    assert admin_client.get(path).json()["kept_days"] == {}
