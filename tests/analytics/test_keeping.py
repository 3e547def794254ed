"""The page on which administrators choose how long their organisation's traffic is kept."""

from datetime import UTC, datetime, timedelta
from functools import partial

from orgs import scope
from orgs.models import AuditEntry, Organisation
from orgs.organisations.retention import KINDS, install

NOTHING = dict.fromkeys(KINDS, "")


def test_an_administrator_keeps_less_once_he_has_read_what_goes(cast, client_for, request):
    client, page = client_for(cast.acme_admin), "/o/acme/retention/"
    shown = client.get(page).content.decode()
    assert all(kind.label in shown for kind in KINDS.values())
    asked = client.post(page, {**NOTHING, "records": "7"})
    assert (asked.status_code, Organisation.everyone.get(pk=cast.acme.pk).kept_days) == (200, {})
    said = asked.content.decode()
    assert "Single requests: all before <strong>" in said
    assert "Figures by the day: all before" not in said
    assert client.post(page, {**NOTHING, "records": "7", "confirmed": "true"}).status_code == 302
    assert Organisation.everyone.get(pk=cast.acme.pk).kept_days == {"records": 7}
    with scope.org(cast.acme.pk):
        entry = AuditEntry.objects.latest("at")
    assert (entry.action, entry.actor_id) == ("organisation.changed", cast.acme_admin.id)
    assert entry.changes == {"kept_days": [{}, {"records": 7}]}
    assert "own period" in client.get(page).content.decode()
    # More than before: nothing goes, so nothing is asked.
    assert client.post(page, {**NOTHING, "records": "30"}).status_code == 302
    bad = client.post(page, {**NOTHING, "records": "31", "days": "30", "confirmed": "true"})
    assert bad.status_code == 400
    assert Organisation.everyone.get(pk=cast.acme.pk).kept_days == {"records": 30}
    # Where the installation keeps less by now, that one may stay, and another be changed.
    request.addfinalizer(partial(install, {}))
    install({"records": 20})
    sent = {**NOTHING, "hours": "90", "confirmed": "true"}
    assert [client.post(page, {**sent, "records": days}).status_code for days in ("30", "29")] == [302, 400]
    assert Organisation.everyone.get(pk=cast.acme.pk).kept_days == {"records": 30, "hours": 90}


def test_only_administrators_change_it_and_of_their_own_organisation(cast, client_for):
    asked = {**NOTHING, "records": "7", "confirmed": "true"}
    answers = [
        client_for(person).post("/o/acme/retention/", asked).status_code
        for person in (cast.acme_member, cast.globex_admin)
    ]
    assert answers == [403, 404]
    assert Organisation.everyone.get(pk=cast.acme.pk).kept_days == {}


def test_whoever_sees_figures_reads_since_when_they_are_kept_on_the_clock_of_the_organisation(
    cast, client_for
):
    cast.acme_member.permissions = {"analytics": "read"}
    cast.acme_member.save(update_fields=["permissions"])
    # It kept less before, which brought nothing back.
    gone = datetime.now(UTC).date() - timedelta(days=2)
    Organisation.everyone.filter(pk=cast.acme.pk).update(
        time_zone="Asia/Kathmandu", kept_days={"records": 20}, gone_before={"records": f"{gone}"}
    )
    said = client_for(cast.acme_member).get("/o/acme/retention/").content.decode()
    assert f"{gone.day} {gone:%b %Y}, 05:45 (Asia/Kathmandu) · own period" in said
    assert said.count("(Asia/Kathmandu)") == len(KINDS)
    assert "Administrators of the organisation change it." in said
    assert 'name="records"' not in said
    assert 'name="records"' in client_for(cast.acme_admin).get("/o/acme/retention/").content.decode()
