"""What apps declare of themselves is known, and is what the rest of the site goes by."""

import pytest
from django.apps import apps

from orgs import declarations, scope
from orgs.audit import log
from orgs.models import AuditEntry
from orgs.rights import NAMES


def test_an_entry_for_a_misspelt_permission_is_refused_where_it_is_written():
    with pytest.raises(ValueError, match="kees is no permission"):
        declarations.Entry("keys", "Keys", "key", "key-list", "kees")


def test_words_for_a_misspelt_permission_are_refused_at_the_start(monkeypatch):
    orgs = apps.get_app_config("orgs")
    monkeypatch.setattr(orgs, "rights", {"usres": "People"})
    with pytest.raises(ValueError, match="usres is no permission"):
        orgs.ready()


def test_the_words_of_permissions_are_in_their_own_order():
    assert declarations.rights() == {
        "hooks": "Alerts",
        "analytics": "Analytics",
        "apis": "APIs",
        "audit_logs": "Audit",
        "certs": "Certificates",
        "keys": "Keys",
        "system": "Nodes",
        "oauth": "OAuth clients",
        "users": "People",
        "policies": "Policies",
        "log": "Request logs",
        "log_bodies": "Request logs: requests and answers",
        "api_assets": "Templates of APIs",
    }
    assert list(declarations.rights().values()) == sorted(declarations.rights().values(), key=str.casefold)
    assert declarations.rights().keys() < set(NAMES)


def test_every_kind_that_an_app_declares_can_be_chosen_in_the_audit_log_and_no_other(cast, client_for):
    client = client_for(cast.acme_admin)
    kinds = [*declarations.audit_kinds(), "user-group"]
    answers = {kind: client.get(f"/o/acme/audit/?kind={kind}").status_code for kind in kinds}
    assert answers == {
        "alert": 200,
        "api": 200,
        "asset": 200,
        "bodies": 200,
        "certificate": 200,
        "domain": 200,
        "figures": 200,
        "gateways": 200,
        "key": 200,
        "oauth-client": 200,
        "organisation": 200,
        "policy": 200,
        "reference": 200,
        "session": 200,
        "user": 200,
        "user-group": 400,
    }


def test_a_change_of_a_kind_that_no_app_declares_is_not_noted(cast):
    with scope.org(cast.acme.id):
        with pytest.raises(ValueError, match="polciy is no kind"):
            log.record("polciy.created", "polciy", "1", "Gold")
        assert not AuditEntry.objects.exists()
