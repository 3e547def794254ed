"""What a review says of traffic and keys, as those tell who count them."""

import pytest
from django.utils import timezone

from apis.definitions.document import compact
from apis.domains import changes as domains
from apis.drafts import lifecycle as drafts
from dashboard.analytics.reports import reader, usage
from keys.keys import lifecycle
from orgs import scope
from orgs.providers.last_week import Week
from tests import make
from tests.analytics.screens import ago, push
from tests.keys import build


@pytest.mark.usefixtures("committed")
def test_the_week_and_its_busiest_hour_are_told_before_an_api_is_changed(
    redis, cast, client_for, monkeypatch
):
    api, other = build.api(cast.acme), build.api(cast.acme, "Other")
    for name in ("one", "two"):
        build.key(cast.acme, api, alias=name)
    ended, _ = build.key(cast.acme, api, alias="ended")
    build.inside(cast.acme, lifecycle.revoke, ended)
    calls = ((2, {"hours": 30}), (3, {"hours": 50}), (9, {"days": 8}))
    for number, since in calls:
        call = {"OrgID": cast.acme.id, "APIID": api.api_id, "TimeStamp": ago(**since), "ResponseCode": 200}
        push(redis, *[call] * number, {**call, "OrgID": cast.globex.id})
    now = timezone.now()
    with scope.org(cast.acme.id):
        assert usage.last_week(cast.acme, [api.api_id, other.api_id], now) == {
            api.api_id: Week(5, 3 / 3_600),
            other.api_id: Week(0, 0),
        }
        wanted = {
            **api.definition,
            "global_rate_limit": {"rate": 1, "per": 3_600},
            "domain": "new.example",
            "use_keyless": True,
        }
        domains.give(cast.acme.id, "new.example", author=None)
        drafts.save(api, compact(wanted), author=cast.acme_admin, seen="", started_from=1)
    address = f"/o/acme/apis/review/?draft={api.id}"

    def warnings(user):
        [review] = client_for(user).get(address).context["reviews"]
        return review.warnings

    opened = "Opens it to everyone: nobody needs a key."
    removed = "Removes the route /acme/orders/: {}, and who calls it gets 404."
    told = [
        opened,
        removed.format("it had 5 requests in the last 7 days"),
        "Cuts the rate limit to 0.000278 requests a second, below the peak of the last 7 days: 0.000833 a second, the "
        "mean of the busiest hour.",
        "Affects 2 keys: so many may call this API.",
    ]
    assert warnings(cast.acme_admin) == told
    blind = make.user("kim@acme.example", cast.acme, {"apis": "read"})
    untold = [opened, removed.format("its traffic is not known")]
    assert warnings(blind) == untold
    monkeypatch.setattr(reader, "TIMEOUT", "50ms")
    monkeypatch.setattr(
        usage, "HOURS_OF_APIS", usage.HOURS_OF_APIS.replace("SELECT api_id", "SELECT pg_sleep(0.2)::text")
    )
    assert warnings(cast.acme_admin) == [*untold, told[-1]]
