"""Traffic as it is kept: raw records, rollups, and the books of the ingest.

The tables are made by hand in the migration (partitions, an "in any order" histogram, no foreign keys on bulk
tables), and these models read them. `Record`, `Rollup` and `Endpoint` belong to organisations; the books are
global, and only the role that sees every organisation may read `Batch` and `DeadLetter`.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import models

from dashboard.analytics.dimensions import KEPT, KEY_COLUMNS, Dimension, Grain
from orgs import scope
from orgs.models import Organisation, OrgOwned


def bulk_org() -> models.ForeignKey:
    """The organisation of a bulk row, without a constraint: records outlive what they name."""
    return models.ForeignKey(
        Organisation,
        models.DO_NOTHING,
        db_constraint=False,
        default=scope.org_id_or_none,
        editable=False,
        related_name="+",
    )


class Record(OrgOwned):
    """One request. Partitioned by day; key (org_id, ts, id)."""

    # Batch number << 20 | position: unique, and the same on a replay.
    id = models.BigIntegerField(primary_key=True)
    org = bulk_org()
    ts = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)  # the gateway's stamp, where it was too far ahead for ts
    status = models.SmallIntegerField()
    latency = models.IntegerField()  # ms
    upstream_latency = models.IntegerField()  # ms
    timed = models.BooleanField()  # whether latency is how long the request took: not so for a refused one
    size = models.BigIntegerField()  # bytes of the request's body
    api_id = models.TextField()
    version = models.TextField()
    method = models.TextField()
    host = models.TextField()
    track = models.BooleanField()
    endpoint = models.TextField()
    path = models.TextField()
    key = models.TextField()  # the gateway's hash of the key, or the token's SHA-256; "" for none
    alias = models.TextField()
    oauth = models.TextField()
    country = models.TextField()
    user_agent = models.TextField()
    ip = models.GenericIPAddressField(null=True)
    tags = ArrayField(models.TextField())
    mcp = models.TextField(db_default="")  # what was called of an MCP proxy, as entries/clean.py writes it

    class Meta(OrgOwned.Meta):
        db_table = "record"
        default_permissions = ("view",)


class RecordBody(OrgOwned):
    """What went over the wire, of a record made in detail: redacted and cut. Partitioned by day.

    Key (org_id, ts, id).
    """

    id = models.BigIntegerField(primary_key=True)  # the record's
    org = bulk_org()
    ts = models.DateTimeField()  # the record's
    request = models.TextField()
    response = models.TextField()
    request_cut = models.BooleanField()  # more was sent than is kept
    response_cut = models.BooleanField()

    class Meta(OrgOwned.Meta):
        db_table = "record_body"
        default_permissions = ("view",)


class BodyKeeping(OrgOwned):
    """Whether an organisation keeps them, and what else it wants taken out (bodies/keeping.py). Without a row: it does
    not."""

    enabled = models.BooleanField(default=False)
    # Names, as they were typed.
    headers = models.JSONField(default=list)
    members = models.JSONField(default=list)
    # Counted up by each change: who changes it says which state he saw.
    change_number = models.PositiveIntegerField(default=1, editable=False)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org"], name="body_keeping_once_an_organisation")]

    def __str__(self) -> str:
        return "kept" if self.enabled else "not kept"


class Rollup(OrgOwned):
    """Counts of one (grain, dimension, API, time, value), as dimensions.py defines them.

    Rows add up; histograms merge by appending (histogram.py).
    """

    id = None
    pk = models.CompositePrimaryKey(*KEY_COLUMNS)
    org = bulk_org()
    grain = models.CharField(max_length=1, choices=[(grain.value, KEPT[grain].label) for grain in Grain])
    dimension = models.SmallIntegerField(choices=[(each.value, each.label) for each in Dimension])
    api_id = models.TextField()
    ts = models.DateTimeField()
    value = models.TextField()
    hits = models.BigIntegerField()
    status_3xx = models.BigIntegerField()
    status_4xx = models.BigIntegerField()
    status_5xx = models.BigIntegerField()
    limited = models.BigIntegerField()
    timed = models.BigIntegerField()
    latency_sum = models.BigIntegerField()  # ms
    upstream_hits = models.BigIntegerField()
    upstream_sum = models.BigIntegerField()  # ms
    latency_max = models.IntegerField()  # ms, of the timed
    latency_histogram = models.BinaryField()  # empty for dimensions without

    class Meta(OrgOwned.Meta):
        db_table = "rollup"
        default_permissions = ("view",)


class RollupCut(OrgOwned):
    """A set of an organisation's rollups, cut in one zone (cuts.py): those with dimensions from `base` on."""

    class State(models.TextChoices):
        ACTIVE = "active"  # what pages read
        BUILDING = "building"
        RETIRED = "retired"  # its rows are being deleted

    id = None
    pk = models.CompositePrimaryKey("org_id", "base")
    org = bulk_org()
    base = models.SmallIntegerField()
    zone = models.TextField()
    state = models.TextField(choices=State.choices)
    until = models.DateTimeField(null=True)  # records before are counted in it; None: all are
    exact_from = models.DateTimeField(null=True)  # days before are those of another zone under the same dates
    # Rows of days count the hours before, None for all; later ones have rows of their own alone (dimensions.days_of).
    days_until = models.DateTimeField(null=True)
    # Which of the sets of dimensions (dimensions.py) it was made with, and since when: before, an earlier one.
    dimension_set = models.SmallIntegerField(db_default=1)
    dimensions_from = models.DateTimeField(null=True)

    class Meta(OrgOwned.Meta):
        db_table = "rollup_cut"
        default_permissions = ("view",)

    @classmethod
    def active(cls, org: Organisation) -> tuple[ZoneInfo, int]:
        """Zone and base of the cut that pages read. An organisation without any traffic has none yet."""
        cut = cls.objects.filter(org_id=org.pk, state=cls.State.ACTIVE).first()
        return (ZoneInfo(cut.zone), cut.base) if cut else (org.zone, 0)


class Endpoint(OrgOwned):
    """An endpoint that has rollup rows of its own.

    Those above the number kept for an API are counted as `{other}`.
    """

    id = None
    pk = models.CompositePrimaryKey("org_id", "api_id", "endpoint")
    org = bulk_org()
    api_id = models.TextField()
    endpoint = models.TextField()
    first_seen = models.DateTimeField()

    class Meta(OrgOwned.Meta):
        db_table = "endpoint"
        default_permissions = ("view",)


class Uptime(OrgOwned):
    """The last look of gateways at whether an upstream of an API answers."""

    api_id = models.TextField()
    url = models.TextField()
    at = models.DateTimeField()
    is_up = models.BooleanField()
    # What it has found without a break.
    since = models.DateTimeField()
    status = models.SmallIntegerField()  # 0 if there was no answer
    latency = models.IntegerField()  # ms

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "api_id", "url"], name="uptime_once_a_target")]

    def __str__(self) -> str:
        return f"{self.url} of {self.api_id}"


class UptimeHour(OrgOwned):
    """What those looks have found in an hour (UTC). Rows add up; kept like the hours of traffic."""

    api_id = models.TextField()
    url = models.TextField()
    ts = models.DateTimeField()
    checks = models.BigIntegerField()
    failures = models.BigIntegerField()
    answered = models.BigIntegerField()
    latency_sum = models.BigIntegerField()  # ms, of the answered

    class Meta(OrgOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["org", "api_id", "url", "ts"], name="uptime_hour_once_a_target")
        ]
        indexes = [
            models.Index(fields=["org", "ts"], name="uptime_by_hour"),
            models.Index(fields=["ts"], name="uptime_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.url} of {self.api_id} at {self.ts}"


class Batch(models.Model):
    """The ledger: a run of a claimed list, `done` in the transaction that stored its records. Global."""

    no = models.BigIntegerField(primary_key=True)
    claim = models.TextField()
    pos = models.IntegerField()
    n = models.IntegerField()
    done = models.BooleanField(default=False)
    received_at = models.DateTimeField()
    first_ts = models.DateTimeField(null=True)
    last_ts = models.DateTimeField(null=True)
    rejected = models.IntegerField(default=0)

    class Meta:
        db_table = "batch"
        default_permissions = ()

    def __str__(self) -> str:
        return f"batch {self.no}"


class DeadLetter(models.Model):
    """An entry that could not be stored as a record, and why. Global: often nobody knows whose it is."""

    class Reason(models.TextChoices):
        UNDECODABLE = "undecodable"
        UNKNOWN_ORG = "unknown_org"
        TOO_OLD = "too_old"
        DATABASE = "database"

    id = models.BigIntegerField(primary_key=True)  # as the record's would have been
    reason = models.TextField(choices=Reason.choices)
    detail = models.TextField()
    org_ref = models.TextField()  # what the record called its organisation
    received_at = models.DateTimeField()
    # The cleaned row for `analytics retry`. None for the undecodable: raw bytes may hold a token.
    payload = models.BinaryField(null=True)

    class Meta:
        db_table = "dead_letter"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class IngestState(models.Model):
    """How far the ingest is: one row, which every page may read, hence without anything of a single
    organisation.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    up_to = models.DateTimeField(null=True)  # everything stamped before is stored
    checked_at = models.DateTimeField(null=True)  # when the gateways' lists were last read
    received_at = models.DateTimeField(null=True)  # when they last held anything
    waiting = models.BigIntegerField(default=0)  # records in lists and claims
    alarms = models.JSONField(default=dict)  # {name: {"text": …, "seen": ISO time}}
    counters = models.JSONField(default=dict)  # {reason: records counted but not stored}
    # Of the clock (trust.py): until when it was believed, since when without a break, whether an operator has
    # vouched for it since, and why it is not believed now ("" if it is).
    witnessed_at = models.DateTimeField(null=True)
    steady_since = models.DateTimeField(null=True)
    vouched = models.BooleanField(default=False)
    doubt = models.TextField(default="")
    # Since when endpoints are folded by today's rule (endpoint.py), where earlier ones were by another.
    folded_since = models.DateTimeField(null=True)
    # {kind: days} that deletion goes by (upkeep/periods.py).
    periods = models.JSONField(default=dict)

    class Meta:
        db_table = "ingest_state"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"complete to {self.up_to}"

    def lag(self, now: datetime) -> timedelta | None:
        """How far the stored traffic is behind `now`; None before the first look at the lists."""
        return None if self.up_to is None else max(now - self.up_to, timedelta(0))


class Rebuild(models.Model):
    """A run in which rollups are made again (rebuilding.py): what was asked for, and how far it is. Global."""

    slug = models.TextField()  # of one organisation, "" for all
    asked_first = models.DateField(null=True)
    asked_last = models.DateField(null=True)
    first = models.DateField()
    last = models.DateField()
    began_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The organisation and its day that were done last; they come in this order.
    org = models.CharField(max_length=24, default="")
    day = models.DateField(null=True)
    days = models.IntegerField(default=0)
    left = models.IntegerField(null=True)
    hits = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"rebuild of {self.slug or 'all'} from {self.first} to {self.last}"


class Recount(OrgOwned):
    """Days whose figures somebody has asked on a page to be made again, and how far that is (recounting.py)."""

    first = models.DateField()
    last = models.DateField()
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True)  # when a day of it was begun last
    ended_at = models.DateTimeField(null=True)
    day = models.DateField(null=True)  # that was done last
    days = models.IntegerField(default=0)
    left = models.IntegerField(null=True)
    hits = models.BigIntegerField(default=0)

    class Meta(OrgOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["org"], condition=models.Q(ended_at=None), name="recount_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"
