"""Choosing APIs for a key."""

import pytest

from keys.keys.picker import SHOWN, Choice, choice
from keys.keys.session import Api
from tests.keys import build

ORDERS, PAYMENTS, PARCELS = (
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
    many = [Api(str(number), f"API {number}", ()) for number in range(200)]
    found = choice(many, [])
    assert (found.found, found.more, found.searchable) == (many[:SHOWN], 180, True)
    assert choice(many[:SHOWN], []).searchable is False


def test_a_search_shows_the_page_again_with_all_that_was_typed_and_makes_nothing(cast, client_for):
    apis = [build.api(cast.acme, f"API {number:02}") for number in range(30)]
    client = client_for(cast.acme_admin)
    typed = {"alias": "harbour", "rate": "x", "expires": "soon", "tags": "a, b", "meta_data": "{"}
    sent = typed | {"access_rights": [apis[0].api_id], "find": "yes", "api_query": "api 29"}
    page = client.post("/o/acme/keys/new/", sent)
    form = page.context["form"]
    assert (page.status_code, {name: form[name].value() for name in typed}, form.errors) == (200, typed, {})
    text = page.content.decode()
    assert [f'value="{api.api_id}"' in text for api in (apis[0], apis[1], apis[29])] == [True, False, True]
    assert f'value="{apis[0].api_id}" checked' in text
    assert 'class="field-errors"' not in text
    assert "No keys yet" in client.get("/o/acme/keys/").content.decode()
