"""What the page of a node shows of what it really runs."""

from apis.models import ApiDefinition
from dashboard.nodes.models import GatewayControl, RunOtherwise
from keys.models import Policy
from orgs.models import User

MOST_SHOWN = 50  # of each kind


def about(control: GatewayControl | None, user: User) -> dict:
    """ "read": of each kind that can be read back {"title", "is_told": whether this version tells it, "runs", "others",
    "strangers": how many, "rows": of the organisations in scope those that it runs otherwise, with their names, for who
    may see them}."""
    if control is None:
        return {}
    apis = {
        "title": "APIs",
        "is_told": True,
        "runs": control.runs,
        "others": control.others,
        "strangers": control.strangers,
        "rows": _rows(control, "api", ApiDefinition) if user.may("apis") else [],
    }
    policies = {
        "title": "Policies",
        "is_told": control.policies is not None,
        "runs": control.policies,
        "others": control.other_policies,
        "strangers": control.strange_policies,
        "rows": _rows(control, "policy", Policy) if user.may("policies") else [],
    }
    return {"read": [apis, policies]}


def _rows(control: GatewayControl, kind: str, model: type[ApiDefinition] | type[Policy]) -> list[dict]:
    rows = RunOtherwise.objects.filter(control_id=control.id, kind=kind)
    rows = list(rows.order_by("org_id", "api")[:MOST_SHOWN])
    names = dict(model.objects.filter(id__in=[row.api for row in rows]).values_list("id", "name"))
    return [{"row": row, "name": names.get(row.api, row.api)} for row in rows]
