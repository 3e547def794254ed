"""Whether the dashboard is up, for probes and monitoring."""

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

from dashboard.analytics.ingest import trust
from orgs.access import access
from orgs.http.rest import json_response


@access("anyone")
def hello(request: HttpRequest) -> HttpResponse:
    """`status` "ok": it is up, with its database, else the 503 of any database trouble. `clock` is there only while the
    clock is not believed, so that no traffic is stored: why."""
    doubt = trust.doubt_of_everybody(datetime.now(UTC))
    return json_response({"status": "ok", **({"clock": f"the clock is wrong: {doubt}"} if doubt else {})})
