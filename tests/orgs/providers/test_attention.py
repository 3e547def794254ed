"""What needs attention is put together from what the apps declare."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from orgs import scope
from orgs.providers import attention
from orgs.providers.attention import Item


def warning(org, user, now):
    return [Item(f"{org.slug}, {user.email}", "/warning/")]


def trouble(org, user, now):
    return [Item(f"at {now:%H}", "/trouble/", bad=True)]


def test_every_declared_function_is_asked_and_the_bad_comes_first(cast, monkeypatch):
    for config in apps.get_app_configs():
        monkeypatch.setattr(config, "attention", (), raising=False)
    names = tuple(f"{__name__}.{function.__name__}" for function in (warning, trouble))
    monkeypatch.setattr(apps.get_app_config("orgs"), "attention", names)
    now = timezone.now()
    with scope.org(cast.acme.id):
        assert attention.items(cast.acme, cast.acme_admin, now) == [
            Item(f"at {now:%H}", "/trouble/", bad=True),
            Item("acme, ada@acme.example", "/warning/"),
        ]


def test_a_declared_function_that_does_not_exist_stops_the_start(monkeypatch):
    orgs = apps.get_app_config("orgs")
    monkeypatch.setattr(orgs, "attention", ("orgs.providers.attention.itmes",), raising=False)
    with pytest.raises(ImportError, match="itmes"):
        orgs.ready()


def test_a_person_without_rights_is_told_of_nothing(cast):
    with scope.org(cast.acme.id):
        assert attention.items(cast.acme, cast.acme_member, timezone.now() + timedelta(days=1)) == []
