"""Keys and policies, and what each may open. A key is never deleted: a revoked one stays as history, without its
session."""

import json
from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apis.definitions.document import compact
from apis.models import ApiDefinition
from keys.keys.session import UNLIMITED, Limits, PolicyFacts
from keys.keys.words import LONGEST
from orgs.ids import new_id
from orgs.models import HexIdField, OrgForeignKey, OrgOwned
from orgs.sealing import SealedField

CREDENTIALS = [
    ("token", "Token"),
    ("basic", "User name and password"),
    ("hmac", "Signature"),
    ("jwt", "JSON Web Token"),
    ("certificate", "Client certificate"),
]


class Key(OrgOwned):
    """Who may call. Of its token only two hashes are kept (keys.keys.token)."""

    alias = models.CharField("name", max_length=200, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField("expiry", null=True, blank=True)
    rate = models.FloatField(default=UNLIMITED)
    per = models.FloatField(default=0)
    quota_max = models.BigIntegerField("quota", default=UNLIMITED)
    quota_renewal_rate = models.BigIntegerField(default=0)
    # All APIs the organisation has, as they come and go; the rights of such a key have no rows.
    all_apis = models.BooleanField("all APIs", default=False)
    suspended = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    tags = models.JSONField(default=list, blank=True)
    meta_data = models.JSONField("metadata", default=dict, blank=True)
    # Further members of the session object, as REST was given them (keys.keys.parameters.KEPT).
    session_extra = models.JSONField(default=dict, blank=True)

    # What its holder signs in with.
    credential = models.CharField(max_length=12, choices=CREDENTIALS, default="token", editable=False)
    token_hash = models.CharField(max_length=64, editable=False)
    # Empty where nobody knows the token, and so none knows the name.
    cache_key = models.CharField(max_length=16, blank=True, editable=False)
    # Of the id that somebody chose, where the holder may present it in place of the whole token.
    short_cache_key = models.CharField(max_length=16, blank=True, default="", editable=False)
    # Which token it is that these are of, counted from the first, and since when; None: since the key is made.
    generation = models.PositiveIntegerField(default=1, editable=False)
    token_made_at = models.DateTimeField(null=True, editable=False)
    # What gateways count the requests of all its generations under; empty until it is rotated (keys.rotation.places).
    allowance = models.CharField(max_length=80, blank=True, default="", editable=False)
    # Secrets that gateways need as they are: a JSON object.
    sealed_secrets = SealedField()
    # The form it was made with: sent twice, a form makes one key.
    form_token = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001  unique where there is one
    created_by = models.CharField(max_length=254, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    # Counts the changes of the key that gateways must hear of, and the last one that the gateways' Redis has.
    change_number = models.PositiveIntegerField(default=1, editable=False)
    delivered_number = models.PositiveIntegerField(default=0, editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "change")
        constraints = [
            models.UniqueConstraint(fields=["org", "token_hash"], name="key_once_a_token"),
            models.UniqueConstraint(fields=["org", "form_token"], name="key_once_a_form"),
            models.CheckConstraint(
                name="key_hashes_are_hex",
                condition=Q(cache_key__regex="^([0-9a-f]{16})?$")
                & Q(short_cache_key__regex="^([0-9a-f]{16})?$")
                & Q(token_hash__regex="^([0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})$"),  # noqa: S106  a pattern, not a password
            ),
        ]
        indexes = [
            models.Index(fields=["org", "-created_at", "-id"], name="key_newest_first"),
            models.Index(fields=["org", "alias", "id"], name="key_by_name"),
            # Redis tells names of sessions, not whose they are (keys.keyspace.events).
            models.Index(fields=["token_hash"], name="key_by_hash"),
            models.Index(fields=["org", "owner", "-created_at", "-id"], name="key_by_owner"),
            # Each new key counts those there are (orgs.organisations.limits).
            models.Index(fields=["org"], condition=Q(revoked_at=None), name="key_living"),
            # Ids that somebody chose are claimed over all organisations (keys.credentials.naming).
            models.Index(
                fields=["short_cache_key"],
                condition=Q(revoked_at=None) & ~Q(short_cache_key=""),
                name="key_by_short_cache_key",
            ),
            # What few keys are, so that nobody looks through all for them (keys.keys.search, keys.keys.bulk).
            models.Index(
                fields=["org", "-created_at", "-id"],
                condition=Q(revoked_at__isnull=False),
                name="key_revoked",
            ),
            models.Index(
                fields=["org", "-created_at", "-id"],
                condition=Q(suspended=True, revoked_at=None),
                name="key_suspended",
            ),
            models.Index(
                fields=["org", "expires_at"], condition=Q(suspended=False, revoked_at=None), name="key_ending"
            ),
            models.Index(fields=["org"], condition=Q(all_apis=True), name="key_for_all"),
        ]

    def __str__(self) -> str:
        return self.alias or f"Key {self.hint}"

    @property
    def hint(self) -> str:
        """The start of the token's hash, which analytics name the key by. The ends of tokens are all
        alike."""
        return self.token_hash[:8]

    @property
    def counted_under(self) -> str:
        """The name of its counters in the gateways' Redis (apis.gateways.names.quota)."""
        return self.allowance or self.token_hash

    @property
    def limits(self) -> Limits:
        return Limits(_plain(self.rate), _plain(self.per), self.quota_max, self.quota_renewal_rate)

    @property
    def is_delivered(self) -> bool:
        """Whether the gateways' Redis has the last change of the key itself (keys.keys.delivery.delivered_of: of the
        APIs that it opens, too)."""
        return self.delivered_number == self.change_number

    def state(self, policies: Iterable[PolicyFacts] = (), now: datetime | None = None) -> str:
        """One of STATES, as of `now` (aware). policies: those that it has."""
        if self.revoked_at is not None:
            return "revoked"
        if self.suspended:
            return "suspended"
        if self.expires_at is not None and self.expires_at <= (now or timezone.now()):
            return "expired"
        return "refused" if any(policy.state == "deny" for policy in policies) else "active"


# "refused": gateways refuse the key because one of its policies denies.
STATES = ("active", "suspended", "expired", "refused", "revoked")


def in_state(keys: models.QuerySet, state: str, now: datetime) -> models.QuerySet:
    """Those of `keys` whose `state` is this one."""
    expired = Q(expires_at__lte=now)
    going_on = Q(revoked_at=None, suspended=False) & ~expired
    denied = _is_denied() if state in ("active", "refused") else Q()
    return keys.filter(
        {
            "active": going_on & ~denied,
            "refused": going_on & denied,
            "suspended": Q(revoked_at=None, suspended=True),
            "expired": Q(revoked_at=None, suspended=False) & expired,
            "revoked": Q(revoked_at__isnull=False),
        }[state]
    )


def _is_denied() -> Q:
    """Of keys one of whose policies denies. Mostly no policy does, and then no key is asked for its own."""
    denying = list(Policy.objects.filter(state="deny").values_list("id", flat=True))
    having = KeyPolicy.objects.filter(
        org_id=models.OuterRef("org_id"), key_id=models.OuterRef("id"), policy_id__in=denying
    )
    return Q(models.Exists(having)) if denying else Q(pk__in=[])


def _plain(number: float) -> float:
    """A float as an integer where it is one: `100`, not `100.0`, on the wire."""
    return int(number) if number == int(number) else number


class KeyRight(OrgOwned):
    """One API that one key may open. The database refuses an API of another organisation (composite foreign
    keys)."""

    key = OrgForeignKey(Key, models.CASCADE, related_name="rights")
    # An API's rights go with a change to its keys (keys.keys.bulk), never silently.
    api = OrgForeignKey(ApiDefinition, models.PROTECT, related_name="+")
    # Empty: all versions of the API.
    versions = models.JSONField(default=list, blank=True)
    # Limits, paths and whatever else is said of it (keys.sessions.rights).
    members = models.JSONField(default=dict, blank=True)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "key", "api"], name="right_once_a_key")]


class Generation(OrgOwned):
    """A former token of a key, which opens what the key opens until it ends. The one that undoing a rotation took away
    is one of these, too."""

    key = OrgForeignKey(Key, models.CASCADE, related_name="generations", db_index=False)
    number = models.PositiveIntegerField()
    # As the key's.
    token_hash = models.CharField(max_length=64)
    cache_key = models.CharField(max_length=16, blank=True)
    short_cache_key = models.CharField(max_length=16, blank=True)
    # As the key's, at the time when this one was ended by hand; empty for one that was not.
    allowance = models.CharField(max_length=80, blank=True)
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # When somebody ended it before its time.
    retired_at = models.DateTimeField(null=True)
    # What the rotation was asked for with: sent twice, it is done once.
    form_token = models.CharField(max_length=64, null=True)  # noqa: DJ001  unique where there is one

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "change")
        constraints = [
            models.UniqueConstraint(fields=["org", "token_hash"], name="generation_once_a_token"),
            models.UniqueConstraint(fields=["org", "key", "number"], name="generation_numbered_once"),
            models.UniqueConstraint(fields=["org", "form_token"], name="rotation_once_a_form"),
            models.CheckConstraint(
                name="generation_hashes_are_hex",
                condition=Q(cache_key__regex="^([0-9a-f]{16})?$")
                & Q(short_cache_key__regex="^([0-9a-f]{16})?$")
                & Q(token_hash__regex="^([0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64})$"),  # noqa: S106  a pattern, not a password
            ),
        ]
        indexes = [
            # Redis tells of sessions by their names, whosever they are.
            models.Index(fields=["token_hash"], name="generation_by_hash"),
            models.Index(fields=["org", "ends_at"], name="generation_ending"),
        ]

    def __str__(self) -> str:
        return f"{self.hint}, number {self.number}"

    @property
    def hint(self) -> str:
        """As the key's."""
        return self.token_hash[:8]

    def lives(self, now: datetime) -> bool:
        """Whether it opens something at `now` (aware), as long as its key does."""
        return self.retired_at is None and self.ends_at > now


class WithDocument(models.Model):
    """A row that holds a whole policy object. As text, because jsonb would put its members in another order."""

    document_text = models.TextField(editable=False)

    class Meta:
        abstract = True

    @property
    def document(self) -> dict:
        return json.loads(self.document_text)

    @document.setter
    def document(self, value: dict):
        self.document_text = compact(value)


class Policy(OrgOwned, WithDocument):
    """What keys may do that have it, as it is now. Written by keys.policies.lifecycle alone; the columns repeat members
    of the document (keys.policies.document)."""

    # By which clients, tokens and claims name it: the document's own `id`, or the row's; one of its kind over all
    # organisations.
    policy_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=10)
    tags = models.JSONField(default=list)
    # Whether it opens something, and is no mere limit.
    grants_rights = models.BooleanField()
    key_expires_in = models.BigIntegerField(default=0)
    revision = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    # The form it was made with: sent twice, a form makes one policy.
    form_token = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001  unique where there is one
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "policy_id"], name="policy_id_once_an_organisation"),
            models.UniqueConstraint(fields=["org", "name"], name="policy_name_once_an_organisation"),
            models.UniqueConstraint(fields=["org", "form_token"], name="policy_once_a_form"),
        ]
        indexes = [
            models.Index(fields=["org", "-updated_at", "-id"], name="policy_last_changed_first"),
            # Ids are claimed over all organisations.
            models.Index(fields=["policy_id"], name="policy_by_policy_id"),
            models.Index(fields=["id"], name="policy_by_id"),
        ]

    def __str__(self) -> str:
        return self.name


class PolicyRevision(OrgOwned, WithDocument):
    """One state of a policy, never changed. It outlives the policy, so it has no foreign key to it."""

    policy_row_id = models.CharField(max_length=24)
    # Kept for good: an id that one organisation has used is never another's.
    policy_id = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    author_id = models.CharField(max_length=24, blank=True)
    author = models.CharField(max_length=254)
    message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view")
        constraints = [
            models.UniqueConstraint(
                fields=["org", "policy_row_id", "number"], name="policy_revision_numbered_once"
            )
        ]
        indexes = [
            models.Index(fields=["policy_id", "org"], name="policy_revision_by_policy_id"),
            models.Index(fields=["policy_row_id", "org"], name="policy_revision_by_row"),
        ]

    def __str__(self) -> str:
        return f"r{self.number}"


class PolicyRight(OrgOwned):
    """One API that one policy names. The database refuses an API of another organisation (composite foreign keys)."""

    policy = OrgForeignKey(Policy, models.CASCADE, related_name="rights")
    # A policy is changed before an API of its goes (keys.policies.follow), never silently.
    api = OrgForeignKey(ApiDefinition, models.PROTECT, related_name="+")

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "delete")
        constraints = [models.UniqueConstraint(fields=["org", "policy", "api"], name="api_once_a_policy")]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.api_id}"


class KeyPolicy(OrgOwned):
    """One of the policies that one key has. The database refuses one of another organisation."""

    key = OrgForeignKey(Key, models.CASCADE, related_name="policies")
    # A key is changed before a policy of its goes (keys.policies.lifecycle.delete), never silently.
    policy = OrgForeignKey(Policy, models.PROTECT, related_name="keys")
    # Gateways apply them in their order.
    position = models.PositiveSmallIntegerField()

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "delete")
        constraints = [models.UniqueConstraint(fields=["org", "key", "policy"], name="policy_once_a_key")]

    def __str__(self) -> str:
        return f"{self.key_id} {self.policy_id}"


class OAuthClient(OrgOwned):
    """A program that asks the gateways of one API for tokens, by its id and secret. A deleted one stays as history,
    without secret."""

    # Both are there as long as the client is.
    api = OrgForeignKey(ApiDefinition, models.PROTECT, null=True, related_name="+")
    policy = OrgForeignKey(Policy, models.PROTECT, null=True, related_name="oauth_clients")
    # The id by which gateways know the API: the client's place in their Redis, also when the API has gone.
    served_api_id = models.CharField("API", max_length=200, editable=False)
    client_id = models.CharField("client ID", max_length=200, editable=False)
    sealed_secret = SealedField()
    redirect_uri = models.CharField("redirect URI", max_length=2_000)
    description = models.CharField(max_length=500, blank=True)
    meta_data = models.JSONField("metadata", default=dict, blank=True)
    suspended = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    # The form it was made with: sent twice, a form makes one client.
    form_token = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001  unique where there is one
    created_by = models.CharField(max_length=254, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    # As those of a key.
    change_number = models.PositiveIntegerField(default=1, editable=False)
    delivered_number = models.PositiveIntegerField(default=0, editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "change")
        constraints = [
            models.UniqueConstraint(
                fields=["org", "served_api_id", "client_id"],
                condition=Q(deleted_at=None),
                name="oauth_client_once_an_api",
            ),
            models.UniqueConstraint(fields=["org", "form_token"], name="oauth_client_once_a_form"),
            models.CheckConstraint(
                name="oauth_client_is_whole",
                condition=Q(deleted_at__isnull=False)
                | Q(api__isnull=False, policy__isnull=False, sealed_secret__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["org", "-created_at", "-id"], name="oauth_client_newest_first"),
            models.Index(fields=["org", "policy"], name="oauth_clients_of_a_policy"),
        ]

    def __str__(self) -> str:
        return self.client_id

    @property
    def is_delivered(self) -> bool:
        """Whether the gateways' Redis has its last change."""
        return self.delivered_number == self.change_number

    @property
    def state(self) -> str:
        if self.deleted_at is not None:
            return "deleted"
        return "suspended" if self.suspended else "active"


class Certificate(OrgOwned):
    """A certificate with its chain, or a public key to pin. A deleted one stays as history, without private key."""

    # SHA-256 of the DER, hex.
    fingerprint = models.CharField(max_length=64, editable=False)
    is_public_key = models.BooleanField(default=False, editable=False)
    # Without the private key.
    pem = models.TextField(editable=False)
    sealed_key = SealedField()
    has_key = models.BooleanField("private key", default=False, editable=False)
    subject = models.CharField(max_length=500, blank=True)
    common_name = models.CharField(max_length=500, blank=True)
    issuer = models.CharField(max_length=500, blank=True)
    names = models.JSONField(default=list, blank=True)
    is_ca = models.BooleanField("certificate authority", default=False)
    not_before = models.DateTimeField("valid from", null=True)
    not_after = models.DateTimeField("valid until", null=True)
    deleted_at = models.DateTimeField(null=True, editable=False)
    created_by = models.CharField(max_length=254, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # As those of a key.
    change_number = models.PositiveIntegerField(default=1, editable=False)
    delivered_number = models.PositiveIntegerField(default=0, editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "change")
        constraints = [
            models.UniqueConstraint(
                fields=["org", "fingerprint"], condition=Q(deleted_at=None), name="certificate_once"
            ),
            models.CheckConstraint(
                name="certificate_fingerprint_is_hex", condition=Q(fingerprint__regex="^[0-9a-f]{64}$")
            ),
        ]
        indexes = [
            models.Index(fields=["org", "-created_at", "-id"], name="certificate_newest_first"),
            models.Index(
                fields=["org", "not_after"], condition=Q(deleted_at=None), name="certificate_ending"
            ),
        ]

    def __str__(self) -> str:
        return self.common_name or self.subject or self.fingerprint[:16]

    @property
    def served_id(self) -> str:
        """By which gateways, definitions, keys and clients name it."""
        return self.org_id + self.fingerprint

    @property
    def is_delivered(self) -> bool:
        """Whether the gateways' Redis has its last change."""
        return self.delivered_number == self.change_number

    def state(self, now: datetime) -> str:
        if self.deleted_at is not None:
            return "deleted"
        if self.not_after is not None and self.not_after <= now:
            return "expired"
        return "not yet valid" if self.not_before is not None and self.not_before > now else "valid"


class KeyCertificate(OrgOwned):
    """One certificate that the session of one key names, and in which of its members (keys.certificates.named). The
    database refuses one of another organisation. Those of a revoked key stay as history."""

    key = OrgForeignKey(Key, models.CASCADE, related_name="certificates", db_index=False)
    # One that a living key needs is not deleted (keys.certificates.lifecycle).
    certificate = OrgForeignKey(Certificate, models.PROTECT, related_name="keys", db_index=False)
    member = models.CharField(max_length=40)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "delete")
        constraints = [
            models.UniqueConstraint(
                fields=["org", "key", "certificate", "member"], name="certificate_once_a_key"
            )
        ]
        indexes = [models.Index(fields=["org", "certificate"], name="keys_of_a_certificate")]

    def __str__(self) -> str:
        return f"{self.key_id} {self.member} {self.certificate_id}"


class ServedPolicy(OrgOwned):
    """What gateways get for one policy, as elements of a JSON list with commas between them."""

    policy = OrgForeignKey(Policy, models.CASCADE, related_name="+")
    # The order of the list, stable between pulls.
    sort_key = models.CharField(max_length=200)
    body = models.BinaryField()
    # The body as a gzip member (apis.publishing.packing).
    packed = models.BinaryField()
    # Which version of the code made the body (keys.policies.serving).
    made_by = models.CharField(max_length=16)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "policy"], name="policy_served_once")]
        indexes = [models.Index(fields=["sort_key", "id"], name="policies_in_order")]

    def __str__(self) -> str:
        return self.sort_key


class PolicyFeed(models.Model):
    """The one row, made by the migration, that says how many policies gateways are to be given. Global."""

    id = HexIdField(default="policies")
    # Made anew with each change (apis.publishing.feed).
    stamp = models.CharField(max_length=24, default=new_id)
    policies = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return self.stamp


class OrganisationKey(OrgOwned):
    """What limits all requests of an organisation together (keys.organisations)."""

    # Of its session, those that say something.
    members = models.JSONField(default=dict)
    # Counts on when one is made anew.
    change_number = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org"], name="key_once_an_organisation")]

    def __str__(self) -> str:
        return f"Limits of {self.org_id}"

    @property
    def number(self) -> int:
        """The change number, 0 for one that has ended."""
        return 0 if self.ended_at else self.change_number


class Sweep(models.Model):
    """How far the sweep is (keys.keys.repair), and what its round has found; in a second row the same of filling an
    empty Redis (keys.keyspace.refill). Global: all keys of every organisation are looked at."""

    OF_ROUND = ("after_org", "after_id", "started_at", "finished_at", "checked", "rewritten", "removed")

    id = models.SmallIntegerField(primary_key=True, default=1)
    # The key that was looked at last; empty between two rounds.
    after_org = models.CharField(max_length=24, blank=True)
    after_id = models.CharField(max_length=24, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    # When the last round that was finished ended.
    finished_at = models.DateTimeField(null=True)
    # Keys of the round: looked at, with a session missing or changed, with one that they must not have.
    checked = models.PositiveIntegerField(default=0)
    rewritten = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    # Keys to be looked at, where that is known.
    total = models.PositiveIntegerField(default=0)
    # Sessions of no organisation that there is, found in the last round (keys.adoption.discovery).
    strays = models.PositiveIntegerField(default=0)
    # Why Redis does not tell of sessions that others write (keys.keyspace.events); empty: it does.
    unheard = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        default_permissions = ("add", "view", "change")

    def __str__(self) -> str:
        return f"{self.checked} keys since {self.started_at}"

    def begin(self) -> None:
        """A round begins."""
        self.started_at = timezone.now()
        self.checked = self.rewritten = self.removed = 0

    def go_on_after(self, key: Key | None) -> None:
        """Remember the key that was looked at last; None ends the round."""
        self.after_org, self.after_id = (key.org_id, key.id) if key else ("", "")
        if key is None:
            self.finished_at = timezone.now()


class FoundSession(OrgOwned):
    """A session in the gateways' Redis that somebody else made, as it was last seen there: which organisation it names
    and what could become of it. Never what it holds."""

    # The hash that it lies under; of one that lies under a token the SHA-256 of that.
    name = models.CharField(max_length=64)
    # keys.adoption.judging
    kind = models.CharField(max_length=8)
    verdict = models.CharField(max_length=8)
    why_not = models.CharField(max_length=300, blank=True)
    alias = models.CharField(max_length=200, blank=True)
    apis = models.PositiveIntegerField(default=0)
    strangers = models.PositiveIntegerField(default=0)
    policies = models.PositiveIntegerField(default=0)
    opens_all = models.BooleanField(default=False)
    found_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "name"], name="session_found_once")]
        indexes = [
            models.Index(fields=["org", "-found_at", "-id"], name="found_newest_first"),
            models.Index(fields=["name"], name="found_by_name"),
        ]

    def __str__(self) -> str:
        return self.alias or f"Session {self.hint}"

    @property
    def hint(self) -> str:
        """The start of the hash."""
        return self.name[:8]


class KeyWord(OrgOwned):
    """One word by which one key is found (keys.keys.words)."""

    key = OrgForeignKey(Key, models.CASCADE, related_name="+", db_index=False)
    # Compared by its bytes, so that the words with one beginning lie together.
    word = models.CharField(max_length=LONGEST, db_collation="C")

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "delete")
        constraints = [models.UniqueConstraint(fields=["org", "word", "key"], name="word_once_a_key")]
        indexes = [models.Index(fields=["org", "key"], name="words_of_a_key")]

    def __str__(self) -> str:
        return self.word


class BulkAction(OrgOwned):
    """Something that is being done to many keys (keys.actions), and how far it is."""

    action = models.CharField(max_length=20)
    arguments = models.JSONField(default=dict)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)
    # Keys: to be changed, changed, and left as they were because somebody was faster or a rule is against it.
    total = models.PositiveIntegerField()
    changed = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    # Why one was left last.
    reason = models.CharField(max_length=300, blank=True)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view", "change")
        indexes = [models.Index(fields=["org", "-created_at", "-id"], name="bulk_newest_first")]

    def __str__(self) -> str:
        return f"{self.action} {self.total} keys"

    @property
    def remaining(self) -> int:
        return max(0, self.total - self.changed - self.left)
