"""Pages of certificates."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from keys.certificates.pem import LARGEST, NONE_THERE
from keys.models import Certificate
from orgs import scope
from orgs.providers import attention
from tests.keys import build as keys
from tests.keys.certificates.build import NOW, made, uploaded

ALICE, SERVER = made("alice"), made("server", names=["server.example"])


@pytest.fixture
def ada(cast, client_for):
    return client_for(cast.acme_admin)


def test_a_certificate_is_uploaded_looked_at_and_deleted_and_its_key_is_never_shown(cast, ada):
    sent = ada.post("/o/acme/certificates/new/", {"pem": SERVER.pem + SERVER.key_pem}, follow=True)
    page = sent.content.decode()
    with scope.org(cast.acme.id):
        row = Certificate.objects.get()
    assert sent.redirect_chain == [(f"/o/acme/certificates/{row.id}/", 302)]
    assert [
        text in page
        for text in (row.served_id, "server.example", "GATEWAY_CERTIFICATE_SECRET", "private key", "PRIVATE")
    ] == [True, True, True, True, False]
    listed = ada.get("/o/acme/certificates/?q=SERVER.ex&state=&sort=until").content.decode()
    assert f"/o/acme/certificates/{row.id}/" in listed
    assert ada.get(f"/o/acme/certificates/{row.id}/deletion/").status_code == 200
    assert ada.post(f"/o/acme/certificates/{row.id}/deletion/").status_code == 302
    assert "deleted" in ada.get(f"/o/acme/certificates/{row.id}/").content.decode()
    assert ada.get(f"/o/acme/certificates/{row.id}/deletion/").status_code == 404


def test_what_is_refused_is_not_sent_back(cast, ada):
    refused = ada.post("/o/acme/certificates/new/", {"pem": ALICE.pem + SERVER.key_pem})
    page = refused.content.decode()
    assert (refused.status_code, "belongs to none" in page, "BEGIN PRIVATE" in page) == (400, True, False)
    uploaded(cast.acme, ALICE.pem)
    again = ada.post("/o/acme/certificates/new/", {"pem": ALICE.pem})
    assert (again.status_code, "has one of these certificates already" in again.content.decode()) == (
        400,
        True,
    )


def test_a_certificate_is_sent_as_a_file_too_but_not_in_both_ways_or_none(cast, ada):
    def sent(**members):
        return ada.post("/o/acme/certificates/new/", members)

    def file(content):
        return SimpleUploadedFile("server.pem", content)

    whole = (SERVER.pem + SERVER.key_pem).encode()
    refused = {
        "both": sent(pem=ALICE.pem, file=file(whole)),
        "none": sent(pem=""),
        "empty": sent(pem="", file=file(b"")),
        "too long": sent(file=file(b" " * (LARGEST + 1))),
        "no text": sent(file=file(b"\x30\x82\xff\x00")),
    }
    assert {
        what: (answer.status_code, answer.context["form"].errors) for what, answer in refused.items()
    } == {
        "both": (400, {"file": ["Paste the certificate or choose a file, not both."]}),
        "none": (400, {"pem": ["Paste a certificate or choose a file."]}),
        "empty": (400, {"file": ["The submitted file is empty."]}),
        "too long": (400, {"pem": ["Must not be longer than 256 KiB."]}),
        "no text": (400, {"pem": [NONE_THERE]}),
    }
    assert b"BEGIN" not in refused["both"].content
    assert sent(file=file(whole)).status_code == 302
    with scope.org(cast.acme.id):
        assert [row.names for row in Certificate.objects.all()] == [["server.example"]]


def test_one_in_use_says_by_whom_and_stays(cast, ada):
    row = uploaded(cast.acme, ALICE.pem)
    keys.api(cast.acme, use_mutual_tls_auth=True, client_certificates=[row.served_id])
    page = ada.get(f"/o/acme/certificates/{row.id}/").content.decode()
    assert "API <a" in page
    asked = ada.get(f"/o/acme/certificates/{row.id}/deletion/").content.decode()
    assert ("Orders" in asked, "Delete certificate</button>" in asked) == (True, False)
    assert ada.post(f"/o/acme/certificates/{row.id}/deletion/").status_code == 409


def test_home_warns_of_those_that_end(cast):
    for common_name, end in (("soon", 20), ("later", 40), ("over", 2)):
        uploaded(cast.acme, made(common_name, end=end).pem)
    with scope.org(cast.acme.id):
        Certificate.objects.filter(common_name="over").update(not_after=NOW)
        found = [
            (item.text.split(" on ")[0], item.bad)
            for item in attention.items(cast.acme, cast.acme_admin, NOW)
            if "ertificate" in item.text
        ]
    assert found == [("Certificate over expired", True), ("Certificate soon expires", False)]
