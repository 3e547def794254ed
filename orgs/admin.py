"""Django's admin, for super-users: the product's functions behind every write, nothing secret."""

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password

from orgs import people, permissions
from orgs.limits import LIMITS
from orgs.models import AuditEntry, Organisation, PlatformAuditEntry, User, zone_names

admin.site.site_header = admin.site.site_title = "Gatehouse"
admin.site.index_title = "Every organisation"
admin.site.unregister(Group)


class ReadOnlyAdmin(admin.ModelAdmin):
    """To look at: what is changed elsewhere, or never."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


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


class OrganisationForm(forms.ModelForm):
    time_zone = forms.ChoiceField(choices=lambda: [(name, name) for name in zone_names()], initial="UTC")
    slug = forms.SlugField(
        max_length=60, required=False, help_text="Part of URLs; made of the name if left out."
    )

    class Meta:
        model = Organisation
        fields = ("owner_name", "slug", "time_zone", "cname", "cname_enabled", "enabled", *LIMITS)


@admin.register(Organisation)
class OrganisationAdmin(admin.ModelAdmin):
    form = OrganisationForm
    list_display = ("owner_name", "slug", "id", "time_zone", "enabled", "created_at")
    search_fields = ("owner_name", "slug", "id")

    def get_queryset(self, request):
        return super().get_queryset(request).present()

    def has_delete_permission(self, request, obj=None):
        # Withdrawing all that gateways serve is done where the product shows what it means.
        return False

    def save_model(self, request, obj, form, change):
        facts = dict(form.cleaned_data)
        if change:
            people.change_organisation(Organisation.everyone.get(pk=obj.pk), **facts)
        else:
            people.create_organisation(id=obj.pk, **facts)


class UserForm(forms.ModelForm):
    password = forms.CharField(
        widget=forms.PasswordInput,
        required=False,
        help_text="Left empty, the person cannot sign in with one.",
    )

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "is_active", "permissions")

    def clean_email(self):
        return self.cleaned_data["email"].lower()

    def clean_permissions(self):
        granted = self.cleaned_data["permissions"] or {}
        wrong = permissions.problems(granted)
        if wrong:
            raise forms.ValidationError(wrong)
        return granted

    def clean_password(self):
        if self.cleaned_data["password"]:
            validate_password(self.cleaned_data["password"], self.instance)
        return self.cleaned_data["password"]

    def _post_clean(self):
        # Add the super-user before the model is validated: its constraints tie the two together.
        self.instance.is_superuser = self.instance.org_id is None
        super()._post_clean()
        if self.instance.pk and not self.instance._state.adding and not self.errors:
            try:
                people.someone_stays(self.instance)
            except people.NotAllowed as error:
                self.add_error(None, str(error))


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """Adding makes a super-user, as wherever a super-user adds somebody: there is no organisation to choose."""

    form = UserForm
    list_display = ("email", "org", "is_superuser", "is_active", "last_login")
    list_select_related = ("org",)
    list_filter = ("is_superuser", "is_active")
    search_fields = ("email", "first_name", "last_name", "id")
    readonly_fields = ("org", "last_login")

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("email", "first_name", "last_name", "password")
        return ("org", "email", "first_name", "last_name", "is_active", "permissions", "last_login")

    def has_delete_permission(self, request, obj=None):
        return False

    def save_model(self, request, obj, form, change):
        facts = {name: form.cleaned_data[name] for name in form.changed_data}
        if change:
            people.change_user(User.everyone.get(pk=obj.pk), actor=request.user, **facts)
            return
        password = facts.pop("password", None)
        user, _ = people.create_user(org=None, password=password, actor=request.user, **facts)
        obj.pk = user.pk
