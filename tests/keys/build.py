"""Builders of APIs and keys, and the worker's part in delivering them."""

import json

from django.db import transaction

from apis.gateways import delivery as gateways
from apis.gateways import outbox
from apis.models import ApiDefinition
from apis.publishing import publish
from keys.keys import lifecycle, repair
from keys.keys.delivery import AGAIN, CHANGED, REVOKED, SUSPENDED, delivered_of
from keys.keys.session import Right
from keys.models import Sweep
from orgs import scope
from orgs.models import AuditEntry

KINDS = (CHANGED, SUSPENDED, REVOKED, AGAIN)


def definition(name, path, **members):
    return {
        "name": name,
        "active": True,
        "use_keyless": False,
        "auth": {"auth_header_name": "Authorization"},
        "proxy": {"listen_path": path, "target_url": "http://upstream.example/", "strip_listen_path": True},
        "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
        **members,
    }


def api(org, name="Orders", **members):
    path = members.pop("path", f"/{org.slug}/{name.lower().replace(' ', '-')}/")
    with scope.org(org.id), transaction.atomic():
        return publish.create(org.id, definition(name, path, **members), author=None)


def key(org, *apis, **spec):
    """A key of `org` and its token. Without `apis` it is one for all APIs."""
    rights = tuple(Right(each.api_id) for each in apis)
    suspended, key_id = spec.pop("suspended", False), spec.pop("key_id", "")
    with scope.org(org.id), transaction.atomic():
        return lifecycle.create(
            org.id,
            lifecycle.KeySpec(rights=rights, all_apis=not apis, **spec),
            created_by="test",
            suspended=suspended,
            key_id=key_id,
        )


def deliver(redis):
    """What the worker does with the messages that are due; those that fail are tried later."""
    while gateways.deliver(redis):
        pass


def sweep(redis, **named):
    """A whole round of the sweep: how many keys it looked at, rewrote, and took out of Redis."""
    while True:
        repair.step(redis, **named)
        found = Sweep.objects.get()
        if not found.after_id:
            return found.checked, found.rewritten, found.removed


def stored(redis, made):
    """The session in Redis, None when there is none."""
    text = redis.get(f"apikey-{made.token_hash}")
    return None if text is None else json.loads(text)


def waiting(org):
    """(kind, subject) of the messages about keys that are not yet delivered; of one about many keys, each of them."""
    with scope.org(org.id):
        rows = outbox.waiting().filter(kind__in=KINDS).order_by("created_at", "id")
        return [
            (row.kind, subject)
            for row in rows
            for subject in (sorted(row.payload["subjects"]) if row.kind == AGAIN else [row.subject])
        ]


def is_delivered(made):
    """Whether gateways have the last change of a key, and of the APIs that it opens."""
    with scope.org(made.org_id):
        return made.id in delivered_of([again(made)])


def again(made):
    """The key as the database has it now."""
    with scope.org(made.org_id):
        return type(made).objects.get(id=made.id)


def apis_of(org):
    """Its APIs by name."""
    with scope.org(org.id):
        return list(ApiDefinition.objects.filter(org=org).order_by("name"))


def actions(org):
    """(action, key) of the audit entries about keys, oldest first."""
    with scope.org(org.id):
        return list(
            AuditEntry.objects.filter(kind="key").order_by("at", "id").values_list("action", "object_id")
        )


def changes(org, action):
    """What the one entry of this action says."""
    with scope.org(org.id):
        return AuditEntry.objects.get(kind="key", action=action).changes


def inside(org, call, *arguments, **named):
    with scope.org(org.id), transaction.atomic():
        return call(*arguments, **named)
