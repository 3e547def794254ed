"""Pages of an organisation's certificates: the list, the upload, one of them with who needs it, its deletion."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.gzip import gzip_page

from keys.certificates import lifecycle, uses
from keys.certificates.ending import SOON
from keys.certificates.forms import NEWEST_FIRST, ListForm, UploadForm
from keys.certificates.refusals import Deleted, InUse, Taken
from keys.models import Certificate
from orgs.access import access
from orgs.http import paging
from orgs.http.refusals import bad_form, said_in, status_of
from orgs.http.tables import Column, heads
from orgs.ids import is_id
from orgs.refusals import LimitReached

SHOWN_KEYS = 20  # of those that name a certificate
COLUMNS = (
    Column("Certificate", "third", "name"),
    Column("State", "state"),
    Column("Issuer", lesser=True),
    Column("Valid until", "date", "until"),
    Column("Uploaded", "date", "created", lesser=True),
)


@access("session", "certs")
@gzip_page
def certificate_list(request, org):
    form, now = ListForm(request.GET), timezone.now()
    if not form.is_valid():
        return bad_form(request, form)
    asked = {name: value for name, value in form.cleaned_data.items() if value}
    page = paging.page(
        request.GET, form.found(Certificate.objects.defer("pem", "sealed_key"), now), form.order, asked
    )
    context = {
        "section": "certificates",
        "form": form,
        "rows": [_shown(row, now) for row in page.items],
        "asked": asked,
        "heads": heads(COLUMNS, asked, default=NEWEST_FIRST),
        "page": page,
        "may_write": request.user.may("certs", "write"),
    }
    return render(request, "certificates/list.html", context)


@access("session", "certs", methods="GET POST", form=True, files=True)
def certificate_upload(request, org):
    # A form that was sent empty was sent too.
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        try:
            with said_in(form):
                made = lifecycle.upload(
                    request.org.id, form.cleaned_data["content"], created_by=request.user.email
                )
                return _uploaded(request, org, made)
        except Taken:
            form.add_error("pem", "This organisation has one of these certificates already.")
        except LimitReached as error:
            form.add_error("pem", str(error))
    context = {"section": "certificates", "form": form, "no_secret": not settings.GATEWAY_CERTIFICATE_SECRET}
    return render(request, "certificates/form.html", context, status=status_of(form))


def _uploaded(request, org, made):
    if len(made) > 1:
        messages.success(
            request, f"{len(made)} certificates are uploaded. Gateways have them within seconds."
        )
        return redirect("certificate-list", org)
    messages.success(request, f"{made[0]} is uploaded. Gateways have it within seconds.")
    return redirect("certificate-detail", org, made[0].id)


@access("session", "certs")
def certificate_detail(request, org, id):
    return render(request, "certificates/detail.html", _about(request, _certificate_or_404(id)))


@access("session", "certs", methods="GET POST", form=True)
def certificate_delete(request, org, id):
    """GET asks, POST does."""
    certificate = _certificate_or_404(id)
    if certificate.deleted_at is not None:
        raise Http404
    refused = ""
    if request.method == "POST":
        try:
            lifecycle.delete(certificate)
        except InUse as error:
            refused = str(error)
        except Deleted:
            raise Http404 from None
        else:
            messages.success(request, f"{certificate} is deleted. Gateways forget it within five minutes.")
            return redirect("certificate-list", org)
    context = _about(request, certificate) | {"refused": refused}
    return render(request, "certificates/delete.html", context, status=409 if refused else 200)


def _certificate_or_404(id):
    found = Certificate.objects.filter(id=id).first() if is_id(id) else None
    if found is None:
        raise Http404
    return found


def _about(request, certificate):
    """What every page about one certificate is given."""
    there = certificate.deleted_at is None
    keys = list(uses.keys(certificate)[: uses.MOST_KEYS]) if there else []
    return {
        "section": "certificates",
        "certificate": _shown(certificate, timezone.now()),
        "apis": uses.apis(certificate) if there else [],
        "keys": keys[:SHOWN_KEYS],
        "more_keys": max(0, len(keys) - SHOWN_KEYS),
        "no_secret": certificate.has_key and not settings.GATEWAY_CERTIFICATE_SECRET,
        "may_write": request.user.may("certs", "write"),
        "sees_apis": request.user.may("apis"),
        "sees_keys": request.user.may("keys"),
    }


def _shown(certificate, now):
    """The certificate with its state as of `now`."""
    certificate.shown_state = certificate.state(now)
    if certificate.shown_state == "valid" and certificate.not_after and certificate.not_after <= now + SOON:
        certificate.shown_state = "expires soon"
    return certificate
