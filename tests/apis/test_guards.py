"""What takes away much of what an organisation serves has to be typed."""

import pytest

from apis.definitions.listen_path import Address
from apis.guards import Loss, guarded, loss, loss_without
from apis.models import ApiDefinition
from apis.publishing import publish
from orgs import scope
from orgs.refusals import Invalid
from tests.apis.examples import plain


def places(*paths):
    return {path: Address("", f"/{path}/") for path in paths}


FIVE = places(*"abcde")


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ({}, {}, None),
        ({}, FIVE, None),
        (FIVE, FIVE, None),
        (FIVE, places(*"abcd"), None),  # 20 % are not more than that
        (FIVE, places(*"abc"), (2, 5, 40)),
        (FIVE, {}, (5, 5, 100)),
        (places("a"), {}, (1, 1, 100)),
        (places(*"abcd"), places(*"abc"), (1, 4, 25)),
        (places(*"abcd"), places(*"abc") | {"d": Address("", "/moved/")}, (1, 4, 25)),
        (places(*"abcd"), places(*"abc") | {"d": Address("x.example", "/d/")}, (1, 4, 25)),
        # Another API takes the route over.
        (FIVE, places(*"abcd") | {"f": Address("", "/e/")}, None),
        ({"a": Address("", "", 1), "b": Address("", "", 2)}, {"a": Address("", "", 1)}, (1, 2, 50)),
    ],
)
def test_more_than_a_fifth_of_the_routes_is_much(before, after, asked):
    found = loss(before, after)
    assert (found and (found.removed, found.of, found.share)) == asked


def test_only_what_gateways_are_given_counts_and_nothing_goes_that_was_not_typed(cast):
    with scope.org(cast.globex.id):
        publish.create(cast.globex.id, plain("/x/"), author=None)
    with scope.org(cast.acme.id):
        one, two, off = (
            publish.create(cast.acme.id, plain(f"/{name}/", name=name, active=name != "c"), author=None)
            for name in "abc"
        )
        org = cast.acme.id
        assert [loss_without(org, *gone) for gone in ([one.id], [one.id, two.id], [off.id], [])] == [
            Loss(1, 2),
            Loss(2, 2),
            None,
            None,
        ]
        for typed in (None, 0, 2):
            with pytest.raises(Invalid) as refused, guarded(org, typed):
                publish.delete(one, author=None)
            assert (refused.value.field, ApiDefinition.objects.count()) == ("removed", 3)
        with guarded(org, None):
            publish.delete(off, author=None)
        with guarded(org, 1):
            publish.set_active(one, False, author=None)
        with guarded(org, 1):
            publish.delete(two, author=None)
        assert list(ApiDefinition.objects.values_list("id", "active")) == [(one.id, False)]
