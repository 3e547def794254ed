"""Gateways in Django's admin: to look at; a node comes and goes by itself."""

from django.contrib import admin

from dashboard.nodes.models import Node
from orgs.admin import ReadOnlyAdmin


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    list_display = ("hostname", "node_id", "address", "served_version", "last_ping_at", "last_pull_at")
    search_fields = ("hostname", "node_id", "session_id")
    exclude = ("nonce",)
