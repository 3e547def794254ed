"""What clients are called where traffic names them by their IDs (orgs.providers.clients)."""

from collections.abc import Collection

from keys.models import OAuthClient


def names(client_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Names by API and client ID, by "" for any API: a living client's before a deleted one's, the newest first."""
    found: dict[tuple[str, str], str] = {}
    rows = OAuthClient.objects.filter(client_id__in=client_ids).order_by("created_at", "id")
    living, gone = [], []
    for row in rows.only("org_id", "client_id", "served_api_id", "description", "deleted_at"):
        (gone if row.deleted_at else living).append(row)
    for client in (*gone, *living):
        name = client.description or client.client_id
        name = f"{name} (deleted)" if client.deleted_at else name
        found |= dict.fromkeys(((client.served_api_id, client.client_id), ("", client.client_id)), name)
    return found
