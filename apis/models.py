"""API definitions, every state they ever had, and what gateways are to be given and told."""

import json
from datetime import UTC, datetime, timedelta

from django.db import models
from django.db.models import Func, Q
from django.utils import timezone

from apis.definitions.document import compact, parse
from orgs.ids import new_id
from orgs.models import HexIdField, OrgForeignKey, OrgOwned

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WithDefinition(models.Model):
    """A row that holds a whole definition. As text, because jsonb would put its members in another order."""

    definition_text = models.TextField(editable=False)

    class Meta:
        abstract = True

    @property
    def definition(self) -> dict:
        return json.loads(self.definition_text)

    @definition.setter
    def definition(self, value: dict):
        self.definition_text = compact(value)


# APIs that send requests to others: few, so that whoever comes or goes finds those that name it.
CALLING = ~Q(calls=[])
# The same of policies.
NAMING_POLICIES = ~Q(policies=[])


class ApiDefinition(OrgOwned, WithDefinition):
    """An API as it is now. Written by apis.publishing.publish alone; the columns repeat members of the definition."""

    # Any text a client chose, or 24 hexadecimal digits; one of its kind over all organisations (conflicts).
    api_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    # The Address in normal form (apis.definitions.listen_path), and what to look for others by that overlap it.
    domain = models.CharField(max_length=255, blank=True)
    listen_path = models.CharField(max_length=500, blank=True)
    listen_port = models.PositiveIntegerField(default=0)
    claimed_domain = models.CharField(max_length=255, blank=True, default="", editable=False)
    path_head = models.CharField(max_length=500, blank=True, default="", editable=False)
    # What else others ask of a definition (apis.definitions.kinds): names of its versions, ways to authenticate, where
    # it sends requests, and the own APIs among that, by API id or database id; the policies that it names.
    versions = models.JSONField(default=list, editable=False)
    auth = models.CharField(max_length=200, default="", editable=False)
    target_url = models.CharField(max_length=2000, blank=True, default="", editable=False)
    calls = models.JSONField(default=list, editable=False)
    policies = models.JSONField(default=list, editable=False)
    kind = models.CharField(max_length=20, default="classic", editable=False)
    # Those that its definition names and those that clients keep beside it.
    categories = models.JSONField(default=list, editable=False)
    # What clients keep beside the definition (apis.wrapper).
    wrapper = models.JSONField(default=dict, editable=False)
    active = models.BooleanField()
    revision = models.PositiveIntegerField()
    # The bytes of the definition, counted by the database so that summing them up reads no text.
    size = models.GeneratedField(
        expression=Func("definition_text", function="octet_length"),
        output_field=models.IntegerField(),
        db_persist=True,
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "api_id"], name="api_id_once_an_organisation")]
        indexes = [
            models.Index(fields=["org", "name", "id"], name="api_by_name"),
            models.Index(fields=["org", "listen_path", "id"], name="api_by_listen_path"),
            models.Index(fields=["org"], condition=CALLING, name="api_calling_others"),
            models.Index(fields=["org"], condition=NAMING_POLICIES, name="api_naming_policies"),
            # Claims are looked up over all organisations (apis.publishing.conflicts).
            models.Index(fields=["api_id"], name="api_by_api_id"),
            models.Index(fields=["id"], name="api_by_id"),
            models.Index(
                fields=["listen_port", "path_head"],
                opclasses=["int4_ops", "varchar_pattern_ops"],
                name="api_by_path_head",
            ),
            models.Index(
                fields=["listen_port", "claimed_domain", "path_head"],
                opclasses=["int4_ops", "varchar_ops", "varchar_pattern_ops"],
                name="api_by_claim",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Revision(OrgOwned, WithDefinition):
    """One state of a definition, never changed. It outlives the API, so it has no foreign key to it."""

    definition_id = models.CharField(max_length=24)
    # Kept for good: an id that one organisation has used is never another's (apis.publishing.conflicts).
    api_id = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    author_id = models.CharField(max_length=24, blank=True)
    author = models.CharField(max_length=254)
    message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view")
        constraints = [
            models.UniqueConstraint(fields=["org", "definition_id", "number"], name="revision_numbered_once")
        ]
        indexes = [
            models.Index(fields=["api_id", "org"], name="revision_by_api_id"),
            models.Index(fields=["org", "created_at", "id"], name="revision_by_time"),
        ]

    def __str__(self) -> str:
        return f"r{self.number}"


class Draft(OrgOwned):
    """What somebody means to publish of an API, whole; one for each API at most (apis.drafts.lifecycle)."""

    api = OrgForeignKey(ApiDefinition, models.CASCADE, related_name="+")
    # As its author typed it: a JSON object, which need not be fit to be published.
    text = models.TextField(editable=False)
    message = models.CharField(max_length=500, blank=True)
    # The number of the revision that it was begun from.
    started_from = models.PositiveIntegerField()
    author_id = models.CharField(max_length=24, blank=True)
    author = models.CharField(max_length=254)
    saved_at = models.DateTimeField(default=timezone.now)
    # Made anew each time it is saved: a number would come again with the next draft of the API.
    stamp = models.CharField(max_length=24, default=new_id)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "api"], name="draft_once_an_api")]
        indexes = [models.Index(fields=["org", "saved_at", "id"], name="draft_by_time")]

    def __str__(self) -> str:
        return f"draft of {self.author}"

    @property
    def definition(self) -> dict:
        return parse(self.text)


class ServedApi(OrgOwned):
    """One element of the feed, as bytes: what a gateway gets for one active API."""

    api = OrgForeignKey(ApiDefinition, models.CASCADE, related_name="+")
    # The feed's order, stable between pulls: gateways let order decide between colliding APIs.
    sort_key = models.CharField(max_length=200)
    body = models.BinaryField()
    # The body as a gzip member (apis.publishing.packing): a feed is put together from these.
    packed = models.BinaryField(default=b"")
    # Which version of the code made the body (apis.publishing.serving).
    made_by = models.CharField(max_length=16, default="")
    # For whoever looks into the table; no code asks for it.
    revision = models.PositiveIntegerField()

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "api"], name="api_served_once")]
        indexes = [models.Index(fields=["sort_key", "id"], name="served_in_order")]

    def __str__(self) -> str:
        return self.sort_key


class FeedVersion(models.Model):
    """The one row, made by the migration, that numbers the feeds. Global; its lock lines publishers up."""

    id = HexIdField(default="feed")
    number = models.PositiveBigIntegerField(default=0)
    # Made anew with each number: after a restored backup a number may come twice, a stamp does not.
    stamp = models.CharField(max_length=24, default=new_id)
    # How many APIs the feed of this number has: fewer or more found is a fault, and no feed is served then.
    apis = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return str(self.number)


class Outbox(OrgOwned):
    """Something that gateways are to be told, stored with the change it tells of (apis.gateways.outbox)."""

    # Which there are is registered by the apps that deliver them (apis.gateways.kinds).
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=255)
    payload = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    # Until then it is somebody's who delivers it.
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta(OrgOwned.Meta):
        indexes = [
            models.Index(
                fields=["kind", "org", "due_at", "id"], condition=Q(done_at=None), name="outbox_by_turn"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Asset(OrgOwned):
    """A template: a document out of which APIs are made, or a part of one. Gateways are given none of it."""

    asset_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=2000, blank=True)
    # As text, because jsonb would put its members in another order.
    data_text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "asset_id"], name="asset_id_once_an_organisation")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def change_stamp(self) -> int:
        """Another after each change: microseconds since 1970."""
        return (self.updated_at - _EPOCH) // timedelta(microseconds=1)


class Domain(OrgOwned):
    """A host name that is an organisation's alone, in the form of ApiDefinition.claimed_domain. Given by super-users
    (apis.domains.changes), under the feed's lock: over all organisations it is there once."""

    name = models.CharField(max_length=253)
    author = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "delete", "view")
        constraints = [models.UniqueConstraint(fields=["org", "name"], name="domain_once_an_organisation")]
        # Whose it is, is looked up over all organisations.
        indexes = [models.Index(fields=["name"], name="domain_by_name")]

    def __str__(self) -> str:
        return self.name


class AllowedReference(OrgOwned):
    """What of the gateway's host an organisation's definitions may name: a whole text, as a super-user wrote it."""

    text = models.CharField(max_length=500)
    author = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "delete", "view")
        constraints = [
            models.UniqueConstraint(fields=["org", "text"], name="reference_allowed_once_an_organisation")
        ]

    def __str__(self) -> str:
        return self.text
