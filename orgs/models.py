"""Organisations, the people in them, and what was done. Every other tenant model stands on `OrgOwned`."""

import zoneinfo

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from orgs import rights, scope
from orgs.email_address import LONGEST, validate_address
from orgs.ids import new_id
from orgs.managers import ScopedManager
from orgs.organisations import retention
from orgs.organisations.limits import LIMITS
from orgs.signing_in import passwords


def zone_names() -> list[str]:
    """Every time zone an organisation may choose, sorted.

    None of the old names such as CET or EST: PostgreSQL reads them as abbreviations with a fixed offset, so days would
    be cut differently in the database than on a page.
    """
    return sorted(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")


class HexIdField(models.CharField):
    """A primary key of 24 hexadecimal digits, made on creation."""

    def __init__(self, **kwargs):
        super().__init__(
            **{"max_length": 24, "default": new_id, "editable": False, "primary_key": True, **kwargs}
        )


def check_kept_days(own: object) -> None:
    """Raises ValidationError for what are no periods of an organisation's own."""
    if found := retention.problems(own):
        raise ValidationError([f"{kind}: {text}" if kind else text for kind, text in found.items()])


def _limit(name: str) -> models.PositiveIntegerField:
    return models.PositiveIntegerField(f"most {LIMITS[name].what}", default=LIMITS[name].default)


class OrganisationQuerySet(models.QuerySet):
    def present(self):
        """Those not deleted: a deleted one stays as a row, because the audit log and the analytics speak of it."""
        return self.filter(deleted_at=None)


class Organisation(models.Model):
    """Who owns APIs, keys and people. Global: it is what a scope is made of."""

    id = HexIdField()
    owner_name = models.CharField("name", max_length=200)
    slug = models.SlugField(max_length=60, unique=True)
    cname = models.CharField("custom domain", max_length=253, blank=True)
    cname_enabled = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    # Members of Tyk's organisation object which nothing here acts on, given back as they came.
    extra = models.JSONField(default=dict, blank=True)
    max_apis = _limit("max_apis")
    max_definition_bytes = _limit("max_definition_bytes")
    max_definitions_bytes = _limit("max_definitions_bytes")
    max_keys = _limit("max_keys")
    max_people = _limit("max_people")
    max_policies = _limit("max_policies")
    max_policies_bytes = _limit("max_policies_bytes")
    # Whoever knows the id of a key has the key, and short ones are guessed.
    min_key_id_length = models.PositiveSmallIntegerField(
        "shortest key id that one may choose",
        default=16,
        validators=[MinValueValidator(4), MaxValueValidator(100)],
    )
    # Days that records and figures are kept, by kind, where that is shorter than the installation keeps them, and the
    # days before which they have been deleted (orgs.organisations.retention).
    kept_days = models.JSONField(default=dict, blank=True, editable=False, validators=[check_kept_days])
    gone_before = models.JSONField(default=dict, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    # Counted up by each change (orgs.organisations.lifecycle): who changes it says which state he saw.
    change_number = models.PositiveIntegerField(default=1, editable=False)
    # The form it was made with: sent twice, a form makes one organisation.
    form_token = models.CharField(max_length=32, unique=True, null=True, editable=False)  # noqa: DJ001  null is none

    # The base manager: foreign keys to an organisation are followed before any scope is entered.
    everyone = OrganisationQuerySet.as_manager()
    objects = ScopedManager("id")

    class Meta:
        base_manager_name = "everyone"
        default_manager_name = "everyone"
        ordering = ["owner_name", "id"]
        constraints = [
            models.CheckConstraint(
                name="slug_is_lower_case", condition=Q(slug=models.functions.Lower("slug"))
            )
        ]

    def __str__(self) -> str:
        return self.owner_name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def retention(self) -> retention.Retention:
        return retention.Retention(self.kept_days, self.gone_before)


class User(AbstractBaseUser):
    """A person. Without an organisation a super-user, and nothing else is one."""

    id = HexIdField()
    email = models.CharField("e-mail address", max_length=LONGEST, validators=[validate_address])
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    org = models.ForeignKey(Organisation, models.CASCADE, null=True, blank=True, related_name="users")
    is_superuser = models.BooleanField(default=False, editable=False)
    is_active = models.BooleanField("active", default=True)
    # The address whose salt the password was hashed with: another than `email` from a change of it to the next sign-in.
    password_email = models.CharField(max_length=LONGEST, blank=True, db_default="", editable=False)
    # Tyk's names and levels; empty means no rights at all (orgs.rights).
    permissions = models.JSONField(default=dict, blank=True)
    # A keyed hash (orgs.signing_in.credentials); the key itself is shown once and not kept.
    access_key_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001  null is no key
    # Counted up to end every session of the person at once.
    session_round = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Counted up by each change (orgs.people.accounts): who changes it says which state he saw.
    change_number = models.PositiveIntegerField(default=1, editable=False)

    # Of every organisation, for signing in; pages use the scoped `objects`.
    everyone = models.Manager()
    objects = ScopedManager()

    USERNAME_FIELD = "email"

    class Meta:
        base_manager_name = "everyone"
        default_manager_name = "everyone"
        ordering = ["email", "id"]
        constraints = [
            models.CheckConstraint(
                name="super_user_iff_no_org",
                condition=Q(is_superuser=True, org=None) | Q(is_superuser=False, org__isnull=False),
            ),
            models.UniqueConstraint(fields=["org", "email"], name="one_account_an_organisation"),
            models.UniqueConstraint(
                fields=["email"], condition=Q(org=None), name="one_super_user_an_address"
            ),
            models.CheckConstraint(
                name="email_is_lower_case", condition=Q(email=models.functions.Lower("email"))
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, **kwargs):
        self.is_superuser = self.org_id is None
        super().save(**kwargs)

    @classmethod
    def salt_of(cls, address: str) -> str:
        """The salt of every password of an address: the one that its oldest account has, so that accounts made by an
        earlier version or under an earlier secret key cost no hash more than an address which nobody has.

        Accounts moved to the address do not count: whoever can move one could else ask whether there is an older one.
        """
        with scope.nobody():  # of whatever organisation
            native = cls.everyone.filter(email=address, password_email=address)
            stored = native.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).order_by(
                "created_at", "id"
            )
            oldest = stored.values_list("password", flat=True).first()
        return (oldest and passwords.salt_in(oldest)) or passwords.salt_of_nobody(address)

    def set_password(self, raw_password: str | None) -> None:
        """Hash a password, or make it so that none opens the account. To be saved: password, password_email."""
        self.password = passwords.hashed(raw_password, self.salt_of(self.email))
        self.password_email = self.email

    def check_password(self, raw_password: str) -> bool:
        return passwords.matches(raw_password, self.password)

    def _get_session_auth_hash(self, secret=None):
        # Django compares it with each request; besides the password it follows the round.
        return salted_hmac(
            "orgs.models.User.session",
            f"{self.password}:{self.session_round}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def may(self, permission: str, level: str = "read") -> bool:
        """Whether this person may `level` ("read" or "write") on what Tyk calls `permission`; "" asks for nothing.

        Raises ValueError for a name that is no permission.
        """
        allowed = not permission or rights.allows(rights.effective(self), permission, level)
        return self.is_active and allowed

    @property
    def is_administrator(self) -> bool:
        return not self.is_superuser and rights.effective(self).get("IsAdmin") == "admin"

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email

    # What Django's own admin asks of a user.
    @property
    def is_staff(self) -> bool:
        return self.is_superuser and self.is_active

    def has_perm(self, perm, obj=None) -> bool:
        return self.is_staff

    def has_perms(self, perm_list, obj=None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label) -> bool:
        return self.is_staff


class OrgOwned(models.Model):
    """A row of exactly one organisation. The database adds: key (org_id, id), row-level security, composite keys."""

    id = HexIdField()
    org = models.ForeignKey(
        Organisation,
        models.CASCADE,
        default=scope.org_id_or_none,
        editable=False,
        related_name="+",
        db_index=False,  # it leads the primary key
    )

    objects = ScopedManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
        default_manager_name = "objects"


class OrgForeignKey(models.ForeignKey):
    """A foreign key between two tenant tables, joined on the organisation too, as the database constrains it."""

    def get_extra_restriction(self, alias, related_alias):
        own = self.model._meta.get_field("org").get_col(alias)
        related = self.related_model._meta.get_field("org").get_col(related_alias)
        lookup = own.output_field.get_lookup("exact")
        return lookup(own, related)


class AuditFacts(models.Model):
    """What was done, by whom, to what. Written in the transaction of the change; never changed or deleted."""

    at = models.DateTimeField(default=timezone.now)
    # Names are copied, not referenced: a record outlives the person and the thing.
    actor_id = models.CharField(max_length=24, blank=True)
    actor_email = models.CharField(max_length=254)
    as_super_user = models.BooleanField(default=False)
    action = models.CharField(max_length=60)
    kind = models.CharField(max_length=30)
    object_id = models.CharField(max_length=255)
    label = models.CharField(max_length=255, blank=True)
    # {member: [before, after]}
    changes = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=32, blank=True)

    class Meta:
        abstract = True


class AuditEntry(AuditFacts, OrgOwned):
    """One change inside an organisation. Outlives it, hence no constraint."""

    org = models.ForeignKey(
        Organisation, models.DO_NOTHING, db_constraint=False, db_index=False, editable=False, related_name="+"
    )

    class Meta(OrgOwned.Meta):
        default_permissions = ("add", "view")
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["org", "-at", "-id"], name="audit_newest_first"),
            # What was done to one thing (keys.history).
            models.Index(fields=["org", "object_id", "-at", "-id"], name="audit_of_one_object"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.label}"


class PlatformAuditEntry(AuditFacts):
    """One change that belongs to no organisation: super-users, sign-ins of super-users. Read by super-users only."""

    id = HexIdField()

    class Meta:
        default_permissions = ("add", "view")
        verbose_name_plural = "platform audit entries"
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.label}"


class SignInFailure(models.Model):
    """A failed sign-in, kept for as long as it counts (orgs.signing_in.throttle). Global: nobody is known yet."""

    at = models.DateTimeField(default=timezone.now)
    # Keyed hashes: neither the address tried nor the caller's is kept in clear.
    account = models.CharField(max_length=64)
    address = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["account", "at"]), models.Index(fields=["address", "at"])]

    def __str__(self) -> str:
        return f"failed at {self.at}"


class KnownAddress(models.Model):
    """Where an account has signed in from (orgs.signing_in.throttle). Global, like the failures."""

    at = models.DateTimeField(default=timezone.now)
    # Keyed hashes, as there.
    account = models.CharField(max_length=64)
    address = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "address"], name="one_row_a_known_address")]
        indexes = [models.Index(fields=["at"])]
        verbose_name_plural = "known addresses"

    def __str__(self) -> str:
        return f"known since {self.at}"
