from django.apps import AppConfig


class ApisConfig(AppConfig):
    name = "apis"
    verbose_name = "APIs"

    def ready(self):
        # Models can be imported only now.
        from apis.publishing import publish  # noqa: PLC0415
        from orgs.people import accounts  # noqa: PLC0415

        accounts.DEPARTURES.append(publish.depart)
