"""How the holder of a new key signs in, as a page asks for it; and a new secret for a key."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.timezone import localtime

from keys.certificates.pem import LARGEST, PemError
from keys.credentials import members, sealed
from keys.credentials.naming import TAKEN, CertificateTaken, IdTaken
from keys.keys.forms import SeenKeyForm
from keys.keys.parameters import SessionError
from keys.models import Certificate

WAYS = [
    ("token", "A token that is made for it"),
    ("id", "An id that you choose, in place of a token"),
    ("basic", "A user name and a password"),
    ("hmac", "A token, and each request signed with a secret (HMAC)"),
    ("jwt", "JSON Web Tokens that it signs itself"),
    ("certificate", "A client certificate (mutual TLS)"),
]
# The secret of a kind of key, by name (keys.credentials.sealed.changed).
SECRET_OF = {"basic": "password", "hmac": "hmac_string", "jwt": "jwt_secret"}


class Unechoed(forms.TextInput):
    """What is typed is not given back, not even beside an error."""

    def __init__(self):
        super().__init__(attrs={"autocomplete": "off", "spellcheck": "false"})

    def format_value(self, value: Any) -> None:
        return None


class UnechoedLines(forms.Textarea):
    def __init__(self):
        super().__init__(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"})

    def format_value(self, value: Any) -> None:
        return None


@dataclass(frozen=True)
class SigningIn:
    """key_id: an id that somebody chose, or a user's name. secrets: in clear, by name; `made`: those of them that
    nobody typed. extra: further members of the session."""

    key_id: str = ""
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    made: dict[str, str] = field(default_factory=dict, repr=False)
    extra: dict[str, Any] = field(default_factory=dict)
    # A certificate that is not uploaded yet.
    pem: str = ""
    # Of the user or of the certificate: what a key is called to which nobody gives a name.
    name: str = ""


class SignInForm(forms.Form):
    way = forms.ChoiceField(choices=WAYS, widget=forms.RadioSelect, required=False)
    key_id = forms.CharField(
        label="Its id",
        required=False,
        widget=Unechoed,
        help_text="16 characters or more, unless the organisation allows fewer. Whoever knows it has the key.",
    )
    user_name = forms.CharField(
        label="User name",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="One of its kind on this whole installation, so an e-mail address does well.",
    )
    password = forms.CharField(
        required=False, strip=False, widget=Unechoed, help_text="Empty: one is made and shown once."
    )
    hmac_string = forms.CharField(
        label="Signing secret",
        required=False,
        strip=False,
        widget=Unechoed,
        help_text="Empty: one is made and shown once.",
    )
    jwt_secret = forms.CharField(
        label="Secret, or public key as PEM",
        required=False,
        strip=False,
        widget=UnechoedLines,
        help_text="Of the signing method of the APIs: a secret for HMAC, else the public key. Empty: a secret is made "
        "and shown once.",
    )
    certificate = forms.ChoiceField(label="Certificate of this organisation", required=False)
    certificate_pem = forms.CharField(
        label="Or a new one, as PEM",
        required=False,
        strip=False,
        max_length=LARGEST,
        widget=UnechoedLines,
        help_text="Without its private key, which stays with its holder.",
    )
    NEEDS = {
        "id": ("key_id",),
        "basic": ("user_name", "password"),
        "hmac": ("hmac_string",),
        "jwt": ("jwt_secret",),
        "certificate": ("certificate", "certificate_pem"),
    }

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        typed: QueryDict | None = None,
        certificates: Collection[Certificate] | None = None,
        uploads: bool = False,
    ):
        """typed: what stands in the fields of a page that was sent to search and not to save. certificates: those that
        are offered, None to whoever may see none; uploads: whether he may upload one."""
        super().__init__(data, initial=typed.dict() if typed else {"way": "token"})
        self.names = {each.served_id: str(each)[:200] for each in certificates or ()}
        if certificates is None:
            self.fields["way"].choices = [way for way in WAYS if way[0] != "certificate"]
        self.fields["certificate"].choices = [
            ("", "None of these"),
            *((each.served_id, _named(each)) for each in certificates or ()),
        ]
        if not uploads:
            del self.fields["certificate_pem"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        way = cleaned.get("way") or "token"
        for other, names in self.NEEDS.items():
            for name in names:
                if other != way and cleaned.get(name):
                    self.add_error(name, f"Choose “{dict(WAYS)[other]}”, or leave this empty.")
        if way == "certificate" and not self.errors:
            given = [name for name in self.NEEDS[way] if cleaned.get(name)]
            if len(given) != 1:
                self.add_error("certificate", "Choose one." if not given else "Choose one, or paste another.")
        for name in ("key_id", "user_name"):
            if name in self.NEEDS.get(way, ()) and not cleaned.get(name) and name not in self.errors:
                self.add_error(name, "This is needed.")
        secret = SECRET_OF.get(way, "")
        if cleaned.get(secret) and (fault := members.fault_of(secret, cleaned[secret])):
            self.add_error(secret, fault)
        return cleaned

    def signing_in(self) -> SigningIn:
        """What a valid form asks for."""
        values = self.cleaned_data
        way = values.get("way") or "token"
        if way == "certificate":
            id, pem = values["certificate"], values.get("certificate_pem", "")
            return SigningIn(extra={"certificate": id} if id else {}, pem=pem, name=self.names.get(id, ""))
        if way not in SECRET_OF:
            return SigningIn(key_id=values["key_id"])
        made = {} if values[SECRET_OF[way]] else {SECRET_OF[way]: members.made(SECRET_OF[way])}
        given = {SECRET_OF[way]: values[SECRET_OF[way]]} | made
        if way == "basic":
            given[sealed.USER_NAME] = values["user_name"]
        extra = {"hmac_enabled": True} if way == "hmac" else {}
        return SigningIn(values["user_name"], given, made, extra, name=values["user_name"])

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Put what is refused in here of its fields beside them; it is not valid then. Others pass."""
        try:
            yield
        except IdTaken as taken:
            self.add_error(taken.field, TAKEN)
        except CertificateTaken as error:
            self.add_error("certificate", str(error))
        except PemError as error:
            self.add_error("certificate_pem", error.message)
        except SessionError as error:
            if error.field not in self.fields:
                raise
            self.add_error(error.field, error.message)

    def is_open(self) -> bool:
        """Whether anything else than a made token is asked for."""
        return (self["way"].value() or "token") != "token" or bool(self.errors)


def _named(certificate: Certificate) -> str:
    ends = localtime(certificate.not_after)
    return f"{certificate}, until {ends.day} {ends:%b %Y}, {certificate.fingerprint[:16]}…"


class NewSecretForm(SeenKeyForm):
    secret = forms.CharField(
        required=False, strip=False, widget=UnechoedLines, help_text="Empty: one is made and shown once."
    )

    def __init__(self, *arguments, credential: str, **options):
        super().__init__(*arguments, **options)
        self.name = SECRET_OF[credential]
        shown = SignInForm.base_fields[self.name]
        self.fields["secret"].label = f"New {shown.label or 'password'}".replace("Secret", "secret")
        self.fields["secret"].widget = shown.widget

    def clean_secret(self) -> str:
        value = self.cleaned_data["secret"]
        if value and (fault := members.fault_of(self.name, value)):
            raise ValidationError(fault)
        return value

    def signing_in(self) -> SigningIn:
        value = self.cleaned_data["secret"]
        made = {} if value else {self.name: members.made(self.name)}
        return SigningIn(secrets={self.name: value} | made, made=made)
