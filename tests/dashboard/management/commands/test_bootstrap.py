import json
import os
import pty
import subprocess
import sys
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from orgs import rights, scope
from orgs.models import AuditEntry, Organisation, User

ROOT = settings.BASE_DIR


def bootstrap(*arguments: str) -> dict:
    out = StringIO()
    call_command("bootstrap", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_an_organisation_with_blanks_and_its_administrator_are_made_together(db):
    made = bootstrap(
        "--neworg", "--newuser", "--org-name", '"Acme Retail Ltd"', "--email", "Ada@Acme.example"
    )
    org = Organisation.everyone.get()
    user = User.everyone.get()
    assert list(made) == [
        "org_id",
        "org_slug",
        "user_id",
        "user_email",
        "user_org_id",
        "access_key",
        "password",
    ]
    assert (org.owner_name, org.slug, org.id) == ("Acme Retail Ltd", "acme-retail-ltd", made["org_id"])
    assert (user.email, user.org_id, user.permissions) == (
        "ada@acme.example",
        org.id,
        rights.ADMINISTRATOR,
    )
    assert user.check_password(made["password"])
    assert Client(headers={"Authorization": made["access_key"]}).get("/api/users/me").json()["id"] == user.id
    with scope.org(org.id):
        actions = AuditEntry.objects.order_by("at", "action").values_list("action", "actor_email")
        assert list(actions) == [("organisation.created", "command line"), ("user.created", "command line")]


def test_a_user_without_an_organisation_is_a_super_user(db):
    made = bootstrap("--newuser", "--org", "none", "--email", "sue@platform.example")
    assert made["user_org_id"] == ""
    assert User.everyone.get().is_superuser is True


def test_a_user_joins_an_existing_organisation_by_id_or_slug(cast):
    for place, named in enumerate((cast.acme.id, cast.acme.slug)):
        made = bootstrap("--newuser", "--org", named, "--email", f"n{place}@acme.example", "--member")
        user = User.everyone.get(pk=made["user_id"])
        assert (user.org_id, user.permissions) == (cast.acme.id, {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say --neworg, --newuser or both."),
        (["--neworg"], "--org-name is missing."),
        (["--newuser", "--email", "a@b.example"], "--org is missing."),
        (["--newuser", "--email", "a@b.example", "--org", "nowhere"], "There is no organisation nowhere."),
        (
            ["--neworg", "--newuser", "--org-name", "Acme", "--email", "nonsense"],
            "email: Enter a valid email address.",
        ),
        (
            ["--neworg", "--org-name", "Acme", "--time-zone", "Mars/Base"],
            "time_zone: This is not a time zone.",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_named_and_nothing_is_stored(db, arguments, said):
    with pytest.raises(CommandError) as raised:
        call_command("bootstrap", *arguments)
    assert str(raised.value) == said
    assert (Organisation.everyone.count(), User.everyone.count()) == (0, 0)


def test_on_a_terminal_it_asks(committed):
    terminal, inside = pty.openpty()
    asked = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "bootstrap", "--neworg", "--newuser"],
        stdin=inside,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        start_new_session=True,
    )
    os.write(terminal, b"'Acme Retail'\n\n\nada@acme.example\nAda\n\n")
    prompt = ""
    while not prompt.endswith("one is made): "):  # what is typed before the prompt is thrown away
        prompt += asked.stderr.read(1)
    os.write(terminal, b"correct horse battery staple\n")
    out, errors = asked.communicate(timeout=60)
    assert asked.returncode == 0, errors
    os.close(terminal)
    os.close(inside)
    assert Organisation.everyone.get().owner_name == "Acme Retail"
    assert User.everyone.get().first_name == "Ada"
    assert f"Org id: {Organisation.everyone.get().id}\n" in out


def test_an_organisation_keeps_the_id_that_gateways_have_of_it(db):
    made = bootstrap("--neworg", "--org-name", "Acme", "--org-id", "5" * 24)
    assert made["org_id"] == "5" * 24
    for id in ("default", "5" * 24):
        with pytest.raises(CommandError):
            bootstrap("--neworg", "--org-name", "Again", "--org-id", id)
    assert Organisation.everyone.count() == 1
