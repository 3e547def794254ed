"""The feed: whole, in a stable order, of one moment; or none."""

import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from apis.models import FeedVersion, ServedApi
from apis.publishing import feed, publish
from orgs import scope
from tests.apis.examples import plain


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
    assert (current.version, current.body, current.count, current.size) == (0, b"[]", 0, 2)
    assert feed.outline() == (0, current.stamp, 0, 0)


def test_the_feed_has_the_apis_of_every_organisation_by_id_whatever_the_callers_scope(cast, three):
    with scope.org(cast.acme.id):
        body = feed.current().body
    assert [element["api_definition"]["api_id"] for element in json.loads(body)] == ["a", "b", "c"]


def test_a_feed_is_made_once_a_version(three, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(feed.APIS, "_latest", None)
    # The feed with its version, in a transaction; afterwards its stamp.
    with django_assert_num_queries(3):
        first = feed.current()
    with django_assert_num_queries(1):
        assert feed.current() is first


def test_a_feed_that_misses_an_api_is_no_feed(three):
    with scope.every_org():
        ServedApi.objects.filter(sort_key="b").delete()
        FeedVersion.objects.update(stamp="made anew")
    for look in (feed.current, feed.outline):
        with pytest.raises(feed.FeedInDoubt, match="has 3 APIs, but 2 were found"):
            look()


def test_without_its_version_there_is_no_feed(committed):
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM apis_feedversion")
    for look in (feed.current, feed.outline):
        with pytest.raises(feed.FeedInDoubt, match="the feed has no version"):
            look()


def test_a_feed_of_which_all_was_lost_is_no_feed(three):
    with scope.every_org():
        ServedApi.objects.all().delete()
        FeedVersion.objects.update(stamp="made anew")
    with pytest.raises(feed.FeedInDoubt, match="has 3 APIs, but 0 were found"):
        feed.current()


def test_an_outline_names_the_feed_without_reading_it(three, django_assert_num_queries):
    current = feed.current()
    with django_assert_num_queries(1):
        outline = feed.outline()
    # A feed has brackets and commas as well.
    assert outline == (current.version, current.stamp, 3, current.size - 4)
    assert (current.size, gzip.decompress(current.packed)) == (len(current.body), current.body)


def test_a_feed_of_more_bodies_than_are_read_at_once_is_whole(three, monkeypatch):
    monkeypatch.setattr(feed, "_AT_ONCE", 2)
    monkeypatch.setattr(feed.APIS, "_latest", None)
    assert [element["api_definition"]["api_id"] for element in json.loads(feed.current().body)] == [
        "a",
        "b",
        "c",
    ]


def test_when_many_ask_after_a_change_one_reads_the_feed_and_the_others_wait_for_it(
    committed, cast, monkeypatch
):
    """Each packed it for himself, which eight threads at 36 MB took 39 s and 530 MB for."""
    with scope.org(cast.acme.id), transaction.atomic():
        publish.create(cast.acme.id, plain(), author=None)
    monkeypatch.setattr(feed.APIS, "_latest", None)
    began, read = threading.Barrier(8), []

    def noted():
        read.append(1)
        time.sleep(0.2)  # so that all others wait by then
        return _read()

    _read = feed.APIS._read
    monkeypatch.setattr(feed.APIS, "_read", noted)

    def ask(_):
        try:
            began.wait(60)
            return feed.current()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        feeds = list(pool.map(ask, range(8)))
    assert (len(read), {id(each) for each in feeds}) == (1, {id(feeds[0])})


def test_every_element_is_a_wrapper_with_a_definition(three):
    elements = json.loads(feed.current().body)
    assert [sorted(element) for element in elements] == [["api_definition", "oas"]] * 3
    assert [type(element["api_definition"]) for element in elements] == [dict] * 3
