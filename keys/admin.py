"""Keys and policies in Django's admin: to look at. They are changed in the pages of their organisation, which tell
gateways."""

from django.contrib import admin

from keys.models import Certificate, FoundSession, Key, OAuthClient, OrganisationKey, Policy, PolicyRevision
from orgs.admin import ReadOnlyAdmin


@admin.register(Key)
class KeyAdmin(ReadOnlyAdmin):
    list_display = ("alias", "org", "hint", "owner", "suspended", "revoked_at", "created_at")
    list_select_related = ("org",)
    list_filter = ("suspended", "all_apis")
    search_fields = ("alias", "owner", "token_hash")
    # Metadata may hold what an upstream asks for.
    exclude = ("form_token", "cache_key", "short_cache_key", "sealed_secrets", "meta_data")
    date_hierarchy = "created_at"


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    list_display = ("name", "org", "policy_id", "state", "grants_rights", "revision", "updated_at")
    list_select_related = ("org",)
    list_filter = ("state", "grants_rights")
    search_fields = ("name", "policy_id")
    # Not the document: its metadata may hold what an upstream asks for.
    fields = (
        *("org", "id", "policy_id", "name", "state", "tags", "grants_rights", "key_expires_in"),
        *("revision", "size", "created_at", "updated_at"),
    )
    date_hierarchy = "updated_at"


@admin.register(PolicyRevision)
class PolicyRevisionAdmin(ReadOnlyAdmin):
    list_display = ("policy_id", "number", "org", "author", "message", "created_at")
    list_select_related = ("org",)
    search_fields = ("policy_id", "policy_row_id", "author")
    fields = ("org", "policy_row_id", "policy_id", "number", "author", "message", "created_at")
    date_hierarchy = "created_at"


@admin.register(OrganisationKey)
class OrganisationKeyAdmin(ReadOnlyAdmin):
    list_display = ("org", "members", "change_number", "updated_at", "ended_at")
    list_select_related = ("org",)


@admin.register(FoundSession)
class FoundSessionAdmin(ReadOnlyAdmin):
    list_display = ("alias", "org", "hint", "kind", "verdict", "found_at")
    list_select_related = ("org",)
    list_filter = ("kind", "verdict")
    search_fields = ("alias", "name")
    date_hierarchy = "found_at"


@admin.register(OAuthClient)
class OAuthClientAdmin(ReadOnlyAdmin):
    list_display = ("client_id", "org", "served_api_id", "policy", "suspended", "deleted_at", "created_at")
    list_select_related = ("org", "policy")
    list_filter = ("suspended",)
    search_fields = ("client_id", "description", "served_api_id")
    # Not the metadata, which may hold what an upstream asks for.
    fields = (
        *("org", "id", "client_id", "served_api_id", "policy", "redirect_uri", "description", "suspended"),
        *("deleted_at", "created_by", "created_at", "updated_at", "delivered_at"),
    )
    date_hierarchy = "created_at"


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    list_display = ("common_name", "org", "fingerprint", "has_key", "not_after", "deleted_at", "created_at")
    list_select_related = ("org",)
    list_filter = ("has_key", "is_ca")
    search_fields = ("subject", "fingerprint")
    fields = (
        *("org", "id", "fingerprint", "subject", "issuer", "names", "is_ca", "is_public_key", "has_key"),
        *("not_before", "not_after", "pem", "deleted_at", "created_by", "created_at", "delivered_at"),
    )
    date_hierarchy = "created_at"
