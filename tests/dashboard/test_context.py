"""What every page is given."""

import json

import pytest
from django.test import RequestFactory

from dashboard import context
from dashboard.demonstration import push


def page(**members: object) -> dict:
    request = RequestFactory().get("/")
    vars(request).update(members)
    return context.page(request)


def test_outside_a_demonstration_redis_is_not_asked(settings):
    settings.DEMONSTRATION = False
    settings.REDIS_URL = "redis://127.0.0.1:1"
    assert page() == {"org": None, "demonstration": False, "demonstration_progress": None}


def test_a_page_of_an_organisation_is_given_it(settings):
    settings.DEMONSTRATION = False
    assert page(org="acme")["org"] == "acme"


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (None, None),
        ({"end": 3600, "total": 10, "pushed": 4}, {"pushed": 4, "total": 10}),
        ({"end": 3600, "total": 10, "pushed": 10, "live_to": 5.5}, {"pushed": 10, "total": 10}),
    ],
)
def test_a_demonstration_says_how_much_of_its_traffic_is_there(settings, redis, stored, told):
    settings.DEMONSTRATION = True
    if stored:
        redis.set(push.STATE, json.dumps(stored))
    assert page() == {"org": None, "demonstration": True, "demonstration_progress": told}


def test_a_page_of_a_demonstration_is_shown_while_redis_is_away(settings):
    settings.DEMONSTRATION = True
    settings.REDIS_URL = "redis://127.0.0.1:1"
    assert page() == {"org": None, "demonstration": True, "demonstration_progress": None}
