"""`/api/system/…` and `/admin/system/reload` as Tyk's dashboard has them.

Gateways serve every organisation, so whoever may see nodes sees them all; where they run is in no answer.
"""

from django.utils import timezone

from apis.models import ApiDefinition
from dashboard.nodes.health import GONE_AFTER
from dashboard.nodes.models import Node
from dashboard.nodes.reloads import reloading
from orgs.access import access
from orgs.http.rest import RestError, json_response, stamp

# There is no licence, so no number of nodes is too many and nothing ends.
UNLIMITED = -1
ENTITIES = ("apis", "dataplanes", "dataplanes.gateways")


@access("admin", methods="GET POST")
def reload(request):
    """Tell all gateways to reload: by GET as in Tyk's Admin API, or by POST."""
    if request.method != "HEAD":
        reloading.ask(None)
    return json_response({"status": "ok"})


@access("key", "system")
def nodes(request):
    live = _live()
    data = {
        "nodes": [{"id": node.node_id, "hostname": node.hostname} for node in live],
        "active_node_count": len(live),
        "nodes_available": UNLIMITED,
        "nodes_remaining": UNLIMITED,
        "valid_until": stamp(None),
    }
    return json_response({"data": data})


@access("key", "system")
def node(request, node, host):
    """A gateway tells nobody its tags, so of one that is there clients read that it has none."""
    if not any((found.node_id, found.hostname) == (node, host) for found in _live()):
        raise RestError(404, "Node not found")
    return json_response({"data": {"db_app_conf_options": {"node_is_segmented": False, "tags": []}}})


@access("key", "system")
def stats(request):
    """Of now. APIs are those of the caller's organisation, or all a super-user's. Of days gone by nothing is kept, so
    what asks for them is refused, and never answered as if it had been counted."""
    for name in ("start_day", "end_day"):
        if request.GET.get(name):
            raise RestError(400, f"{name}: nothing is kept of days gone by; without it the answer is of now")
    entity = request.GET.get("entity", "")
    if entity not in ("", *ENTITIES):
        raise RestError(400, f"entity: must be one of {', '.join(ENTITIES)}")
    apis = ApiDefinition.objects.all()
    counts = {
        "apis": {"total": apis.count(), "active": apis.filter(active=True).count()},
        "dataplanes": {"gateways": len(_live())},
    }
    shown = entity.partition(".")[0]
    stats = {shown: counts[shown]} if shown else counts
    return json_response({"message": "", "status": "Success", "stats": stats})


def _live() -> list[Node]:
    return list(Node.objects.filter(last_ping_at__gte=timezone.now() - GONE_AFTER))
