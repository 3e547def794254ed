from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, register

from orgs.declarations import Entry, Page, Step


class KeysConfig(AppConfig):
    name = "keys"
    entries = (
        Entry("keys", "Keys", "key", "key-list", "keys"),
        Entry("policies", "Policies", "shield-check", "policy-list", "policies"),
        Entry("certificates", "Certificates", "lock-closed", "certificate-list", "certs"),
        Entry("oauth", "OAuth clients", "identification", "oauth-list", "oauth"),
    )
    audit_kinds = {
        "key": Page("key-detail", "keys.Key", "keys"),
        "policy": Page("policy-detail", "keys.Policy", "policies"),
        # Of others, which nobody looks at any more once they are ended.
        "session": None,
        "certificate": Page("certificate-detail", "keys.Certificate", "certs"),
        "oauth-client": Page("oauth-detail", "keys.OAuthClient", "oauth"),
    }
    first_steps = (
        Step(
            2,
            "Create a key",
            "Let somebody call it. The key is shown once.",
            "key-create",
            "keys",
            "write",
            "keys.Key",
        ),
    )
    rights = {"keys": "Keys", "policies": "Policies", "certs": "Certificates", "oauth": "OAuth clients"}
    own_policies = ("keys.policies.use.naming.own",)
    own_certificates = ("keys.certificates.uses.own",)
    openers = ("keys.openers.count",)
    holders = ("keys.history.then.of",)
    client_names = ("keys.oauth.naming.names",)
    marks = ("keys.marks.changes",)
    attention = ("keys.attention.items", "keys.certificates.ending.items")

    def ready(self):
        # Models can be imported only now.
        from apis.gateways import kinds  # noqa: PLC0415
        from apis.publishing import events  # noqa: PLC0415
        from keys.actions import chunks  # noqa: PLC0415
        from keys.adoption import ending  # noqa: PLC0415
        from keys.certificates import delivery as certificates  # noqa: PLC0415
        from keys.certificates import lifecycle as held  # noqa: PLC0415
        from keys.credentials import exposure  # noqa: PLC0415
        from keys.keys import bulk, delivery, repair  # noqa: PLC0415
        from keys.oauth import delivery as oauth  # noqa: PLC0415
        from keys.oauth import lifecycle as clients  # noqa: PLC0415
        from keys.organisations import delivery as organisations  # noqa: PLC0415
        from keys.policies import lifecycle as policies  # noqa: PLC0415

        for kind, urgency in (
            (delivery.REVOKED, kinds.FIRST),
            (delivery.SUSPENDED, kinds.FIRST),
            (delivery.ENDING, kinds.FIRST),
            (delivery.CHANGED, kinds.SOON),
        ):
            kinds.register(kind, delivery.deliver, urgency=urgency)
        kinds.register(chunks.DO, chunks.deliver, urgency=kinds.LATER)
        kinds.register(ending.ENDED, ending.deliver, urgency=kinds.FIRST)
        kinds.register(ending.ENDED_CHECK, ending.deliver, urgency=kinds.LAST, rests=delivery.CHECK_AFTER)
        kinds.register(delivery.AGAIN, bulk.deliver, urgency=kinds.LATER)
        # Whoever looks once more waits for those who are told the first time.
        kinds.register(delivery.CHECK, repair.check, urgency=kinds.LAST, rests=delivery.CHECK_AFTER)
        kinds.register(organisations.KIND, organisations.deliver, urgency=kinds.FIRST)
        kinds.register(
            organisations.CHECK, organisations.check, urgency=kinds.LAST, rests=organisations.CHECK_AFTER
        )
        events.apis_departing.connect(organisations.depart, dispatch_uid="organisation keys")
        kinds.register(certificates.CHANGED, certificates.deliver, urgency=kinds.SOON)
        kinds.register(oauth.CHANGED, oauth.deliver, urgency=kinds.SOON)
        kinds.register(oauth.ENDED, oauth.deliver, urgency=kinds.FIRST)
        kinds.register(oauth.CHECK, oauth.check, urgency=kinds.LAST, rests=oauth.CHECK_AFTER)
        events.api_set_changed.connect(bulk.follow, dispatch_uid="keys")
        events.apis_departing.connect(bulk.depart, dispatch_uid="keys")
        events.authentication_changed.connect(exposure.refuse_without, dispatch_uid="exposure")
        events.authentication_changed.connect(bulk.follow_authentication, dispatch_uid="keys")
        # Before the policies, which they name.
        events.api_set_changed.connect(clients.follow, dispatch_uid="oauth")
        events.apis_departing.connect(clients.depart, dispatch_uid="oauth")
        events.api_set_changed.connect(policies.follow, dispatch_uid="policies")
        events.apis_departing.connect(policies.depart, dispatch_uid="policies")
        events.apis_departing.connect(held.depart, dispatch_uid="certificates")
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
