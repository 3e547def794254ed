import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apis.models import ApiDefinition
from keys.files import adoption
from keys.models import Policy
from orgs import scope
from orgs.models import AuditEntry
from tests.apis.files.test_archive import packed
from tests.keys import build

GOLD = {"name": "Gold", "org_id": "default", "access_rights": {"orders": {"api_id": "orders"}}}


@pytest.fixture
def page(cast, client_for):
    return client_for(cast.acme_admin), f"/o/{cast.acme.slug}/files/"


def zipped(*more, **members):
    orders = build.definition("Orders", "/orders/", api_id="orders", org_id="default", **members)
    entries = [
        ("gateway/apps/orders.json", json.dumps(orders)),
        ("gateway/policies.json", json.dumps({"gold": GOLD})),
    ]
    return packed(*entries, *((name, json.dumps(value)) for name, value in more))


def sent(client, address, content, **more):
    return client.post(address, {"archive": SimpleUploadedFile("files.zip", content), **more})


def again(review, **more):
    """What the review's form sends back."""
    form = review.context["form"]
    return {"carried": form["carried"].value(), "seen": form["seen"].value(), **more}


def outcomes(review):
    return {result.id: result.outcome for result in review.context["report"].results}


def there(org):
    with scope.org(org.id):
        apis = dict(ApiDefinition.objects.values_list("api_id", "revision"))
        return apis, dict(Policy.objects.values_list("policy_id", "revision"))


def test_an_archive_is_looked_at_confirmed_and_taken_over(cast, page):
    client, address = page
    assert address in client.get(f"/o/{cast.acme.slug}/apis/").content.decode()
    assert address in client.get(f"/o/{cast.acme.slug}/apis/new/").content.decode()
    review = sent(client, address, zipped(("README.json.bak", 1)))
    text = review.content.decode()
    assert outcomes(review) == {"orders": "new", "gold": "new"}
    assert ("README.json.bak" in text, "<code>default</code>" in text) == (True, True)
    assert there(cast.acme) == ({}, {})
    made = client.post(address, again(review))
    assert made.headers["Location"] == f"/o/{cast.acme.slug}/apis/"
    assert there(cast.acme) == ({"orders": 1}, {"gold": 1})
    with scope.org(cast.acme.id):
        entries = AuditEntry.objects.filter(actor_id=cast.acme_admin.id).values_list("action", flat=True)
        assert {"api.created", "policy.created"} <= set(entries)
    build.api(cast.acme, "All", path="/")
    same = sent(client, address, zipped(tags=["other"], use_keyless=True, use_standard_auth=False))
    assert outcomes(same) == {"orders": "left", "gold": "same"}
    # What is asked for now is not what was seen: it is shown first.
    asked = client.post(address, again(same, replace="on"))
    assert (asked.context["changed"], outcomes(asked)["orders"]) == (True, "replaced")
    [orders, _] = asked.context["report"].results
    assert orders.notes == (
        "Changes /use_keyless, /tags, /use_standard_auth.",
        "Opens it to everyone: nobody needs a key.",
    )
    assert client.post(address, again(asked, replace="on")).status_code == 302
    assert there(cast.acme)[0]["orders"] == 2
    open_already = zipped(tags=["third"], use_keyless=True, use_standard_auth=False)
    [orders, _] = sent(client, address, open_already, replace="on").context["report"].results
    assert orders.notes == ("Changes /tags/0.",)
    apart = ("apps/apart.json", build.definition("Apart", "/orders/apart/", api_id="apart"))
    [new, *_] = sent(client, address, zipped(apart)).context["report"].results
    below = "Lies below the API 'All' (/), the API 'Orders' (/orders/)"
    assert new.notes == (f"{below}: what is sent to /orders/apart/ comes here, and not there.",)


def test_what_a_person_may_not_publish_is_refused_and_the_rest_only_taken_over_when_that_is_meant(cast, page):
    client, address = page
    host = build.definition("Host", "/host/", api_id="host")
    host["proxy"]["target_url"] = "http://upstream.example/env://SECRET"
    archive = zipped(("apps/host.json", host))
    review = sent(client, address, archive)
    assert outcomes(review) == {"orders": "new", "host": "refused", "gold": "new"}
    assert "must not refer to the gateway&#x27;s host (env://)" in review.content.decode()
    assert client.post(address, again(review)).status_code == 200
    assert there(cast.acme) == ({}, {})
    assert client.post(address, again(review, skip_refused="on")).status_code == 302
    assert there(cast.acme) == ({"orders": 1}, {"gold": 1})


def test_what_has_changed_since_it_was_seen_is_shown_again(cast, page):
    client, address = page
    review = sent(client, address, zipped())
    build.api(cast.globex, "Theirs", path="/orders/")
    changed = client.post(address, again(review))
    assert (changed.context["changed"], outcomes(changed)["orders"]) == (True, "refused")
    assert there(cast.acme) == ({}, {})


def test_routes_go_only_by_their_number(cast, page):
    client, address = page
    build.api(cast.acme, "Orders", path="/former/", api_id="orders")
    review = sent(client, address, zipped(), replace="on")
    assert (review.context["loss"], outcomes(review)["orders"]) == ((1, 1), "replaced")
    for typed in ({}, {"removed": "2"}):
        untyped = client.post(address, again(review, replace="on", **typed))
        told = "Nothing is stored: routes would go" in untyped.content.decode()
        assert (told, there(cast.acme)[0]) == (True, {"orders": 1})
    assert client.post(address, again(untyped, replace="on", removed="1")).status_code == 302
    assert there(cast.acme)[0] == {"orders": 2}


def test_policies_need_the_right_to_them(cast, client_for):
    address = f"/o/{cast.acme.slug}/files/"
    for more in ({}, {"policies": "read"}):
        cast.acme_member.permissions = {"apis": "write", **more}
        cast.acme_member.save()
        review = sent(client_for(cast.acme_member), address, zipped())
        assert outcomes(review) == {"orders": "new", "gold": "refused"}
        assert client_for(cast.acme_member).post(address, again(review)).status_code == 200
        assert there(cast.acme) == ({}, {})
    cast.acme_member.permissions = {"policies": "write"}
    cast.acme_member.save()
    assert client_for(cast.acme_member).get(address).status_code == 403


def test_one_exported_definition_is_taken_over_by_itself(cast, page):
    client, address = page
    exported = {"api_definition": build.definition("Alone", "/alone/", api_id="alone", active=False)}
    review = sent(client, address, json.dumps(exported).encode())
    assert outcomes(review) == {"alone": "new"}
    assert client.post(address, again(review)).status_code == 302
    assert there(cast.acme) == ({"alone": 1}, {})
    with scope.org(cast.acme.id):
        assert not ApiDefinition.objects.get().active


def test_what_is_no_archive_is_refused_and_files_are_taken_nowhere_else(cast, page):
    client, address = page
    many = packed(("policies.json", json.dumps({str(number): {} for number in range(251)})))
    for content in (b"", b"no zip", b"x" * 1_500_000, many):
        assert sent(client, address, content).status_code == 400
    for values in ({}, {"carried": "%%%"}, {"carried": "AAAA"}, {"carried": "AAAA", "seen": "no"}):
        assert client.post(address, values).status_code == 400
    assert sent(client, address, b"x" * 3_000_000).status_code == 413
    assert sent(client, f"/o/{cast.acme.slug}/apis/new/", zipped()).status_code == 400


def test_a_list_of_apis_and_policies_from_a_dashboard_is_taken_over(cast, page):
    client, address = page
    names = [f"api-{number}" for number in range(30)]
    apis = [
        {"api_definition": build.definition(name, f"/{name}/", api_id=name, active=name != "api-7")}
        for name in names
    ]
    apis[9]["api_definition"]["proxy"]["listen_path"] = 5
    gold = GOLD | {"_id": "6" * 24, "id": "gold", "access_rights": {"api-3": {"api_id": "api-3"}}}
    review = sent(client, address, json.dumps({"apis": apis, "policies": [gold], "pages": 1}).encode())
    expected = dict.fromkeys(names, "new") | {"api-9": "refused", "gold": "new"}
    assert outcomes(review) == expected
    results = {result.id: result for result in review.context["report"].results}
    assert results["api-7"].notes[0] == adoption.INACTIVE
    at = ("/apis/9/api_definition", "/apis/9/api_definition/proxy/listen_path", "/policies/0")
    # What has to be looked at is not the tenth of many.
    assert review.content.decode().index("api-9") < review.content.decode().index("api-0")
    [problem] = results["api-9"].problems
    assert (results["api-9"].pointer, problem.pointer, results["gold"].pointer) == at
    assert client.post(address, again(review, skip_refused="on")).status_code == 302
    with scope.org(cast.acme.id):
        assert list(ApiDefinition.objects.filter(active=False).values_list("api_id", flat=True)) == ["api-7"]
        assert (ApiDefinition.objects.count(), Policy.objects.get().policy_id) == (29, "gold")
    many = sent(client, address, json.dumps(apis * 10).encode())
    assert (many.status_code, "must not hold more than 250" in many.content.decode()) == (400, True)
