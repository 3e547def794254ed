from django.apps import AppConfig

from orgs.declarations import Entry, Page, Step


class ApisConfig(AppConfig):
    name = "apis"
    verbose_name = "APIs"
    entries = (Entry("apis", "APIs", "squares-2x2", "api-list", "apis"),)
    audit_kinds = {
        "api": Page("api-detail", "apis.ApiDefinition", "apis"),
        "asset": Page("asset-detail", "apis.Asset", "api_assets"),
        "domain": None,
        "reference": None,
    }
    first_steps = (
        Step(
            1,
            "Create an API",
            "Say where requests come in and where they go.",
            "api-create",
            "apis",
            "write",
            "apis.ApiDefinition",
        ),
    )
    rights = {"apis": "APIs", "api_assets": "Templates of APIs"}
    marks = ("apis.marks.published",)
    attention = ("apis.gateways.attention.items", "apis.publishing.attention.items")

    def ready(self):
        # Models can be imported only now.
        from apis.domains import changes  # noqa: PLC0415
        from apis.gateways import kinds, responses  # noqa: PLC0415
        from apis.publishing import publish  # noqa: PLC0415
        from orgs.organisations import events  # noqa: PLC0415

        events.organisation_departing.connect(publish.depart, dispatch_uid="apis")
        events.domain_named.connect(changes.follow, dispatch_uid="apis")
        # What is asked for within a second is done in one look.
        kinds.register(responses.KIND, responses.deliver, urgency=kinds.LATER, rests=1)
