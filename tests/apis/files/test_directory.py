import os

import pytest

from apis.files import directory
from apis.files.reading import LARGEST, NotReadable


def said(found):
    return {file.name: file.content if file.content is not None else file.fault for file in found}


def test_files_are_read_as_gateways_look_for_them_and_everything_else_says_why_not(tmp_path):
    apps = tmp_path / "apps"
    (apps / "..data").mkdir(parents=True)
    (apps / "deeper.json").mkdir()
    (tmp_path / "secret").write_text("of the host")
    for name, content in {
        "a.json": b"{}",
        ".b.json": b"\xff",
        "large.json": b" " * (LARGEST + 1),
        "..data/c.json": b"[]",
    }.items():
        (apps / name).write_bytes(content)
    (apps / "README.md").write_text("none")
    (apps / "c.json").symlink_to("..data/c.json")
    (apps / "out.json").symlink_to("../secret")
    (apps / "loop.json").symlink_to("loop.json")
    os.mkfifo(apps / "pipe.json")
    assert said(directory.files(apps)) == {
        "..data": "is not read: gateways read *.json",
        ".b.json": b"\xff",
        "README.md": "is not read: gateways read *.json",
        "a.json": b"{}",
        "c.json": b"[]",
        "deeper.json": "cannot be read: Is a directory",
        "large.json": "is larger than 1,000,000 bytes",
        "loop.json": "is a link to nowhere",
        "out.json": "is a link out of the directory",
        "pipe.json": "is no file",
    }


@pytest.mark.parametrize("name", ["", "nothing", "a-file"])
def test_what_cannot_be_read_at_all_is_said(tmp_path, name, monkeypatch):
    monkeypatch.setattr(directory, "MOST_FILES", 1)
    (tmp_path / "a-file").write_text("{}")
    (tmp_path / "another").write_text("{}")
    with pytest.raises(NotReadable):
        directory.files(tmp_path / name)
