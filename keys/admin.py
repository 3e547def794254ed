"""Keys in Django's admin: to look at. They are changed in the pages of their organisation, which tell
gateways."""

from django.contrib import admin

from keys.models import Key
from orgs.admin import ReadOnlyAdmin


@admin.register(Key)
class KeyAdmin(ReadOnlyAdmin):
    list_display = ("alias", "org", "hint", "owner", "suspended", "revoked_at", "created_at")
    list_select_related = ("org",)
    list_filter = ("suspended", "all_apis")
    search_fields = ("alias", "owner", "token_hash")
    exclude = ("form_token", "cache_key")
    date_hierarchy = "created_at"
