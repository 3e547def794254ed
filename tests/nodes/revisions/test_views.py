"""The page of one node."""

from datetime import timedelta
from urllib.parse import quote

from django.utils import timezone

from apis.publishing import publish
from dashboard.nodes.models import GatewayControl, Node, wanted_version
from dashboard.nodes.revisions import pulled
from orgs import scope
from tests import make
from tests.keys import build
from tests.nodes.test_views import text_of

ODD = 'of/../"<b>&?'


def behind(cast):
    """A node that was served everything before each organisation changed an API."""
    with scope.every_org():
        apis = [build.api(cast.acme), build.api(cast.globex, "Bills")]
        now = timezone.now()
        Node.objects.create(
            session_id=ODD,
            node_id="n",
            hostname="edge-1",
            served_version=wanted_version(),
            tags="eu<1>",
            load=4,
            load_at=now,
        )
        pulled.note(wanted_version(), now)
        for api in apis:
            publish.change(api, api.definition | {"name": f"{api.name} 2"}, author=None)


def test_the_page_says_what_was_served_and_what_is_desired_of_ones_own(client_for, cast):
    behind(cast)
    address = f"nodes/node/?session={quote(ODD)}"
    pages = [
        text_of(client_for(user).get(f"/{prefix}{address}"))
        for user, prefix in (
            (cast.acme_admin, "o/acme/"),
            (cast.globex_admin, "o/globex/"),
            (cast.super_user, ""),
        )
    ]
    names = ['/name "Orders" "Orders 2"', '/name "Bills" "Bills 2"', "Globex"]
    assert [[page.count(name) > 0 for name in names] for page in pages] == [
        [True, False, False],
        [False, True, True],
        [True, True, True],
    ]
    served = wanted_version() - 2
    for page in pages:
        assert page.count(f"Desired version {served + 2} Served version {served}") == 1
        assert page.count("Tags eu<1> (told in one word)") == page.count("Requests a second 4 at") == 1
    operator = make.user("o@acme.example", cast.acme, {"system": "read"})
    assert text_of(client_for(operator).get(f"/o/acme/{address}")).count("that you may see differs") == 1


def test_what_was_heard_is_not_shown_for_ever_and_a_node_that_is_gone_is_no_other_of_that_name(
    client_for, cast
):
    behind(cast)
    now = timezone.now()
    GatewayControl.objects.create(hostname="edge-1", url="http://10.0.0.7")
    Node.objects.update(load_at=now - timedelta(seconds=91))
    Node.objects.create(
        session_id="gone", node_id="g", hostname="edge-1", last_ping_at=now - timedelta(hours=1)
    )
    page = text_of(client_for(cast.acme_admin).get(f"/o/acme/nodes/node/?session={quote(ODD)}"))
    assert (page.count("not heard in the last 90 s"), page.count("call themselves so")) == (1, 0)


def test_the_list_leads_to_it_and_what_is_no_node_is_refused(client_for, cast):
    behind(cast)
    client = client_for(cast.super_user)
    link = f'href="/nodes/node/?session={quote(ODD, safe="")}"'
    assert client.get("/nodes/").content.decode().count(link) == 1
    answers = [
        client.get(f"/nodes/node/{query}").status_code
        for query in ("?session=x", "", f"?session={'s' * 129}")
    ]
    assert answers == [404, 400, 400]
    assert client_for(cast.acme_member).get(f"/o/acme/nodes/node/?session={quote(ODD)}").status_code == 403
