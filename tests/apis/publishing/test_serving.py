"""Elements of the feed, in line with what is published."""

import json

import pytest
from django.db import transaction

from apis.models import Outbox, ServedApi
from apis.publishing import feed, packing, publish, serving
from orgs import scope
from orgs.organisations import lifecycle
from tests.apis.examples import plain
from tests.concurrency import second_of_two


@pytest.fixture
def three(cast):
    made = []
    for org, path in ((cast.acme, "/a/"), (cast.acme, "/b/"), (cast.globex, "/c/")):
        with scope.org(org.id):
            made.append(publish.create(org.id, plain(path), author=None))
    return made


def paths():
    return sorted(each["api_definition"]["proxy"]["listen_path"] for each in json.loads(feed.current().body))


def test_an_element_is_packed_when_it_is_published(three):
    with scope.every_org():
        elements = list(ServedApi.objects.values_list("body", "packed", "made_by"))
    assert [packing.unpacked(packed) for _, packed, _ in elements] == [body for body, _, _ in elements]
    assert {made_by for _, _, made_by in elements} == {serving.made_by()}


def test_what_an_older_version_made_of_definitions_is_served_anew_with_one_message_an_organisation(three):
    with scope.every_org():
        ServedApi.objects.update(body=b"{}", packed=packing.pack(b"{}"), made_by="older")
        Outbox.objects.all().delete()
        before = feed.current().version
        assert serving.serve_again() == 3
        assert (paths(), feed.current().count) == (["/a/", "/b/", "/c/"], 3)
        assert (feed.current().version, Outbox.objects.count()) == (before + 2, 2)
        assert serving.serve_again() == 0
        assert feed.current().version == before + 2


def test_what_a_newer_version_would_make_alike_is_marked_and_gateways_are_not_disturbed(three):
    with scope.every_org():
        ServedApi.objects.update(made_by="older")
        before = feed.current()
        assert serving.serve_again() == 0
        assert feed.current() is before
        assert set(ServedApi.objects.values_list("made_by", flat=True)) == {serving.made_by()}


def test_at_a_start_what_this_version_made_is_not_read_again(three, django_assert_num_queries):
    with scope.every_org(), django_assert_num_queries(1):
        serving.serve_again()


def test_all_is_made_anew_on_request(three):
    with scope.org(three[0].org_id):
        ServedApi.objects.filter(api_id=three[0].id).update(body=b"{}")
        assert (serving.serve_again(), serving.serve_again(everything=True)) == (0, 1)


def test_an_element_that_is_not_packed_makes_no_feed(three):
    with scope.every_org():
        ServedApi.objects.filter(api_id=three[0].id).update(packed=b"", made_by="")
        serving.renew(serving.lock_feed(), 0, org_id=three[0].org_id, subject="test")
        with pytest.raises(feed.FeedInDoubt, match="not packed"):
            feed.current()
        ServedApi.objects.filter(api_id=three[0].id).update(body=b"{}")
        serving.serve_again()
    assert paths() == ["/a/", "/b/", "/c/"]


def test_serving_anew_waits_for_the_deletion_of_an_organisation_and_the_other_way_round(committed, cast):
    def older():
        with scope.every_org():
            ServedApi.objects.update(body=b"{}", packed=packing.pack(b"{}"), made_by="older")

    def again():
        with scope.every_org():
            return serving.serve_again()

    for org in (cast.acme, cast.globex):
        with scope.org(org.id), transaction.atomic():
            publish.create(org.id, plain(f"/{org.slug}/"), author=None)
    with transaction.atomic():
        older()
    assert second_of_two(cast.acme.id, lambda: lifecycle.delete(cast.acme), again) == 1
    with transaction.atomic():
        older()
    globex = cast.globex
    assert second_of_two(globex.id, again, lambda: lifecycle.delete(globex)) is None
    assert (paths(), feed.current().count) == ([], 0)
