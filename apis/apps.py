from django.apps import AppConfig


class ApisConfig(AppConfig):
    name = "apis"
    verbose_name = "APIs"

    def ready(self):
        # Models can be imported only now.
        from apis import publish  # noqa: PLC0415
        from orgs import people  # noqa: PLC0415

        people.DEPARTURES.append(publish.depart)
