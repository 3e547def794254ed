"""What a request may bring along, refused by what it says of it."""

import os
import tempfile

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from orgs.models import Organisation

LARGEST = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
FORM = "application/x-www-form-urlencoded"


def test_a_form_that_is_too_large_is_a_page_and_a_body_of_a_machine_json(db, admin_client):
    page = Client().generic("POST", "/sign-in/", b"x" * (LARGEST + 1), content_type=FORM)
    assert (page.status_code, page["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert int(page["Content-Length"]) == len(page.content)
    answer = admin_client.generic("POST", "/admin/organisations", b" " * (LARGEST + 1))
    assert (answer.status_code, answer.json()["Message"]) == (
        413,
        f"Request body malformed: it is too large, {LARGEST} bytes are taken",
    )
    assert int(answer["Content-Length"]) == len(answer.content)


def test_a_body_of_the_largest_size_is_taken(db, admin_client):
    body = b'{"owner_name": "Acme"}'
    answer = admin_client.generic("POST", "/admin/organisations", body + b" " * (LARGEST - len(body)))
    assert answer.status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP, identity"])
def test_a_compressed_body_is_415(db, admin_client, coding):
    answer = admin_client.generic("POST", "/admin/organisations", b"{}", headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.json()["Status"]) == (415, "Error")
    page = Client().generic("POST", "/sign-in/", b"a=b", FORM, headers={"Content-Encoding": coding})
    assert (page.status_code, page["Content-Type"]) == (415, "text/html; charset=utf-8")
    assert Organisation.everyone.count() == 0


def test_a_body_said_to_be_as_it_is_is_taken(db, admin_client):
    answer = admin_client.generic(
        "POST", "/admin/organisations", b'{"owner_name": "Acme"}', headers={"Content-Encoding": "identity"}
    )
    assert answer.status_code == 200


def test_a_file_in_a_form_is_refused_and_nothing_is_written(db, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "FILE_UPLOAD_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for size in (1, LARGEST // 2):
        file = SimpleUploadedFile("x.bin", b"x" * size)
        answer = Client().post("/sign-in/", {"email": "a@acme.example", "password": "y", "file": file})
        assert answer.status_code == 400
    assert os.listdir(tmp_path) == []


def test_a_form_in_parts_without_a_file_is_read(db):
    answer = Client().post("/sign-in/", {"email": "nobody@acme.example", "password": "wrong"})
    assert answer.status_code == 200
    assert b'value="nobody@acme.example"' in answer.content


def test_a_form_has_at_most_2000_fields(db):
    fields = "&".join(f"f{number}=" for number in range(2_001))
    answers = [Client().generic("POST", "/sign-in/", sent, FORM) for sent in (fields, fields[6:])]
    assert [answer.status_code for answer in answers] == [400, 200]
