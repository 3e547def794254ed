import json

from apis.files.reading import File
from keys.files import policies


def shown(found):
    return [
        (each.pointer, each.id, each.document.get("id"), "_id" in each.document, len(each.notes))
        for each in found
    ]


def test_a_policy_is_known_by_the_name_of_its_member():
    hexadecimal = "5" * 24
    text = json.dumps(
        {
            "gold": {"name": "Gold", "id": "", "_id": "6" * 24},
            hexadecimal: {"id": "other"},
            "": {"name": "nobody's"},
            "a/b": None,
        }
    )
    found = policies.in_one(File("policies.json", text.encode()))
    assert shown(found) == [
        ("/gold", "gold", "gold", False, 1),
        (f"/{hexadecimal}", hexadecimal, hexadecimal, False, 2),
        ("/", "", None, False, 0),
        ("/a~1b", "a/b", None, False, 0),
    ]
    assert [str(each.problems[0]) for each in found[2:]] == [
        "has no ID: no key can name it",
        "must be an object",
    ]


def test_a_dashboards_policies_are_told_from_all_else_that_has_rights():
    hexadecimal, rights = "6" * 24, {"orders": {"api_id": "orders"}}
    gold = {"name": "Gold", "_id": hexadecimal, "id": "", "access_rights": rights, "state": "deny"}
    documents = [
        gold,
        gold | {"id": "chosen", "is_inactive": False},
        gold | {"_id": "", "id": ""},
        gold | {"quota_renews": 1},
        gold | {"proxy": {}},
        gold | {"access_rights": None},
        [gold],
    ]
    files = [File("list.json", json.dumps(each).encode(), "", f"/{at}") for at, each in enumerate(documents)]
    found, others = policies.exported(files)
    assert shown(found) == [("/0", hexadecimal, hexadecimal, False, 0), ("/1", "chosen", "chosen", False, 1)]
    # Dashboards go by the state, gateways on files do not.
    assert [each.document["state"] for each in found] == ["deny", "deny"]
    assert others == files[2:]


def test_whether_a_policy_denies_is_what_gateways_go_by():
    text = json.dumps(
        {
            "open": {"name": "Open", "state": "deny"},
            "shut": {"name": "Shut", "state": "active", "is_inactive": True},
            "draft": {"name": "Draft", "state": "draft"},
        }
    )
    found = policies.in_one(File("policies.json", text.encode()))
    assert {each.id: (each.document["state"], len(each.notes)) for each in found} == {
        "open": ("active", 1),
        "shut": ("deny", 1),
        "draft": ("draft", 0),
    }


def test_in_a_directory_each_file_is_a_policy_known_by_its_id():
    files = [
        File("a.json", b'{"id": "gold", "name": "Gold"}'),
        File("b.json", b'{"id": "gold"}'),
        File("c.json", b'{"name": "none"}'),
        File("notes", None, "is not read"),
    ]
    found, others = policies.one_each(files)
    assert [[str(problem) for problem in each.problems] for each in found] == [
        ["/id: is the ID of a policy in another file too"],
        ["/id: is the ID of a policy in another file too"],
        ["has no ID: no key can name it"],
    ]
    assert [file.name for file in others] == ["notes"]
