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


def test_made_anew_for_everybody_an_api_reaches_none_of_another_organisation(three, cast):
    one, _, theirs = three
    with scope.org(cast.acme.id):
        calling = plain("/calling/")
        calling["proxy"]["target_url"] = f"tyk://{theirs.api_id}/x"
        publish.create(cast.acme.id, calling, author=None)
        own = plain("/own/")
        own["proxy"]["target_url"] = f"tyk://{one.api_id}/x"
        publish.create(cast.acme.id, own, author=None)
    with scope.every_org():
        ServedApi.objects.update(body=b"{}", packed=packing.pack(b"{}"))
        assert serving.serve_again(everything=True) == 5
    targets = {
        proxy["listen_path"]: proxy["target_url"]
        for proxy in (each["api_definition"]["proxy"] for each in json.loads(feed.current().body))
    }
    assert (targets["/calling/"], targets["/own/"]) == (f"tyk://{'0' * 24}/x", f"tyk://{one.id}/x")


def test_an_api_that_takes_another_id_takes_the_place_of_that_id_in_the_feed(cast):
    def order() -> list[str]:
        return [each["api_definition"]["api_id"] for each in json.loads(feed.current().body)]

    with scope.org(cast.acme.id):
        first = publish.create(cast.acme.id, plain("/a/", api_id="aaa"), author=None)
        publish.create(cast.acme.id, plain("/m/", api_id="mmm"), author=None)
        assert order() == ["aaa", "mmm"]
        publish.change(first, plain("/a/", api_id="zzz"), author=None)
        assert order() == ["mmm", "zzz"]
        assert list(ServedApi.objects.order_by("sort_key").values_list("sort_key", "revision")) == [
            ("mmm", 1),
            ("zzz", 2),
        ]


def test_each_element_says_of_which_revision_it_is(three, cast):
    one, *_ = three
    with scope.org(cast.acme.id):
        publish.change(one, plain("/a/", name="Other"), author=None)
        assert ServedApi.objects.get(api_id=one.id).revision == 2
        publish.set_active(one, False, author=None)
        assert not ServedApi.objects.filter(api_id=one.id).exists()
        publish.set_active(one, True, author=None)
        assert ServedApi.objects.get(api_id=one.id).revision == 4


def test_how_many_elements_there_are_is_counted_with_each_change(three, cast):
    one, two, _ = three

    def count() -> tuple[int, int]:
        current = feed.current()
        return current.count, len(json.loads(current.body))

    assert count() == (3, 3)
    with scope.org(cast.acme.id):
        publish.change(one, plain("/a/", name="Other"), author=None)
        assert count() == (3, 3)
        publish.set_active(one, False, author=None)
        assert count() == (2, 2)
        publish.delete(one, author=None)
        assert count() == (2, 2)
        publish.delete(two, author=None)
    assert count() == (1, 1)


def test_an_inactive_api_that_calls_is_not_served_because_what_it_calls_came(cast):
    with scope.org(cast.acme.id):
        calling = plain("/calling/", active=False)
        calling["proxy"]["target_url"] = "tyk://later/x"
        publish.create(cast.acme.id, calling, author=None)
        later = publish.create(cast.acme.id, plain("/later/", api_id="later"), author=None)
        assert serving.callers(cast.acme.id, [later.id, "later"], but=[later.id]) == []
    assert paths() == ["/later/"]


def test_an_api_is_no_caller_of_itself(cast):
    with scope.org(cast.acme.id):
        looping = plain("/loop/", api_id="loop")
        looping["proxy"]["target_url"] = "tyk://loop/x"
        loop = publish.create(cast.acme.id, looping, author=None)
        other = plain("/other/")
        other["proxy"]["target_url"] = "tyk://loop/x"
        other = publish.create(cast.acme.id, other, author=None)
        assert serving.callers(cast.acme.id, [loop.id, "loop"], but=[loop.id]) == [other]


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
