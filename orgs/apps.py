from django.apps import AppConfig
from django.conf import settings

from orgs.declarations import Entry, Page


class OrgsConfig(AppConfig):
    name = "orgs"
    entries = (
        Entry("people", "People", "users", "people", "users"),
        Entry("audit", "Audit", "clock", "audit", "audit_logs"),
        Entry("orgs", "Organisations", "building-office-2", "org-list"),
        Entry("super-users", "Super-users", "shield-check", "super-user-list"),
        Entry("platform-audit", "Platform audit", "clipboard-document-list", "platform-audit"),
    )
    audit_kinds = {"user": Page("person-edit", "orgs.User", "users", "write"), "organisation": None}
    rights = {"users": "People", "audit_logs": "Audit"}

    def ready(self):
        from orgs import access, declarations  # noqa: PLC0415
        from orgs.db import checks, lookups  # noqa: F401, PLC0415  registers the system checks, and lookups

        # A misspelt declaration fails here, at the start of every process, and not with the first request.
        declarations.rights()
        for asked in declarations.ASKED:
            declarations.functions(asked)
        for namespace in settings.ACCESS_OF_NAMESPACES:
            access.of_namespace(namespace)
