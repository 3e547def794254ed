from functools import lru_cache

from django import template
from django.utils.safestring import SafeString
from heroicons.templatetags.heroicons import heroicon_outline

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: int) -> SafeString:
    """An icon beside words, of `size` pixels. Kept: a page has some twenty, and each is written anew from a tree."""
    return heroicon_outline(name, size=size, aria_hidden="true")
