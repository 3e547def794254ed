import pytest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orgs.http.markup import markup

VALUES = ("plain", "<script>alert('&\"')</script>", "{0}{name}", 7, None, SafeString("<b>bold</b>"))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_it_escapes_as_djangos_own_does(value):
    form = '<a title="{}">{}</a>'
    made = markup(form, value, value)
    assert (made, type(made)) == (format_html(form, value, value), SafeString)
