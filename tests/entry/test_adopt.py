import json
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command

from apis.models import ApiDefinition
from keys.keys import token as tokens
from keys.models import FoundSession, Key, Policy
from orgs import scope
from tests.apis.examples import openapi
from tests.keys import build
from tests.keys.adoption.build import NAME, write


@pytest.fixture
def run(capsys, cast, redis):
    def run(*arguments):
        call_command("adopt", *arguments, skip_checks=False)
        return capsys.readouterr().out.splitlines()

    return run


def hashes(org):
    with scope.org(org.id):
        return sorted(Key.objects.values_list("token_hash", flat=True))


def test_sessions_are_listed_taken_over_and_checked_by_command(cast, redis, run):
    orders, strange = build.api(cast.acme), build.api(cast.globex)
    write(redis, cast.acme, orders)
    write(redis, cast.acme, orders, strange, name="c" * 64)
    write(redis, cast.globex, strange, name="d" * 8)
    assert [line.split()[:4] for line in sorted(run("list", "--org", "acme"))] == [
        ["acme", NAME, "key", "whole"],
        ["acme", "c" * 64, "key", "cut"],
    ]
    assert len(run("list")) == 3
    with pytest.raises(CommandError):
        run("check")
    with pytest.raises(CommandError):
        run("import", "--org", "acme", "--all")
    assert hashes(cast.acme) == [NAME]
    assert run("import", "--org", "acme", "--all", "--cut")[-1] == "1 of 1 taken over"
    assert run("import", "--org", "globex", "d" * 8) == ["1 of 1 taken over"]
    assert (hashes(cast.acme), hashes(cast.globex)) == ([NAME, "c" * 64], ["d" * 8])
    build.deliver(redis)
    assert run("check") == ["3 sessions, 0 open what they must not"]


@pytest.mark.parametrize(
    "arguments", [("--org", "nobody", "--all"), ("--org", "acme"), ("--org", "acme", "e" * 8)]
)
def test_what_cannot_be_meant_is_refused(cast, redis, run, arguments):
    write(redis, cast.globex, build.api(cast.globex), name="e" * 8)
    with pytest.raises(CommandError):
        run("import", *arguments)
    with scope.every_org():
        assert (Key.objects.count(), FoundSession.objects.count()) in ((0, 0), (0, 1))


@pytest.fixture
def gateway(tmp_path):
    """The files of a gateway: two good APIs, a policy that sessions know as gold."""
    (tmp_path / "apps").mkdir()
    orders = build.definition("Orders", "/orders/", api_id="orders", org_id="default")
    users = build.definition("Users", "/users/", api_id="users", org_id="default", use_basic_auth=True)
    for name, definition in (("orders", orders), ("users", users)):
        (tmp_path / "apps" / f"{name}.json").write_text(json.dumps(definition))
    gold = {
        "org_id": "default",
        "rate": 7,
        "per": 1,
        "access_rights": {"orders": {"api_id": "orders", "versions": ["Default"]}},
    }
    (tmp_path / "policies.json").write_text(json.dumps({"gold": gold}))
    return tmp_path


def files(gateway):
    return ("--apps", str(gateway / "apps"), "--policies", str(gateway / "policies.json"), "--org", "acme")


def there(org):
    with scope.org(org.id):
        return (
            sorted(ApiDefinition.objects.values_list("api_id", "revision", "active")),
            sorted(Policy.objects.values_list("policy_id", "revision")),
        )


def test_a_gateways_files_become_apis_and_policies_under_their_own_ids(cast, run, gateway):
    with pytest.raises(CommandError, match="Say --yes"):
        run(*files(gateway))
    assert there(cast.acme) == ([], [])
    said = run(*files(gateway), "--yes")
    assert said[:4] == [
        "API 'Orders' (orders.json): new",
        "API 'Users' (users.json): new",
        "policy 'gold' (policies.json /gold): new",
        "    has no name: it is called by its ID.",
    ]
    assert (f"org_id 'default' of 3 becomes {cast.acme.id}, the organisation acme.") in said
    assert "Stored: 3 new." in said
    whole = ([("orders", 1, True), ("users", 1, True)], [("gold", 1)])
    assert there(cast.acme) == whole
    assert "In all: 3 there already, unchanged." in run(*files(gateway), "--yes")
    path = gateway / "apps" / "users.json"
    path.write_text(path.read_text().replace("upstream.example", "other.example"))
    assert "API 'Users' (users.json): there already, differs: stays as it is (--replace)" in run(
        *files(gateway)
    )
    assert there(cast.acme) == whole
    assert "Stored: 1 another revision, 2 there already, unchanged." in run(
        *files(gateway), "--yes", "--replace"
    )
    assert there(cast.acme) == ([("orders", 1, True), ("users", 2, True)], [("gold", 1)])


def test_a_list_from_a_dashboard_arrives_as_it_is_and_what_a_gateway_runs_on_becomes_active(
    cast, run, gateway
):
    lists = {"policies": {"Data": [{"name": "Gold", "_id": "6" * 24, "id": "", "access_rights": {}}]}}
    sleeping = {"id": "7" * 24, "active": False}
    one = build.definition("Listed", "/listed/", api_id="listed", **sleeping)
    lists["apps"] = {"apis": [{"api_definition": one}], "pages": 1}
    for name, value in lists.items():
        (gateway / f"{name}.list").write_text(json.dumps(value))
    named = [part for name in lists for part in (f"--{name}", str(gateway / f"{name}.list"))]
    run(*named, "--org", "acme", "--yes")
    assert there(cast.acme) == ([("listed", 1, False)], [("6" * 24, 1)])
    another = build.definition("Served", "/served/", api_id="served", **sleeping)
    (gateway / "apps" / "served.json").write_text(json.dumps(another))
    run(*files(gateway), "--yes")
    assert ("served", 1, True) in there(cast.acme)[0]


def test_one_bad_file_keeps_all_from_being_stored_unless_it_is_passed_over(cast, run, gateway, capsys):
    build.api(cast.globex, "Theirs", api_id="theirs", path="/theirs/")
    bad = {
        "taken": build.definition("Taken", "/theirs/", api_id="mine"),
        "wrong": build.definition("Wrong", "/wrong/", api_id="wrong", active="yes"),
        "\x1b[2J": [],
    }
    for name, definition in bad.items():
        (gateway / "apps" / f"{name}.json").write_text(json.dumps(definition))
    record = json.loads((gateway / "policies.json").read_text())
    record["lost"] = {"name": "Lost", "access_rights": {"wrong": {"api_id": "wrong"}}}
    (gateway / "policies.json").write_text(json.dumps(record))
    with pytest.raises(CommandError, match="Nothing is stored"):
        run(*files(gateway), "--yes")
    said = capsys.readouterr().out.splitlines()
    assert there(cast.acme) == ([], [])
    refused = [pair for pair in pairwise(said) if pair[0].endswith("refused")]
    assert refused == [
        ("API (?[2J.json): refused", "    must be a JSON object"),
        ("API 'Taken' (taken.json): refused", "    /proxy/listen_path: Found API with same url"),
        ("API 'Wrong' (wrong.json): refused", "    /active: must be true or false"),
        (
            "policy 'Lost' (policies.json /lost): refused",
            "    /lost/access_rights/wrong: There is no API 'wrong' in this organisation.",
        ),
    ]
    with pytest.raises(CommandError) as passed:
        run(*files(gateway), "--yes", "--skip-refused")
    assert passed.value.returncode == 3
    assert there(cast.acme) == ([("orders", 1, True), ("users", 1, True)], [("gold", 1)])


def test_an_oas_definition_arrives_as_the_document_beside_it(cast, run, gateway):
    both = {
        "": {**build.definition("Pets", "/pets/", api_id="pets"), "is_oas": True},
        "-oas": openapi("/pets/"),
    }
    for ending, document in both.items():
        (gateway / "apps" / f"pets{ending}.json").write_text(json.dumps(document))
    said = run(*files(gateway), "--yes")
    assert "file pets-oas.json: belongs to pets.json" in said
    with scope.org(cast.acme.id):
        row = ApiDefinition.objects.get(api_id="pets")
    assert (row.kind, row.active, row.listen_path) == ("oas", True, "/pets/")
    assert "In all: 4 there already, unchanged." in run(*files(gateway), "--yes")


def test_more_than_an_organisation_may_have_is_not_even_tried(cast, run, gateway):
    cast.acme.max_apis = 1
    cast.acme.save()
    with pytest.raises(CommandError, match="max_apis"):
        run(*files(gateway))


@pytest.mark.parametrize("arguments", [(), ("--apps", "x"), ("--apps", "/nowhere", "--org", "acme")])
def test_files_that_cannot_be_meant_are_refused(run, arguments):
    with pytest.raises(CommandError):
        run(*arguments)


def test_keys_that_name_the_organisation_as_the_files_did_are_taken_over_too(cast, redis, run, tmp_path):
    users = build.api(cast.acme, "Users", use_basic_auth=True)
    password = {"password": "$2a$10$" + "a" * 53, "hash_type": "bcrypt"}
    old = tokens.hashed("defaultalice", "legacy")
    write(redis, "default", users, name=old, basic_auth_data=password)
    (tmp_path / "names").write_text("alice\n\n")
    said = run("import", "--org", "acme", "--all", "--former", "default", "--users", str(tmp_path / "names"))
    assert said == ["1 of 'default' name acme now", "1 of 1 taken over"]
    token = tokens.token_of(cast.acme.id, "alice", "sha256")
    assert hashes(cast.acme) == [tokens.hashed(token, "sha256")]
    for wrong in (("--former", cast.globex.id), ("--users", str(tmp_path / "names"))):
        with pytest.raises(CommandError):
            run("import", "--org", "acme", "--all", *wrong)
