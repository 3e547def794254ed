from django import template

from keys.keys.picker import LONGEST_SEARCH, choice

register = template.Library()


@register.inclusion_tag("keys/picker.html", takes_context=True)
def api_picker(context: dict) -> dict:
    """The APIs of the page's key form: `form` and `apis` of the view, and what was searched for when it was sent."""
    form, query = context["form"], context["request"].POST.get("api_query", "")[:LONGEST_SEARCH]
    field = form["access_rights"]
    ticked = {text for text in field.value() or [] if isinstance(text, str)}
    return {"choice": choice(context["apis"], ticked, query), "field": field, "query": query}
