from django import template

from orgs.people.rules import rights_in_words

register = template.Library()
register.filter("rights", rights_in_words)
