"""Django's admin, for super-users: the product's functions behind every write, nothing secret."""

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.shortcuts import redirect

from orgs import rights
from orgs.audit.changes import Stale
from orgs.http.forms import SeenForm
from orgs.http.refusals import add_errors
from orgs.models import AuditEntry, Organisation, PlatformAuditEntry, User
from orgs.organisations import forms as organisations
from orgs.organisations import lifecycle
from orgs.organisations.limits import LIMITS
from orgs.people import accounts
from orgs.people import forms as people
from orgs.refusals import NotAllowed
from orgs.signing_in import form_tokens

admin.site.site_header = admin.site.site_title = "Gatehouse"
admin.site.index_title = "Every organisation"
admin.site.unregister(Group)

# What Django's filters put into the address after a field's name.
_FILTERS = ("", "__exact", "__isnull", "__isempty", "__id__exact", "__gte", "__lt")


class LookingAdmin(admin.ModelAdmin):
    """Rows are found by the filters that a list shows, by nothing else that an address could name: otherwise a
    password's hash could be guessed letter by letter."""

    def lookup_allowed(self, lookup, value, request):
        filters = [each if isinstance(each, str) else each[0] for each in self.get_list_filter(request)]
        allowed = {f"{name}{how}" for name in filters for how in _FILTERS}
        return lookup in allowed | {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}


class ReadOnlyAdmin(LookingAdmin):
    """To look at: what is changed elsewhere, or never."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


class ChangingAdmin(LookingAdmin):
    """Written through the functions behind the pages; what they refuse is said above the form, which keeps what was
    typed."""

    def has_delete_permission(self, request, obj=None):
        # Withdrawing all that gateways serve is done where the product shows what it means.
        return False

    def changeform_view(self, request, *args, **kwargs):
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (ValidationError, NotAllowed, Stale) as refusal:
            request.refusal = refusal
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request, obj=None, **kwargs):
        form = super().get_form(request, obj, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form


class RefusableForm(SeenForm, forms.ModelForm):
    refusal: Exception | None = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["seen"] = self.instance.change_number

    def clean(self):
        cleaned = super().clean()
        if isinstance(self.refusal, ValidationError):
            add_errors(self, self.refusal)
        elif isinstance(self.refusal, Stale):
            self.add_error(None, f"{self.refusal}: reload the page and look again.")
        elif self.refusal is not None:
            self.add_error(None, str(self.refusal))
        return cleaned


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "org", "actor_email", "as_super_user", "action", "label")
    list_select_related = ("org",)
    list_filter = ("as_super_user", "kind")
    search_fields = ("actor_email", "action", "label", "object_id")
    date_hierarchy = "at"


@admin.register(PlatformAuditEntry)
class PlatformAuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor_email", "action", "label")
    search_fields = ("actor_email", "action", "label", "object_id")


class OrganisationForm(organisations.OrganisationForm, RefusableForm):
    sent_once = forms.CharField(
        required=False,
        initial=lambda: form_tokens.of({}),
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = Organisation
        fields = ("owner_name", "slug", "time_zone", "cname", "cname_enabled", "enabled", *LIMITS)


@admin.register(Organisation)
class OrganisationAdmin(ChangingAdmin):
    form = OrganisationForm
    list_display = ("owner_name", "slug", "id", "time_zone", "enabled", "created_at")
    search_fields = ("owner_name", "slug", "id")

    def get_queryset(self, request):
        return super().get_queryset(request).present()

    def get_fields(self, request, obj=None):
        return (*OrganisationForm.Meta.fields, "sent_once" if obj is None else "seen")

    def changeform_view(self, request, *args, **kwargs):
        try:
            return super().changeform_view(request, *args, **kwargs)
        except lifecycle.AlreadyMade as already:
            messages.info(request, f"{already.organisation.owner_name} is created already.")
            return redirect("admin:orgs_organisation_change", already.organisation.pk)

    def save_model(self, request, obj, form, change):
        values = form.values()
        form_token = form_tokens.of({"form_token": values.pop("sent_once", "")})
        if change:
            now = Organisation.everyone.get(pk=obj.pk)
            lifecycle.change(now, actor=request.user, expected=form.expected(obj), **values)
        else:
            lifecycle.create(id=obj.pk, actor=request.user, form_token=form_token, **values)


class UserFields(RefusableForm):
    def _post_clean(self):
        # Add the super-user before the model is validated: its constraints tie the two together.
        self.instance.is_superuser = self.instance.org_id is None
        super()._post_clean()


class UserAddForm(people.PersonForm, UserFields):
    password = people.PasswordField(
        required=False,
        help_text="Left empty, the person cannot sign in with one.",
        autocomplete="new-password",
    )

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name")


class UserChangeForm(people.PersonChangeForm, UserFields):
    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "is_active", "permissions")

    def clean_permissions(self):
        granted = self.cleaned_data["permissions"] or {}
        wrong = rights.problems(granted)
        if wrong:
            raise forms.ValidationError(wrong)
        return granted


@admin.register(User)
class UserAdmin(ChangingAdmin):
    """Adding makes a super-user, as wherever a super-user adds somebody: there is no organisation to choose."""

    form = UserChangeForm
    list_display = ("email", "org", "is_superuser", "is_active", "last_login")
    list_select_related = ("org",)
    list_filter = ("is_superuser", "is_active")
    search_fields = ("email", "first_name", "last_name", "id")
    readonly_fields = ("org", "last_login")

    def get_form(self, request, obj=None, **kwargs):
        return super().get_form(request, obj, **({"form": UserAddForm} if obj is None else {}), **kwargs)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("email", "first_name", "last_name", "password")
        return ("org", "email", "first_name", "last_name", "is_active", "permissions", "last_login", "seen")

    def save_model(self, request, obj, form, change):
        values = {name: value for name, value in form.values().items() if name in form.changed_data}
        if change:
            now = User.everyone.get(pk=obj.pk)
            accounts.change_user(now, actor=request.user, expected=form.expected(obj), **values)
            return
        password = values.pop("password", None)
        user, _ = accounts.create_user(org=None, password=password, actor=request.user, **values)
        obj.pk = user.pk
