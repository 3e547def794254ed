from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, register

from orgs.declarations import Entry


class KeysConfig(AppConfig):
    name = "keys"
    entries = (Entry("keys", "Keys", "key", "key-list", "keys"),)
    audit_kinds = ("key",)
    rights = {"keys": "Keys", "policies": "Policies"}

    def ready(self):
        # Models can be imported only now.
        from apis.publishing import events  # noqa: PLC0415
        from keys.keys import bulk  # noqa: PLC0415

        events.api_set_changed.connect(bulk.follow, dispatch_uid="keys")
        events.apis_departing.connect(bulk.depart, dispatch_uid="keys")
        register(gateways_must_hash_keys)


def gateways_must_hash_keys(app_configs, **options) -> list[Error]:
    """A system check: tokens are not kept, and a gateway with `hash_keys` off looks sessions up by the
    token."""
    if settings.GATEWAY_HASH_KEYS:
        return []
    return [
        Error(
            "GATEWAY_HASH_KEYS is off, but keys are kept as hashes and cannot be delivered without it.",
            hint='Set "hash_keys": true in every tyk.conf and remove GATEWAY_HASH_KEYS.',
            id="keys.E001",
        )
    ]
