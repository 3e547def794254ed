"""Alerts in Django's admin: to look at. They are changed in the pages of their organisation."""

from urllib.parse import urlsplit

from django.contrib import admin

from dashboard.alerts.models import Incident, Message, Rule
from orgs.admin import ReadOnlyAdmin


@admin.register(Rule)
class RuleAdmin(ReadOnlyAdmin):
    list_display = ("name", "org", "kind", "about", "enabled", "state", "looked_until")
    list_select_related = ("org", "api")
    list_filter = ("kind", "state", "enabled")
    search_fields = ("name",)
    # Of a webhook the host: the rest of an address is often a secret.
    fields = (
        *("org", "id", "name", "kind", "about", "condition", "quiet", "enabled", "mails", "outside"),
        *("webhook_host", "state", "said", "note", "more", "looked_at", "looked_until"),
        *("change_number", "created_by", "created_at"),
    )
    date_hierarchy = "created_at"

    @admin.display(description="webhook")
    def webhook_host(self, rule):
        return urlsplit(rule.webhook).netloc or "-"


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("rule", "org", "label", "began_at", "ended_at", "worst_said", "acknowledged_by")
    list_select_related = ("org", "rule")
    search_fields = ("label", "rule__name")
    date_hierarchy = "began_at"


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("rule", "org", "told", "channel", "address", "created_at", "done_at", "given_up_at")
    list_select_related = ("org", "rule")
    list_filter = ("told", "channel")
    search_fields = ("rule__name", "address", "last_error")
    date_hierarchy = "created_at"
