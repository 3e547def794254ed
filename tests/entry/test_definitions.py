"""`manage.py definitions`."""

import json

from django.core.management import call_command

from apis.models import ApiDefinition
from apis.publishing import publish
from orgs import scope
from tests.apis.examples import plain


def test_what_its_organisation_could_not_publish_today_is_listed(cast, capsys):
    with scope.org(cast.acme.id):
        publish.create(cast.acme.id, plain("/fine/"), author=cast.acme_admin)
        api = publish.create(cast.acme.id, plain("/old/"), author=cast.acme_admin)
        old = api.definition | {"upstream_certificates": {"*": "/etc/key.pem"}}
        ApiDefinition.objects.filter(id=api.id).update(definition_text=json.dumps(old))
    call_command("definitions", "check", skip_checks=False)
    assert capsys.readouterr().out == (
        f"{cast.acme.id} {api.id} active /upstream_certificates/*: "
        "must be the ID of an own certificate, uploaded before, not a file of the gateway's host\n"
    )
    call_command("definitions", "serve", skip_checks=False)
    assert capsys.readouterr().out == "1 served anew\n"
