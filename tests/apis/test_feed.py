"""The feed: whole, in a stable order, of one moment; or none."""

import json

import pytest
from django.db import connections

from apis import feed, publish
from apis.models import FeedVersion, ServedApi
from orgs import scope
from tests.apis.definitions import plain


@pytest.fixture
def three(cast):
    """Three APIs of two organisations, created in an order that is not the feed's."""
    made = []
    for org, author, api_id in (
        (cast.globex, cast.globex_admin, "c"),
        (cast.acme, cast.acme_admin, "a"),
        (cast.globex, cast.globex_admin, "b"),
    ):
        with scope.org(org.id):
            made.append(publish.create(org.id, plain(f"/{api_id}/", api_id=api_id), author=author))
    return made


def test_a_new_installation_has_an_empty_feed(cast):
    current = feed.current()
    assert (current.version, current.body, current.count) == (0, b"[]", 0)


def test_the_feed_has_the_apis_of_every_organisation_by_id_whatever_the_callers_scope(cast, three):
    with scope.org(cast.acme.id):
        body = feed.current().body
    assert [element["api_definition"]["api_id"] for element in json.loads(body)] == ["a", "b", "c"]


def test_a_feed_is_made_once_a_version(three, django_assert_num_queries):
    with django_assert_num_queries(2):
        first = feed.current()
    with django_assert_num_queries(1):
        assert feed.current() is first


def test_a_feed_that_misses_an_api_is_no_feed(three):
    with scope.every_org():
        ServedApi.objects.filter(sort_key="b").delete()
        FeedVersion.objects.update(stamp="made anew")
    with pytest.raises(feed.FeedInDoubt):
        feed.current()


def test_without_its_version_there_is_no_feed(committed):
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM apis_feedversion")
    with pytest.raises(feed.FeedInDoubt):
        feed.current()


def test_every_element_is_a_wrapper_with_a_definition(three):
    elements = json.loads(feed.current().body)
    assert [sorted(element) for element in elements] == [["api_definition", "oas"]] * 3
    assert [type(element["api_definition"]) for element in elements] == [dict] * 3
