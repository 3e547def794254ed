"""Builders of policies."""

import json

from apis.publishing.feed import Feed
from keys.policies import lifecycle
from keys.policies.serving import POLICIES
from orgs import scope


def document(name="Gold", *apis, **members):
    rights = {
        api.api_id: {"api_id": api.api_id, "api_name": api.name, "versions": ["Default"]} for api in apis
    }
    return {"name": name, "active": True, "rate": 10, "per": 60, "access_rights": rights, **members}


def policy(org, *apis, name="Gold", **members):
    """A policy of `org` which opens `apis`."""
    with scope.org(org.id):
        return lifecycle.create(org.id, document(name, *apis, **members), author=None)


def pulled() -> Feed:
    return POLICIES.current()


def served():
    """The list that gateways get."""
    return json.loads(pulled().body)
