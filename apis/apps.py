from django.apps import AppConfig

from orgs.declarations import Entry


class ApisConfig(AppConfig):
    name = "apis"
    verbose_name = "APIs"
    entries = (Entry("apis", "APIs", "squares-2x2", "api-list", "apis"),)
    audit_kinds = ("api",)
    rights = {"apis": "APIs"}

    def ready(self):
        # Models can be imported only now.
        from apis.publishing import publish  # noqa: PLC0415
        from orgs.organisations import events  # noqa: PLC0415

        events.organisation_departing.connect(publish.depart, dispatch_uid="apis")
