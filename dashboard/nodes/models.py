"""The gateway processes that talk to us, and what they were last told."""

from dataclasses import fields

from django.db import models
from django.utils import timezone

from apis.models import FeedVersion
from dashboard.nodes.health import Health, Heard, health
from orgs.models import HexIdField, OrgOwned
from orgs.sealing import SealedField

# The columns that the state of a node follows from.
HEARD = [field.name for field in fields(Heard)]


class Node(models.Model):
    """A gateway process, known by the session id it makes at its start. Global: it serves every organisation.

    A row stays for weeks after the last ping: a session that is forgotten while its process lives would be
    answered like a new one when it registers again, and a gateway of 5.8.9 to 5.14 may lock up on that.
    """

    session_id = models.CharField(primary_key=True, max_length=128)
    node_id = models.CharField(max_length=128, db_index=True)
    nonce = models.CharField(max_length=64)
    hostname = models.CharField(max_length=253, blank=True)
    address = models.GenericIPAddressField(null=True)
    registered_at = models.DateTimeField(default=timezone.now)
    last_ping_at = models.DateTimeField(default=timezone.now)
    last_beat_at = models.DateTimeField(default=timezone.now)
    last_pull_at = models.DateTimeField(null=True)
    # Of the feed: what it has pulled of both, APIs and policies, and of policies alone.
    served_version = models.BigIntegerField(null=True)
    policies_version = models.BigIntegerField(null=True)
    # The first reload signal after which it has not pulled.
    asked_at = models.DateTimeField(null=True)
    # When it last registered again: a sign that its reload failed, so it needs another signal.
    refused_at = models.DateTimeField(null=True)
    # Whether it proves itself by NODE_SECRET_FORMER. With a default of the database's, because processes of the version
    # before go on writing rows while this one is installed.
    by_former_secret = models.BooleanField(default=False, db_default=False)
    # What it tells other nodes (dashboard.nodes.load): its tags, written one after the other, and requests a second.
    tags = models.CharField(max_length=300, blank=True, db_default="")
    load = models.IntegerField(null=True)
    load_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("hostname", "registered_at", "session_id")

    def __str__(self) -> str:
        return self.hostname or self.node_id

    def health(self, wanted_version: int, now) -> Health:
        return health(Heard(**{name: getattr(self, name) for name in HEARD}), wanted_version, now)


class FormerNode(models.Model):
    """A gateway process that has said goodbye, kept for a month (dashboard.nodes.joining.marks). Global, as Node."""

    id = HexIdField()
    hostname = models.CharField(max_length=253, blank=True)
    registered_at = models.DateTimeField()
    ended_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.hostname


class PulledFeed(models.Model):
    """A version of the feed that nodes have pulled, kept while one may run it. Global; what was in it is in
    PulledRevisions."""

    number = models.BigIntegerField(primary_key=True)
    pulled_at = models.DateTimeField(default=timezone.now)  # by the first
    # When the next version was published.
    superseded_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.number)


class PulledRevisions(OrgOwned):
    """What one organisation had in a PulledFeed: the revision of each API and policy, by the ids of their rows."""

    number = models.BigIntegerField()
    apis = models.JSONField(default=dict)
    policies = models.JSONField(default=dict)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "number"], name="pulled_once_an_organisation")]

    def __str__(self) -> str:
        return str(self.number)


class GatewayControl(models.Model):
    """Where a gateway's own control API is, and what it answered last. Global; named by super-users alone, by the host
    name that its nodes say, because sessions end with their processes."""

    id = HexIdField()
    hostname = models.CharField(max_length=253, unique=True)
    url = models.CharField(max_length=500)
    sealed_secret = SealedField()
    # When it was asked last, and why that was to no avail, "" if it was not.
    asked_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=300, blank=True)
    gateway_version = models.CharField(max_length=60, blank=True)
    # What it was compared with last, and when that was; how many APIs it then ran, and of those ones it is not given.
    compared_version = models.BigIntegerField(null=True)
    compared_at = models.DateTimeField(null=True)
    runs = models.PositiveIntegerField(default=0)
    strangers = models.PositiveIntegerField(default=0)
    # How many APIs it runs otherwise than that version has them; which is in RunOtherwise.
    others = models.PositiveIntegerField(default=0)
    # The same of policies; how many it has is None where its version does not tell them. With defaults of the
    # database's, because processes of the version before go on writing rows while this one is installed.
    policies = models.PositiveIntegerField(null=True)
    strange_policies = models.PositiveIntegerField(default=0, db_default=0)
    other_policies = models.PositiveIntegerField(default=0, db_default=0)
    # The version that it was last found to run as a whole.
    confirmed_version = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    # What orgs.sealing binds a value to, besides: nobody's.
    org_id = ""

    def __str__(self) -> str:
        return self.hostname

    @property
    def differs(self) -> bool:
        """Whether it was found to run anything else than all that it is to run."""
        return bool(self.others or self.strangers or self.other_policies or self.strange_policies)


class RunOtherwise(OrgOwned):
    """An API or a policy that a gateway runs otherwise than it was given, as of its last comparison."""

    control_id = models.CharField(max_length=24)
    # "api" or "policy", and its row's id.
    kind = models.CharField(max_length=6, default="api", db_default="api")
    api = models.CharField(max_length=24)
    revision = models.PositiveIntegerField()
    # Whether it does not run it at all; else JSON pointers, the first few.
    is_absent = models.BooleanField()
    pointers = models.JSONField(default=list)

    class Meta(OrgOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "control_id", "kind", "api"], name="otherwise_once_a_kind")
        ]

    def __str__(self) -> str:
        return self.api


class NodeSignal(models.Model):
    """One row: which reload signal the gateways were last sent, and what holds the next one back."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    # The first signal of a series, which is repeated until every node has pulled.
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    # The feed version nodes were told to pull.
    version = models.BigIntegerField(null=True)
    # How many connections heard it. Information only: it may count others than gateways.
    receivers = models.IntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True)
    trouble_at = models.DateTimeField(null=True)
    # When the last reload was due that somebody asked for.
    reload_at = models.DateTimeField(null=True)
    # Until then the next one is the business of one worker, who asks for the feed and tells Redis.
    claimed_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"signal for version {self.version}"


def wanted_version() -> int:
    """The version of the feed that was published last, which every node should serve."""
    return FeedVersion.objects.values_list("number", flat=True).get()
