"""What is said of APIs of one organisation that could take each other's requests."""

import pytest

from apis.definitions.listen_path import Address, is_above
from apis.models import ApiDefinition
from apis.publishing import warnings
from apis.publishing.columns import columns
from apis.publishing.conflicts import Place
from apis.publishing.warnings import overlaps
from orgs import scope
from tests.apis.examples import openapi, plain


def at(path, domain="", port=0, *, active=True, name="Other"):
    return Place(f"{name} {domain}{path}", name, Address(domain, path, port), active)


BESIDE = (
    "The API 'Other' listens on {0}, this one on {1}: what lies below /a/ comes to the one with the slash at its "
    "end."
)


def test_of_two_paths_the_longer_is_taken_and_no_path_is_above_itself():
    a, below = Address("", "/a/"), Address("", "/a/b/")
    pairs = ((a, below), (below, a), (a, a), (a, Address("x.example", "/a/b/")), (a, Address("", "/a/{b}/")))
    assert [is_above(*pair) for pair in pairs] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("here", "others", "said"),
    [
        (at("/a/"), [], []),
        (
            at("/a/b/"),
            [at("/a/"), at("/")],
            [
                "Lies below the API 'Other' (/a/), the API 'Other' (/): what is sent to /a/b/ comes here, and not "
                "there.",
            ],
        ),
        (
            at("/a/"),
            [at(f"/a/{n}/", name=f"N{n}") for n in range(7)],
            [
                "Lies above the API 'N0' (/a/0/), the API 'N1' (/a/1/), the API 'N2' (/a/2/), the API 'N3' (/a/3/), "
                "the API 'N4' (/a/4/), and 2 more: what is sent there goes there, and does not come here.",
            ],
        ),
        (
            at("/a/"),
            [at("/a/{id}/"), at("/a/b/", "a.example")],
            [
                "Overlaps the API 'Other' (/a/{id}/), the API 'Other' (a.example/a/b/): a request that fits several "
                "goes to one of them.",
            ],
        ),
        (at("/a/"), [at("/a/", active=False)], ["Listens where the API 'Other' (/a/) does."]),
        (at("", "", 6000), [at("", "", 6000)], ["Listens where the API 'Other' (port 6000) does."]),
        (at("/a/"), [at("/a")], [BESIDE.format("/a", "/a/")]),
        (at("/a"), [at("/a/")], [BESIDE.format("/a/", "/a")]),
        (at("/a/"), [at("/", active=False), at("/a", active=False)], []),
        (at("/a/", active=False), [at("/"), at("/a/b/")], []),
        (
            at("/a/"),
            [at("/", name="evil\n\u202e")],
            ["Lies below the API 'evil??' (/): what is sent to /a/ comes here, and not there."],
        ),
    ],
)
def test_each_overlap_says_who_gets_the_requests(here, others, said):
    assert overlaps(here, others) == said


@pytest.mark.parametrize(
    ("domain", "path", "told"),
    [
        ("A.example", "/", True),
        ("a.example", "/{x}/y/", True),
        ("a.example", "/a/", False),
        ("", "/", False),
        ("{x:[a-z]+}.example", "/", False),
    ],
)
def test_who_has_the_root_of_a_domain_is_told_what_gateways_before_5_4_do_with_it(
    cast, settings, domain, path, told
):
    custom = {"customDomain": {"enabled": True, "name": domain}} if domain else {}
    document = openapi(path, extension={"server": custom})
    rows = [ApiDefinition(**columns(each)) for each in (plain(path, domain=domain), document)]
    said = [warnings.BY_LONGEST_PATH.format(domain="a.example")] if told else []
    with scope.org(cast.acme.id):
        assert [warnings.alone(row) for row in rows] == [said, said]
        settings.GATEWAY_DOMAINS_FIRST = True
        assert [warnings.alone(row) for row in rows] == [[], []]
