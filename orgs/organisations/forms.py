"""What is typed about an organisation. The rules behind every door are in orgs.organisations.lifecycle."""

from functools import partial

from django import forms
from django.db.models import Q, QuerySet

from orgs.http.forms import SeenForm, field_of
from orgs.models import Organisation, zone_names
from orgs.organisations.limits import LIMITS

_field = partial(field_of, Organisation)
SHORTEST_ID = "min_key_id_length"
_limit = partial(_field, required=False, max_value=2**31 - 1)


class OrganisationForm(forms.Form):
    owner_name = _field("owner_name")
    slug = _field(
        "slug",
        required=False,
        help_text="Part of the address of all its pages. Left empty it is made from the name.",
    )
    time_zone = forms.ChoiceField(
        choices=lambda: [(name, name) for name in zone_names()],
        initial="UTC",
        help_text="Days and hours on the organisation's pages are counted in it.",
    )
    cname = _field("cname")
    cname_enabled = _field("cname_enabled", label="Use the custom domain")
    enabled = _field("enabled", help_text="While an organisation is disabled nobody in it can sign in.")
    max_apis = _limit("max_apis")
    max_definition_bytes = _limit("max_definition_bytes")
    max_definitions_bytes = _limit("max_definitions_bytes")
    max_keys = _limit("max_keys")
    max_policies = _limit("max_policies")
    max_policies_bytes = _limit("max_policies_bytes")
    max_people = _limit("max_people")
    min_key_id_length = _field("min_key_id_length", required=False)

    def clean_slug(self) -> str:
        return self.cleaned_data["slug"].lower()

    def clean(self):
        """A limit left out stays as it is."""
        cleaned = super().clean()
        return {
            name: value
            for name, value in cleaned.items()
            if name not in (*LIMITS, SHORTEST_ID) or value is not None
        }

    def limits(self):
        return [self[name] for name in (*LIMITS, SHORTEST_ID)]


SORTS = {
    "name": ("owner_name", "id"),
    "-name": ("-owner_name", "-id"),
    "created": ("created_at", "id"),
    "-created": ("-created_at", "-id"),
}


class OrganisationListForm(forms.Form):
    """q: part of the name or the slug, or the id."""

    q = forms.CharField(required=False, max_length=200)
    sort = forms.ChoiceField(required=False, choices=[(name, name) for name in SORTS])

    def found(self, organisations: QuerySet[Organisation]) -> QuerySet[Organisation]:
        """Those that a valid form asks for."""
        text = self.cleaned_data["q"]
        if not text:
            return organisations
        return organisations.filter(Q(owner_name__icontains=text) | Q(slug__icontains=text) | Q(pk=text))

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that a valid form sorts by (orgs.http.paging)."""
        return SORTS[self.cleaned_data["sort"] or "name"]


class OrganisationChangeForm(OrganisationForm, SeenForm):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fields["slug"].help_text = "Part of the address of all its pages. Left empty it stays as it is."
