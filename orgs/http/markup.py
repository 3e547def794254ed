"""HTML of what stands in each row of a long list."""

import html

from django.utils.safestring import SafeString


def markup(form: str, *values: object) -> SafeString:
    """As Django's format_html, of values that are no lazy texts: of these a page has thousands, and asking each whether
    it is one takes longer than to escape it. A SafeString stays as it is."""
    return SafeString(
        form.format(*(each if isinstance(each, SafeString) else html.escape(str(each)) for each in values))
    )
