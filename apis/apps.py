from django.apps import AppConfig


class ApisConfig(AppConfig):
    name = "apis"
    verbose_name = "APIs"

    def ready(self):
        # Models can be imported only now.
        from apis.publishing import publish  # noqa: PLC0415
        from orgs import events  # noqa: PLC0415

        events.organisation_departing.connect(publish.depart, dispatch_uid="apis")
