"""What the page of a node shows of what it really runs."""

from apis.models import ApiDefinition
from dashboard.nodes.models import GatewayControl, RunOtherwise
from orgs.models import User

MOST_SHOWN = 50


def about(control: GatewayControl | None, user: User) -> dict:
    """ "otherwise": the APIs of the organisations in scope that it runs otherwise, with their names, for who may see
    APIs."""
    if control is None:
        return {}
    rows = list(RunOtherwise.objects.filter(control_id=control.id).order_by("org_id", "api")[:MOST_SHOWN])
    if not user.may("apis"):
        rows = []
    names = dict(ApiDefinition.objects.filter(id__in=[row.api for row in rows]).values_list("id", "name"))
    return {"otherwise": [{"row": row, "name": names.get(row.api, row.api)} for row in rows]}
