import hashlib
import io
import stat
import zipfile

import pytest

from apis.files import archive
from apis.files.reading import LARGEST, File, NotReadable


def packed(*entries):
    """A zip archive of (name or ZipInfo, content)."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for entry, content in entries:
            opened.writestr(entry, content)
    return made.getvalue()


def entry(name, mode=stat.S_IFREG, method=zipfile.ZIP_DEFLATED):
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    made.compress_type = method
    return made


def test_what_is_read_of_an_archive_and_why_the_rest_is_not():
    found = archive.files(
        packed(
            ("apps/a.json", b"{}"),
            ("apps/", b""),
            ("../b.json", b"{}"),
            ("/c.json", b"{}"),
            (entry("d.json", stat.S_IFLNK), b"/etc/passwd"),
            (entry("e.json", method=zipfile.ZIP_BZIP2), b"{}"),
            ("f.json", b" " * (LARGEST + 1)),
            ("g.json", b" " * 900_000),
            ("h.txt", b"{}"),
        )
    )
    assert {file.name: file.content if file.content is not None else file.fault for file in found} == {
        "apps/a.json": b"{}",
        "../b.json": "has a path that leads out of the archive",
        "/c.json": "has a path that leads out of the archive",
        "d.json": "is a link or something else that is no file",
        "e.json": "is packed in a way that is not read here",
        "f.json": "is larger than 1,000,000 bytes",
        "g.json": "is packed more than 200 to one",
        "h.txt": "is not read: gateways read *.json",
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_no_file():
    [found] = archive.files(packed(("a.json", b"{}"), ("a.json", b"[]")))
    assert found.fault == "is in the archive twice"


HOSTILE = {
    "nothing": b"",
    "no zip": b"x" * 1000,
    "a text": b'"[{}]"',
    "cut off": packed(("a.json", b"{}" * 400))[:-30],
    "too large": b"x" * 1_000_001,
    "too many": packed(*((f"{number}.json", b"") for number in range(501))),
    "unpacks to too much": packed(
        *((f"{number}.json", hashlib.shake_128(bytes([number])).digest(900)) for number in range(20))
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_archive_that_is_read_is_refused(case, monkeypatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 10_000)
    with pytest.raises(NotReadable):
        archive.files(HOSTILE[case])


def test_a_file_of_one_object_stands_for_an_archive_of_it():
    assert archive.files(b'\xef\xbb\xbf \n{"a": 1}') == [File(archive.ALONE, b' \n{"a": 1}')]
