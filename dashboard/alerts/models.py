"""Alerts: what is watched, what was found, and what is to be sent of it."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apis.models import ApiDefinition
from dashboard.alerts import kinds
from orgs.models import OrgForeignKey, OrgOwned
from orgs.sealing import SealedField

STATES = [("ok", "calm"), ("firing", "firing"), ("unknown", "not known")]
TOLD = [("began", "began"), ("ended", "ended"), ("test", "test")]
CHANNELS = [("mail", "mail"), ("webhook", "webhook")]


class Rule(OrgOwned):
    """One thing that is watched. Written by dashboard.alerts.lifecycle, its state by dashboard.alerts.evaluation."""

    name = models.CharField(max_length=200)
    # Both stay as they are: what was found is of them.
    kind = models.CharField(max_length=20)
    # Ends with the API (dashboard.alerts.lifecycle.follow), never silently. None: all that the organisation has.
    api = OrgForeignKey(ApiDefinition, models.PROTECT, null=True, related_name="+")
    threshold = models.FloatField(null=True)
    window = models.PositiveIntegerField(default=10)  # minutes
    least = models.PositiveIntegerField(default=20)  # requests; fewer say nothing of a share
    quiet = models.PositiveIntegerField(default=60)  # minutes
    enabled = models.BooleanField(default=True)

    mails = models.JSONField(default=list)
    # Those of them that are no member's, which an administrator has allowed.
    outside = models.JSONField(default=list)
    webhook = models.CharField(max_length=2_000, blank=True)
    # What webhooks are signed with; shown once.
    sealed_secret = SealedField()

    state = models.CharField(max_length=10, choices=STATES, default="unknown")
    value = models.FloatField(null=True)  # what the last look found, in the unit of the kind
    note = models.CharField(max_length=300, blank=True)
    more = models.PositiveIntegerField(
        default=0
    )  # things that are bad besides those with an incident of their own
    # What a later look counts anew (dashboard.alerts.looking.lateness).
    counted = models.JSONField(default=list)
    looked_at = models.DateTimeField(null=True)
    # Up to when the traffic is known that the last look looked at.
    looked_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    tested_at = models.DateTimeField(null=True)

    # The form it was made with: sent twice, a form makes one alert.
    form_token = models.CharField(max_length=32, null=True, editable=False)  # noqa: DJ001  unique where there is one
    change_number = models.PositiveIntegerField(default=1)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(OrgOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["org", "form_token"], name="alert_once_a_form")]
        indexes = [
            models.Index(fields=["org", "name", "id"], name="alert_by_name"),
            # Whose are due is asked over all organisations.
            models.Index(fields=["due_at"], condition=Q(enabled=True), name="alert_due"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def of(self) -> kinds.Kind:
        return kinds.KINDS[self.kind]

    @property
    def about(self) -> str:
        """What is watched: an API, or all that the organisation has of something."""
        if self.of.of_traffic:
            return self.api.name if self.api else "all APIs"
        return "all keys" if self.kind == "quota" else "all certificates"

    @property
    def condition(self) -> str:
        return kinds.condition(self.of, self.threshold, self.window, self.least)

    @property
    def said(self) -> str:
        return "" if self.value is None else kinds.said(self.of, self.value)

    @property
    def quiet_period(self) -> timedelta:
        return timedelta(minutes=self.quiet)


class Incident(OrgOwned):
    """A time in which something that a rule watches was bad."""

    rule = OrgForeignKey(Rule, models.CASCADE, related_name="incidents")
    # What was: the id of a key or a certificate, "" for what the rule itself is about; and what it was called.
    subject = models.CharField(max_length=24, blank=True)
    label = models.CharField(max_length=300, blank=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    first = models.FloatField()
    worst = models.FloatField()
    # When whoever is to hear of it was told, None as long as the quiet period holds it.
    told_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=254, blank=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta(OrgOwned.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["org", "rule", "subject"], condition=Q(ended_at=None), name="incident_goes_on_once"
            )
        ]
        indexes = [
            models.Index(fields=["org", "rule", "-began_at", "-id"], name="incident_newest_first"),
            models.Index(fields=["org", "began_at"], name="incident_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.began_at}".strip()

    @property
    def worst_said(self) -> str:
        return kinds.said(self.rule.of, self.worst)


class Message(OrgOwned):
    """One thing to be told to one receiver (dashboard.alerts.sending)."""

    rule = OrgForeignKey(Rule, models.CASCADE, related_name="messages")
    told = models.CharField(max_length=10, choices=TOLD)
    channel = models.CharField(max_length=10, choices=CHANNELS)
    address = models.CharField(max_length=254, blank=True)  # of a mail
    facts = models.JSONField()  # dashboard.alerts.sending.outbox.facts
    # Mails that went out together, from the first attempt on.
    digest = models.CharField(max_length=24, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    # Until then it is somebody's who sends it.
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    class Meta(OrgOwned.Meta):
        indexes = [
            models.Index(
                fields=["org", "due_at", "id"],
                condition=Q(done_at=None, given_up_at=None),
                name="message_by_turn",
            ),
            models.Index(fields=["org", "rule", "-created_at", "-id"], name="message_newest_first"),
            models.Index(fields=["created_at"], name="message_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.told}"
