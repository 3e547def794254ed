"""The page of a control API: for super-users, and what it gives back."""

from urllib.parse import quote

import pytest
from django.utils import timezone

from dashboard.nodes.confirming import views
from dashboard.nodes.confirming.forms import ControlForm
from dashboard.nodes.models import GatewayControl, Node, RunOtherwise
from orgs import scope
from orgs.models import PlatformAuditEntry
from orgs.sealing import unseal
from tests import make
from tests.keys import build
from tests.keys.policies import build as policies
from tests.nodes.confirming.gateway import SECRET
from tests.nodes.test_views import text_of

URL = "http://10.0.0.7:8080"


def keep(client, **said):
    return client.post("/nodes/control/", {"hostname": "edge-1", "url": URL, "secret": SECRET} | said)


def kept():
    return [(row.hostname, row.url, unseal(row, "sealed_secret")) for row in GatewayControl.objects.all()]


def test_a_super_user_says_where_it_is_and_the_secret_is_sealed_and_never_given_back(client_for, cast):
    client = client_for(cast.super_user)
    assert keep(client).status_code == 302
    assert kept() == [("edge-1", URL, SECRET.encode())]
    [row] = GatewayControl.objects.all()
    assert SECRET.encode() not in bytes(row.sealed_secret)
    GatewayControl.objects.update(confirmed_version=3, trouble="x", asked_at=timezone.now())
    with scope.org(cast.acme.id):
        RunOtherwise.objects.create(control_id=row.id, api="x", revision=1, is_absent=True)
    assert keep(client, secret="").status_code == 302  # the same address: the secret stays
    with scope.every_org():
        assert not RunOtherwise.objects.exists()
    assert kept() == [("edge-1", URL, SECRET.encode())]
    row.refresh_from_db()
    assert (row.confirmed_version, row.trouble, row.asked_at) == (None, "", None)
    pages = [client.get("/nodes/control/?hostname=edge-1"), keep(client, url="x"), client.get("/nodes/")]
    assert [page.status_code for page in pages] == [200, 400, 200]
    assert [page for page in pages if SECRET in page.content.decode()] == []
    entries = list(PlatformAuditEntry.objects.filter(kind="gateways").order_by("at"))
    assert [(entry.action, entry.label) for entry in entries] == [("gateways.control_kept", "edge-1")] * 2
    assert SECRET not in str([entry.changes for entry in entries])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"url": "ftp://10.0.0.7"}, "Address : must begin with http:// or https:// and a host."),
        ({"url": "http://u:p@10.0.0.7"}, "Address : must hold no user, password, query or fragment."),
        ({"url": "http://10.0.0.8", "secret": ""}, "Secret : must be given with a new address."),
        ({"secret": "a\nb"}, "Secret : must be printable ASCII, as a header has it."),
        ({"secret": "s" * 501}, "Secret : Ensure this value has at most 500 characters"),
        ({"hostname": ""}, "hostname: "),
    ],
)
def test_what_cannot_be_one_is_refused_and_changes_nothing(client_for, cast, said, told):
    client = client_for(cast.super_user)
    keep(client)
    before = kept()
    answer = keep(client, **said)
    assert (answer.status_code, text_of(answer).count(told), kept()) == (400, 1, before)


def test_a_secret_does_not_follow_to_an_address_that_another_was_replaced_by_meanwhile(client_for, cast):
    keep(client_for(cast.super_user), url="http://10.0.0.8")
    form = ControlForm(
        {"hostname": "edge-1", "url": URL, "secret": ""},
        present=GatewayControl(hostname="edge-1", url=URL),
    )
    assert form.is_valid()
    with scope.every_org():
        views._keep(form, cast.super_user)
    assert kept() == [("edge-1", URL, None)]


def test_it_is_forgotten_with_all_that_was_read(client_for, cast):
    client = client_for(cast.super_user)
    keep(client)
    [row] = GatewayControl.objects.all()
    with scope.org(cast.acme.id):
        RunOtherwise.objects.create(control_id=row.id, api="x", revision=1, is_absent=True)
    assert keep(client, action="forget").status_code == 302
    with scope.every_org():
        assert (kept(), RunOtherwise.objects.count()) == ([], 0)
    assert keep(client, action="forget").status_code == 302  # another did so meanwhile
    assert client_for(cast.acme_admin).get("/nodes/control/?hostname=x").status_code == 404
    assert keep(client_for(cast.acme_admin)).status_code == 404


def test_each_sees_on_the_page_of_a_node_what_of_his_own_it_runs_otherwise(client_for, cast):
    orders, theirs = build.api(cast.acme), build.api(cast.globex, "Bills")
    Node.objects.create(session_id="s", node_id="n", hostname="edge-1")
    facts = {
        "compared_version": 3,
        "confirmed_version": 2,
        "others": 2,
        "runs": 2,
        "gateway_version": "v5.14.0",
        "policies": 3,
        "other_policies": 1,
    }
    facts |= {"url": URL, "trouble": "it answers 403"}
    now = timezone.now()
    row = GatewayControl.objects.create(
        hostname="edge-1", compared_at=now, confirmed_at=now, asked_at=now, **facts
    )
    with scope.every_org():
        for api, pointers in ((orders, ["/orders/differs"]), (theirs, [])):
            RunOtherwise.objects.create(
                org_id=api.org_id,
                control_id=row.id,
                api=api.id,
                revision=4,
                is_absent=not pointers,
                pointers=pointers,
            )
        gold = policies.policy(cast.acme, orders)
        RunOtherwise.objects.create(
            org_id=cast.acme.id,
            control_id=row.id,
            kind="policy",
            api=gold.id,
            revision=5,
            is_absent=False,
            pointers=["/rate"],
        )
    operator = make.user("o@acme.example", cast.acme, {"system": "read"})
    readers = [
        (cast.acme_admin, "o/acme/"),
        (cast.globex_admin, "o/globex/"),
        (operator, "o/acme/"),
        (cast.super_user, ""),
    ]
    pages = [
        text_of(client_for(user).get(f"/{place}nodes/node/?session={quote('s')}")) for user, place in readers
    ]
    # The difference of one, the absence of the other, why it could not be read.
    seen = ("Orders 4 /orders/differs", "Bills 4 It is not loaded.", "Gold 5 /rate", "it answers 403")
    assert [[text in page for text in seen] for page in pages] == [
        [True, False, True, False],
        [False, True, False, False],
        [False, False, False, False],
        [True, True, True, True],
    ]
    said = ("Policies differs", "Policies confirmed", "OAS documents cannot be read")
    assert [[page.count(text) for text in said] for page in pages] == [
        [1, 0, 1],
        [0, 1, 1],
        [0, 1, 1],
        [1, 0, 1],
    ]
    GatewayControl.objects.update(policies=None, other_policies=0)
    page = text_of(client_for(cast.acme_admin).get("/o/acme/nodes/node/?session=s"))
    assert page.count("Policies cannot be read Its version does not tell them") == 1
    assert [page.count("Version v5.14.0") for page in pages] == [1] * 4
    assert URL not in str(pages[:3])
    fleet = client_for(cast.super_user)
    assert text_of(fleet.get("/nodes/")).count("2 not read") == 1
    # Of two that say one name nobody can tell which it is.
    Node.objects.create(session_id="t", node_id="m", hostname="edge-1")
    assert (
        text_of(fleet.get("/nodes/")).count("2 not read"),
        text_of(fleet.get("/nodes/")).count("2 of this name"),
    ) == (0, 2)
    node = text_of(fleet.get("/nodes/node/?session=t"))
    said = (
        "Version not known: 2 nodes call themselves so",
        "2 nodes call themselves so. What",
        "v5.14.0",
        "version 2, at",
    )
    assert [node.count(text) for text in said] == [1, 1, 0, 0]
