"""Files in a zip archive that somebody sent, or one alone. Nothing of it is written anywhere, and names are
only shown. Pure."""

import io
import stat
import zipfile
import zlib
from codecs import BOM_UTF8

from apis.files.reading import LARGEST, File, NotReadable

LARGEST_ARCHIVE = 1_000_000  # bytes; the page sends it along until it is confirmed
ALONE = "definition.json"  # what a file that is no archive is called
MOST_FILES = 500
MOST_BYTES = 20_000_000  # of all files together, unpacked
MOST_PACKED = 200  # how many bytes one byte of the archive may stand for; definitions have some 10
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


def files(content: bytes) -> list[File]:
    """Its files by name; what is not read says why. Raises NotReadable."""
    if len(content) > LARGEST_ARCHIVE:
        raise NotReadable(f"must not be larger than {LARGEST_ARCHIVE:,} bytes")
    if content.removeprefix(BOM_UTF8).lstrip().startswith((b"{", b"[")):
        return [File(ALONE, content.removeprefix(BOM_UTF8))]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            return _read(opened)
    except _UNREADABLE:
        raise NotReadable("must be a zip archive that is whole, or a file of JSON") from None


def _read(opened: zipfile.ZipFile) -> list[File]:
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    if len(entries) > MOST_FILES:
        raise NotReadable(f"must not hold more than {MOST_FILES} files; there are {len(entries):,}")
    found: dict[str, File] = {}
    total = 0
    for entry in sorted(entries, key=lambda entry: entry.filename):
        file = _file(opened, entry)
        total += len(file.content or b"")
        if total > MOST_BYTES:
            raise NotReadable(f"must not hold more than {MOST_BYTES:,} bytes")
        if file.name in found:
            file = File(file.name, None, "is in the archive twice")
        found[file.name] = file
    return list(found.values())


def _file(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> File:
    name = entry.filename.encode("utf-8", "replace").decode()
    if fault := _fault(entry):
        return File(name, None, fault)
    try:
        with opened.open(entry) as file:
            # What the archive says of the size may be wrong.
            content = file.read(LARGEST + 1)
    except _UNREADABLE:
        return File(name, None, "cannot be unpacked")
    if len(content) > LARGEST:
        return File(name, None, f"is larger than {LARGEST:,} bytes")
    return File(name, content)


def _fault(entry: zipfile.ZipInfo) -> str:
    """Why an entry is not unpacked; "" if it is."""
    path = entry.filename
    faults = {
        "is a link or something else that is no file": stat.S_IFMT(entry.external_attr >> 16)
        not in (0, stat.S_IFREG),
        "has a path that leads out of the archive": ".." in path.split("/")
        or path[:1] == "/"
        or "\\" in path,
        "is encrypted": bool(entry.flag_bits & 1),
        "is packed in a way that is not read here": entry.compress_type
        not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
        f"is larger than {LARGEST:,} bytes": entry.file_size > LARGEST,
        f"is packed more than {MOST_PACKED} to one": entry.file_size
        > MOST_PACKED * max(entry.compress_size, 1),
        "is not read: gateways read *.json": not path.endswith(".json"),
    }
    return next((fault for fault, there in faults.items() if there), "")
