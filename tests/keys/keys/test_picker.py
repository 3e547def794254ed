"""Choosing APIs for a key."""

import re

import pytest

from keys.keys.picker import SHOWN, Choice, choice, of_apis
from keys.keys.session import Api
from tests.keys import build

ORDERS, PAYMENTS, PARCELS = of_apis(
    Api(name[0], name, ("Default",)) for name in ("Orders", "payments old", "Parcels")
)


@pytest.mark.parametrize(
    ("ticked", "query", "expected"),
    [
        ([], "", Choice([], [ORDERS, PAYMENTS, PARCELS], 0)),
        (["O"], "pa", Choice([ORDERS], [PAYMENTS, PARCELS], 0)),
        (["O", "p"], " OLD  pay ", Choice([ORDERS, PAYMENTS], [], 0)),
        (["gone"], "x", Choice([], [], 0)),
    ],
)
def test_what_is_ticked_stays_and_the_rest_is_searched(ticked, query, expected):
    assert choice([ORDERS, PAYMENTS, PARCELS], ticked, query) == expected


def test_as_many_are_found_as_one_can_look_at():
    many = of_apis(Api(str(number), f"API {number}", ()) for number in range(200))
    found = choice(many, [])
    assert (found.found, found.more, found.searchable) == (many[:SHOWN], 180, True)
    assert choice(many[:SHOWN], []).searchable is False


def test_a_search_shows_the_page_again_with_all_that_was_typed_and_makes_nothing(cast, client_for):
    apis = [build.api(cast.acme, f"API {number:02}") for number in range(29)]
    # No hexadecimal digits: a search looks into ids, too, and those are drawn by lot.
    apis.append(build.api(cast.acme, "Zulu"))
    client = client_for(cast.acme_admin)
    typed = {"alias": "harbour", "rate": "x", "expires": "soon", "tags": "a, b", "meta_data": "{"}
    sent = typed | {"access_rights": [apis[0].api_id], "find": "yes", "api_query": "zulu"}
    page = client.post("/o/acme/keys/new/", sent)
    form = page.context["form"]
    assert (page.status_code, {name: form[name].value() for name in typed}, form.errors) == (200, typed, {})
    text = page.content.decode()
    assert [f'value="{api.api_id}"' in text for api in (apis[0], apis[1], apis[29])] == [True, False, True]
    assert f'value="{apis[0].api_id}" checked' in text
    assert 'class="field-errors"' not in text
    assert "No keys yet" in client.get("/o/acme/keys/").content.decode()


def radios(page) -> list[str]:
    return re.findall(r'type="radio" name="api" value="([^"]*)"', page.content.decode())


def test_the_list_of_keys_is_filtered_by_an_api_that_is_searched_for(cast, client_for):
    names = [f"API {number:03}" if number != 150 else "Harbour" for number in range(200)]
    apis = [build.api(cast.acme, name) for name in names]
    build.key(cast.acme, apis[150], alias="Of Harbour")
    build.key(cast.acme, apis[2], alias="Of 2")
    build.api(cast.globex, "Harbour of Globex")
    client, path = client_for(cast.acme_admin), "/o/acme/keys/"
    page = client.get(path)
    assert radios(page) == ["", *(api.api_id for api in apis[:SHOWN])]
    assert "And 180 more: search for a part of their name." in page.content.decode()
    found = client.get(path, {"find": "yes", "api_query": "harb", "api": apis[2].api_id, "q": "of"})
    assert radios(found) == ["", apis[2].api_id, apis[150].api_id]
    assert f'value="{apis[2].api_id}" checked' in found.content.decode()
    assert ("Of 2" in found.content.decode(), 'value="of"' in found.content.decode()) == (True, True)
    chosen = client.get(path, {"api": apis[150].api_id, "api_query": ""})
    assert [row["key"].alias for row in chosen.context["rows"]] == ["Of Harbour"]
    assert radios(chosen)[:2] == ["", apis[150].api_id]
    assert client.get(path, {"api_query": "x" * 30_000}).status_code == 200


def test_few_apis_are_a_plain_choice(cast, client_for):
    api = build.api(cast.acme, "Only")
    page = client_for(cast.acme_admin).get("/o/acme/keys/", {"api": api.api_id})
    assert radios(page) == []
    assert f'<option value="{api.api_id}" selected>Only</option>' in page.content.decode()
