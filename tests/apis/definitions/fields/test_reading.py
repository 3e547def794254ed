"""A definition as a form shows it: how many entries there is room for, and what cannot be shown."""

from apis.definitions.fields import classic, reading
from apis.definitions.fields.description import of_version
from tests.apis.examples import plain

SECTIONS = of_version(classic.SECTIONS, "Default")


def listed(definition, name, asked=None):
    parts = reading.read(definition, SECTIONS, lambda room: (asked or {}).get(room, 0))
    return next(each for each in reading.lists(parts) if each.rows.name == name)


def paths(number, name="white_list", **members):
    made = plain()
    entries = [{"path": f"/{index}", "method": "GET", **members} for index in range(number)]
    made["version_data"]["versions"]["Default"]["extended_paths"][name] = entries
    return made


def test_a_list_has_a_spare_entry_or_as_many_as_were_asked_for_and_never_fewer_than_it_holds():
    sizes = [
        len(listed(paths(number), "white_list", {"white_list_rows": asked}).entries)
        for number, asked in [(0, 0), (2, 0), (2, 1), (2, 7), (2, 9_999)]
    ]
    assert sizes == [1, 3, 3, 7, max(sizes)]
    every = reading.read(paths(2), SECTIONS, lambda name: 9_999)
    assert (
        sum(len(entry.cells) + 1 for each in reading.lists(every) for entry in each.entries)
        <= reading.MOST_CELLS
    )


def test_a_list_that_is_too_long_is_left_alone_and_says_how_long_it_is():
    found = listed(paths(300), "white_list")
    assert (found.entries, found.refusal) == ((), "has 300 entries, more than this form has room for")
    assert listed(paths(200), "white_list").refusal == ""


def test_of_an_entry_what_cannot_be_shown_is_left_out_and_said_where():
    several = {"method_actions": {"GET": {"action": "no_action"}, "PUT": {"action": "no_action"}}}
    reply = {"method_actions": {"GET": {"action": "reply", "code": 200}}}
    for members in (several, reply, {"method": 5}):
        [first, _] = listed(paths(1, **members), "white_list").entries
        assert [(cell.field.name, cell.shown) for cell in first.cells] == [
            ("path", "/0"),
            ("method", None),
            ("ignore_case", False),
        ]
        assert first.cells[1].pointer == "/version_data/versions/Default/extended_paths/white_list/0/method"
    template = {"template_data": {"template_mode": "file", "template_source": "x.tmpl"}}
    [first, _] = listed(paths(1, "transform", **template), "transform").entries
    assert [cell.shown for cell in first.cells] == ["/0", "GET", None, "", False]


def test_versions_and_events_are_called_by_their_names():
    made = plain() | {"event_handlers": {"events": {"HostUp": [{}, {}], "HostDown": None}}}
    assert [entry.key for entry in listed(made, "events").entries] == [("HostUp", 0), ("HostUp", 1), ""]
    assert [entry.key for entry in listed(made, "versions").entries] == ["Default", ""]
