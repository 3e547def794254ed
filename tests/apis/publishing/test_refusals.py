"""Why nothing was published, in the words of people and of machines."""

import pytest

from apis.definitions.pointer import Problem
from apis.models import ApiDefinition
from apis.publishing.refusals import SAME_ID, SAME_URL, Deleted, Invalid, Refused, Stale, Taken
from orgs import refusals

NAME, PATH = Problem("/name", "must not be empty"), Problem("/proxy/listen_path", "must begin with /")
WHOLE = Problem("", "must be an object")


@pytest.mark.parametrize(
    ("problems", "people", "machines"),
    [
        ([NAME], "/name: must not be empty", "api_definition/name: must not be empty"),
        ([WHOLE], "must be an object", "api_definition: must be an object"),
        (
            [NAME, PATH],
            "/name: must not be empty; /proxy/listen_path: must begin with /",
            "api_definition/name: must not be empty; api_definition/proxy/listen_path: must begin with /",
        ),
        ([SAME_ID], "/api_id: Found API with the same ID", "Found API with the same ID"),
        ([SAME_URL], "/proxy/listen_path: Found API with same url", "Found API with same url"),
        (
            [SAME_ID, SAME_URL],
            "/api_id: Found API with the same ID; /proxy/listen_path: Found API with same url",
            "api_definition/api_id: Found API with the same ID; "
            "api_definition/proxy/listen_path: Found API with same url",
        ),
    ],
)
def test_a_fault_is_told_with_its_place_and_a_conflict_in_the_words_that_clients_compare(
    problems, people, machines
):
    refused = Refused(problems)
    assert (str(refused), refused.for_machines(), refused.problems) == (people, machines, problems)


@pytest.mark.parametrize(("count", "more"), [(5, ""), (6, "; and 1 more"), (1_205, "; and 1,200 more")])
def test_of_many_faults_five_are_told_and_the_rest_counted(count, more):
    problems = [Problem(f"/{number}", "is wrong") for number in range(count)]
    refused = Invalid(problems)
    assert str(refused) == "; ".join(f"/{number}: is wrong" for number in range(5)) + more
    machines = "; ".join(f"api_definition/{number}: is wrong" for number in range(5)) + more
    assert refused.for_machines() == machines
    assert len(refused.problems) == count


def test_each_is_the_kind_of_refusal_that_the_site_answers_by():
    api = ApiDefinition(name="Orders", revision=7)
    stale = Stale(api)
    assert [type(each).__mro__[1:3] for each in (Invalid([NAME]), Taken([SAME_ID]))] == [
        (Refused, refusals.Invalid),
        (Refused, refusals.Taken),
    ]
    assert isinstance(stale, refusals.Stale)
    assert isinstance(Deleted(), refusals.Missing)
    assert (str(stale), stale.for_machines(), stale.api) == (
        "revision 7 was published meanwhile",
        "revision 7 was published meanwhile",
        api,
    )
    assert str(Deleted()) == "API not found"
