"""`/api/certs` on the wire."""

import pytest

from keys.certificates.refusals import MISSING
from keys.models import Certificate
from orgs import scope
from orgs.http.rest import stamp
from orgs.models import User
from tests.keys import build as keys
from tests.keys.certificates.build import made, uploaded

TEXT = "text/plain"
ALICE, SERVER = made("alice"), made("server", names=["server.example"])
THEIRS = made("theirs")


@pytest.fixture
def ada(cast, rest):
    return rest(cast.acme_admin)


def stored():
    with scope.every_org():
        return Certificate.objects.filter(deleted_at=None).count()


def name(common_name):
    empty = dict.fromkeys(
        (
            "Country",
            "Organization",
            "OrganizationalUnit",
            "Locality",
            "Province",
            "StreetAddress",
            "PostalCode",
        )
    )
    names = [{"Type": [2, 5, 4, 3], "Value": common_name}]
    return {**empty, "SerialNumber": "", "CommonName": common_name, "Names": names, "ExtraNames": None}


def test_a_certificate_is_uploaded_listed_read_and_deleted(cast, ada):
    id = cast.acme.id + SERVER.fingerprint
    sent = ada.post("/api/certs", SERVER.pem + SERVER.key_pem, TEXT)
    assert sent.json() == {"id": id, "message": "Certificate added", "status": "ok"}
    assert ada.get("/api/certs").json() == {"certs": [id], "pages": 1}
    until, since = SERVER.certificate.not_valid_after_utc, SERVER.certificate.not_valid_before_utc
    about = {"has_private": True, "not_before": stamp(since), "not_after": stamp(until)}
    about |= {"dns_names": ["server.example"], "is_ca": False}
    basics = {"id": id, "issuer_cn": "server", "subject_cn": "server", **about}
    assert ada.get("/api/certs?mode=detailed").json() == {"cert_basics": [basics], "pages": 1}
    whole = {"id": id, "fingerprint": SERVER.fingerprint, **about}
    whole |= {"issuer": name("server"), "subject": name("server")}
    assert ada.get(f"/api/certs/{id}").json() == whole
    assert ada.get("/api/certs/details").json() == {"certificates": [whole], "pages": 1}
    found = {text: ada.get("/api/certs", {"filter": text}).json()["certs"] for text in ("SERV", id, "x")}
    assert found == {"SERV": [id], id: [id], "x": []}
    again = ada.post("/api/certs", SERVER.pem, TEXT)
    assert (again.status_code, again.json()["Message"]) == (409, f"Certificate with {id} id already exists")
    assert ada.delete(f"/api/certs/{id}").json() == {"status": "ok", "message": "removed"}
    gone = ada.get(f"/api/certs/{id}")
    assert (gone.status_code, gone.json()["Message"], stored()) == (404, MISSING, 0)


@pytest.mark.parametrize("field", ["cert", "data"])
def test_a_part_of_a_form_is_taken_whatever_its_name(cast, ada, field):
    body = (
        f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="a.pem"\r\n\r\n{ALICE.pem}\r\n--x--'
    )
    sent = ada.post("/api/certs", body, "multipart/form-data; boundary=x")
    assert sent.json()["id"] == cast.acme.id + ALICE.fingerprint


def test_several_in_one_are_each_one_and_all_or_none_are_kept(cast, ada):
    ids = [cast.acme.id + each.fingerprint for each in (ALICE, SERVER)]
    sent = ada.post("/api/certs", ALICE.pem + SERVER.pem, TEXT).json()
    assert (sent["id"], sent["ids"]) == (ids[0], ids)
    refused = ada.post("/api/certs", made("new").pem + ALICE.pem, TEXT)
    assert (refused.status_code, stored()) == (409, 2)


def test_a_strangers_and_an_unknown_one_are_the_same_404(cast, ada):
    theirs = uploaded(cast.globex, THEIRS.pem)
    names = [theirs.served_id, cast.acme.id + THEIRS.fingerprint, theirs.id, "0" * 88, "x"]
    for verb in (ada.get, ada.delete):
        answers = [verb(f"/api/certs/{id}") for id in names]
        assert {(answer.status_code, answer.content) for answer in answers} == {
            (404, answers[0].content),
        }
    assert stored() == 1
    assert ada.post("/api/certs", THEIRS.pem, TEXT).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"), [("", 400), ("{}", 400), ("x" * 300_000, 413), (ALICE.key_pem, 400)]
)
def test_bad_uploads_are_refused_and_not_quoted(ada, body, status):
    refused = ada.post("/api/certs", body, TEXT)
    assert (refused.status_code, stored()) == (status, 0)
    assert "PRIVATE KEY-----" not in refused.content.decode()


def test_one_in_use_is_not_deleted(cast, ada):
    row = uploaded(cast.acme, ALICE.pem)
    keys.api(cast.acme, use_mutual_tls_auth=True, client_certificates=[row.served_id])
    refused = ada.delete(f"/api/certs/{row.served_id}")
    said = "This certificate is in use by the API Orders. Take it out there first."
    assert (refused.status_code, refused.json()["Message"], stored()) == (409, said, 1)


def test_who_may_only_read_does_not_upload_or_delete(cast, rest):
    row = uploaded(cast.acme, ALICE.pem)
    User.everyone.filter(pk=cast.acme_member.pk).update(permissions={"certs": "read"})
    reader = rest(User.everyone.get(pk=cast.acme_member.pk))
    assert [
        reader.get("/api/certs").status_code,
        reader.post("/api/certs", SERVER.pem, TEXT).status_code,
        reader.delete(f"/api/certs/{row.served_id}").status_code,
    ] == [200, 403, 403]
