"""Instants as pages write them: in the zone of the page, exact to the second for programs."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.template import Context, Template
from django.utils import timezone


def shown(instant, words=""):
    return Template("{% load orgs_moment %}{% moment instant none=words %}").render(
        Context({"instant": instant, "words": words})
    )


def test_an_instant_is_shown_in_the_zone_of_the_page_and_given_in_utc():
    instant = datetime(2026, 3, 1, 23, 5, 9, tzinfo=UTC)
    with timezone.override(ZoneInfo("Asia/Kolkata")):
        assert shown(instant) == (
            '<time class="nowrap" datetime="2026-03-01T23:05:09+00:00">2 Mar 2026, 04:35</time>'
        )
    with timezone.override(ZoneInfo("UTC")):
        assert shown(instant.astimezone(ZoneInfo("America/New_York"))) == (
            '<time class="nowrap" datetime="2026-03-01T23:05:09+00:00">1 Mar 2026, 23:05</time>'
        )


def test_where_there_is_none_words_stand_that_cannot_be_markup():
    assert shown(None, "never <b>") == '<span class="muted">never &lt;b&gt;</span>'
    assert shown(None) == '<span class="muted"></span>'
