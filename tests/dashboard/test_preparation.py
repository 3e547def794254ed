"""What is done before the web processes start, and what is left out because nothing has changed."""

import os
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from apis.models import ServedApi
from apis.publishing import feed, packing, publish
from dashboard import preparation
from orgs import scope
from orgs.db.proof import Unprotected
from tests.apis.examples import plain

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_files.Collected"},
}


@pytest.fixture
def place(tmp_path):
    """A directory of its own, with two static files to collect."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "site.css").write_text("a {}")
    (source / "site.js").write_text("1")
    changed = {
        "VAR": tmp_path,
        "STATIC_ROOT": tmp_path / "static",
        "STATICFILES_DIRS": [source],
        "STATICFILES_FINDERS": ["django.contrib.staticfiles.finders.FileSystemFinder"],
        "STORAGES": STORAGES,
    }
    with override_settings(**changed):
        yield tmp_path


def collected(place: Path) -> list[str]:
    return sorted(each.name for each in (place / "static").iterdir())


def touch(file: Path, seconds: int) -> None:
    os.utime(file, ns=(seconds * 10**9, seconds * 10**9))


def test_the_fingerprint_follows_names_sizes_times_and_how_files_are_stored(place):
    source = place / "source"
    seen = [preparation.static_fingerprint()]
    assert preparation.static_fingerprint() == seen[0]

    def changed() -> bool:
        seen.append(preparation.static_fingerprint())
        return seen[-1] not in seen[:-1]

    touch(source / "site.css", 1_000_000_000)
    assert changed()
    touch(source / "site.css", 1_000_000_001)
    assert changed()
    (source / "site.css").write_text("a { }")
    touch(source / "site.css", 1_000_000_001)
    assert changed()
    (source / "site.js").rename(source / "page.js")
    assert changed()
    (source / "page.js").unlink()
    assert changed()
    with override_settings(
        STORAGES=STORAGES | {"staticfiles": {"BACKEND": "dashboard.static_files.CollectedAndCompressed"}}
    ):
        assert changed()
    assert len(seen[0]) == 64


def test_static_files_are_collected_once_and_again_when_one_has_changed(committed, redis, place):
    preparation.prepare()
    first = collected(place)
    assert len(first) == 5  # each under two names, and the list of them
    stamp = (place / "static-stamp").read_text()
    assert stamp == preparation.static_fingerprint()
    mark = place / "static" / "mark"
    mark.write_text("not collected again")
    preparation.prepare()
    assert mark.exists()
    (place / "source" / "site.css").write_text("a { color: red }")
    preparation.prepare()
    assert not mark.exists()
    assert (place / "static-stamp").read_text() != stamp
    assert len(collected(place)) == 5


def test_files_of_before_stay_where_they_are_still_asked_for(committed, redis, place):
    preparation.prepare()
    before = set(collected(place))
    (place / "source" / "site.css").write_text("a { color: red }")
    preparation.prepare(clear=False)
    assert before < set(collected(place))
    assert len(collected(place)) == 6


def test_where_the_collected_files_are_lost_they_are_collected_again(committed, redis, place):
    preparation.prepare()
    before = collected(place)
    for each in (place / "static").iterdir():
        each.unlink()
    (place / "static").rmdir()
    preparation.prepare()
    assert collected(place) == before


def test_elements_of_the_feed_that_another_version_made_are_made_anew(committed, redis, place, cast):
    with scope.org(cast.acme.id):
        api = publish.create(cast.acme.id, plain(), author=None)
        ServedApi.objects.update(body=b"{}", packed=packing.pack(b"{}"), made_by="older")
    preparation.prepare()
    assert api.api_id.encode() in feed.current().body


def test_a_database_that_would_not_keep_organisations_apart_is_refused_before_anything_is_served(
    committed, redis, place
):
    with scope.nobody(), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE keys_key NO FORCE ROW LEVEL SECURITY")
    connections["owner"].close()
    with pytest.raises(Unprotected, match="keys_key"):
        preparation.prepare()
    assert not (place / "static").exists()


def test_what_was_prepared_is_what_the_command_would_collect(committed, redis, place):
    preparation.prepare()
    found = collected(place)
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    assert collected(place) == found
