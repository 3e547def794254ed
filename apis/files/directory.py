"""Files in a directory of the host, as gateways look for them: `*.json` in it, none below it."""

import os
import stat
from pathlib import Path

from apis.files.reading import LARGEST, MOST_FILES, File, NotReadable

MOST_BYTES = 200_000_000  # of all files together


def files(path: Path, largest: int = LARGEST) -> list[File]:
    """Everything in a directory by name; what is not read says why. Raises NotReadable."""
    try:
        home = path.resolve(strict=True)
        names = sorted(os.listdir(home))
    except (OSError, RuntimeError) as error:  # a link to itself is a RuntimeError up to Python 3.12
        raise NotReadable(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if len(names) > MOST_FILES:
        raise NotReadable(f"{path}: holds {len(names):,} files; not more than {MOST_FILES:,} are read")
    found, total = [], 0
    for name in names:
        found.append(_file(home, name, largest))
        total += len(found[-1].content or b"")
        if total > MOST_BYTES:
            raise NotReadable(f"{path}: holds more than {MOST_BYTES:,} bytes")
    return found


def file(path: Path, largest: int) -> File:
    """One file, which whoever runs the command has named: it may be a link to anywhere. Raises NotReadable."""
    found = _read(path, path.name, largest)
    if found.content is None:
        raise NotReadable(f"{path}: {found.fault}")
    return found


def _file(home: Path, name: str, largest: int) -> File:
    shown = name.encode("utf-8", "replace").decode()
    path = home / name
    try:
        # Kubernetes mounts a ConfigMap as links within the directory. One out of it may lead to any file of the host.
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(home):
            return File(shown, None, "is a link out of the directory")
    except (OSError, RuntimeError):
        return File(shown, None, "is a link to nowhere")
    if not name.endswith(".json"):
        return File(shown, None, "is not read: gateways read *.json")
    return _read(path, shown, largest)


def _read(path: Path, name: str, largest: int) -> File:
    try:
        # A pipe that nobody writes to would be waited for.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                return File(name, None, "is no file")
            content = opened.read(largest + 1)
    except OSError as error:
        return File(name, None, f"cannot be read: {error.strerror}")
    if len(content) > largest:
        return File(name, None, f"is larger than {largest:,} bytes")
    return File(name, content)
