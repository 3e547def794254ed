from django import template

from keys.keys import picker

register = template.Library()


@register.inclusion_tag("keys/picker.html", takes_context=True)
def api_picker(context: dict) -> dict:
    """The APIs of the page's key form: `form` and `apis` of the view, and what was searched for when it was sent."""
    return _picker(context, "access_rights", picker.of_apis(context["apis"]), "api_query", "API")


@register.inclusion_tag("keys/picker.html", takes_context=True)
def policy_picker(context: dict) -> dict:
    """The same for its policies: `policies` of the view."""
    options = picker.of_policies(context["policies"])
    return _picker(context, "apply_policies", options, "policy_query", "policy")


def _picker(context: dict, name: str, options: list[picker.Option], searched: str, noun: str) -> dict:
    field, query = context["form"][name], context["request"].POST.get(searched, "")[: picker.LONGEST_SEARCH]
    ticked = {text for text in field.value() or [] if isinstance(text, str)}
    return {
        "choice": picker.choice(options, ticked, query),
        "field": field,
        "query": query,
        "searched": searched,
        "noun": noun,
    }
