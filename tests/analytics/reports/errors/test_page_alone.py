"""The errors page of an organisation with a few requests of its own."""

import pytest

from tests.analytics.screens import ago, push


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("lines", [1, 3])
def test_one_line_takes_as_many_queries_as_three(redis, cast, client_for, django_assert_num_queries, lines):
    push(
        redis,
        *(
            {
                "OrgID": cast.acme.id,
                "ResponseCode": 500 + number,
                "TimeStamp": ago(minutes=1),
                "APIID": f"api-{number}",
            }
            for number in range(lines)
        ),
    )
    client = client_for(cast.acme_admin)
    client.get("/")  # the first request of a process also proves the isolation
    with django_assert_num_queries(18):
        assert len(client.get("/o/acme/errors/").context["rows"]) == lines


@pytest.mark.usefixtures("committed")
def test_without_an_error_the_page_says_of_how_many_requests(redis, cast, client_for):
    push(redis, {"OrgID": cast.acme.id, "ResponseCode": 200, "TimeStamp": ago(minutes=1)})
    page = client_for(cast.acme_admin).get("/o/acme/errors/")
    assert b"1 requests in this period." in page.content
