"""APIs in Django's admin: to look at. They are published from the pages of their organisation, which tell gateways."""

from django.contrib import admin

from apis.models import ApiDefinition, Outbox, Revision
from orgs.admin import ReadOnlyAdmin


@admin.register(ApiDefinition)
class ApiDefinitionAdmin(ReadOnlyAdmin):
    list_display = ("name", "org", "listen_path", "domain", "active", "revision", "updated_at")
    list_select_related = ("org",)
    list_filter = ("active",)
    search_fields = ("name", "api_id", "listen_path")
    date_hierarchy = "updated_at"


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    list_display = ("api_id", "number", "org", "author", "message", "created_at")
    list_select_related = ("org",)
    search_fields = ("api_id", "author", "message")
    date_hierarchy = "created_at"


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ("kind", "subject", "org", "created_at", "attempts", "last_error", "done_at")
    list_select_related = ("org",)
    list_filter = ("kind", ("done_at", admin.EmptyFieldListFilter))
    date_hierarchy = "created_at"
