from django.apps import AppConfig
from django.conf import settings


class OrgsConfig(AppConfig):
    name = "orgs"

    def ready(self):
        from orgs import access  # noqa: PLC0415
        from orgs.db import checks  # noqa: F401, PLC0415  registers the system checks

        # A misspelt declaration fails here, at the start of every process, and not with the first request.
        for namespace in settings.ACCESS_OF_NAMESPACES:
            access.of_namespace(namespace)
