"""Names of static files in pages: with the digest of their content where they were collected, else their own."""

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile
from django.templatetags.static import static

from dashboard.static_files import Collected, CollectedAndCompressed


@pytest.fixture(params=[Collected, CollectedAndCompressed])
def storage(request, tmp_path):
    return request.param(location=tmp_path, base_url="/static/")


def collected(storage, **files: str) -> dict[str, str]:
    """Collect files of these contents, and answer where pages point to."""
    names = {name.replace("_", "."): content for name, content in files.items()}
    for name, content in names.items():
        storage.save(name, ContentFile(content))
    for _, _, processed in storage.post_process({name: (storage, name) for name in names}):
        assert not isinstance(processed, Exception)
    return {name: storage.url(name) for name in names}


def test_a_collected_file_goes_by_the_digest_of_its_content(storage):
    addresses = collected(storage, site_css="a {}", other_css="b {}")
    for name in ("site", "other"):
        address = addresses[f"{name}.css"]
        digest = address.removeprefix(f"/static/{name}.").removesuffix(".css")
        assert len(digest) == 12
        assert int(digest, 16) >= 0


def test_another_content_has_another_name(tmp_path):
    addresses = []
    for number, content in enumerate(("a {}", "b {}", "a {}")):
        storage = Collected(location=tmp_path / str(number), base_url="/static/")
        addresses.append(collected(storage, site_css=content)["site.css"])
    assert addresses[0] == addresses[2] != addresses[1]


def test_where_nothing_was_collected_a_file_goes_by_its_own_name(storage):
    assert storage.url("site.css") == "/static/site.css"
    assert storage.url("icons/key.svg") == "/static/icons/key.svg"


def test_a_file_that_came_after_the_last_time_goes_by_its_own_name_beside_the_others(storage):
    found = collected(storage, site_css="a {}")
    assert found["site.css"] != "/static/site.css"
    assert storage.url("new.css") == "/static/new.css"


def test_django_alone_would_answer_with_an_error(tmp_path):
    plain = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
        plain.stored_name("site.css")


def test_pages_name_static_files_below_the_address_of_static_files():
    assert static("site.css").startswith("/static/site")
