"""Who may call what, as a literal table: a change of rights shows as a changed line of routes.txt, and nowhere else.

The walk (test_walk.py) derives what it expects from the declarations themselves, so it would follow a wrong one.
"""

from pathlib import Path

from tests.test_walk import Route, routes

TABLE = Path(__file__).with_name("routes.txt")


def line(route: Route) -> str:
    """`pattern  caller  permission  methods`, and what else the declaration says."""
    if route.rule is None:
        return f"{route.pattern}  unreachable"
    marks = [name for name in ("own", "form", "asking", "files") if getattr(route.rule, name)]
    methods = " ".join(sorted(route.rule.methods))
    permission = "|".join(filter(None, (route.rule.permission, route.rule.instead))) or "-"
    return "  ".join([route.pattern or "(empty)", route.rule.caller, permission, methods, *marks])


def test_who_may_call_what_is_what_the_table_says():
    assert [line(route) for route in routes() if not route.in_admin] == TABLE.read_text().splitlines()


def test_djangos_admin_is_for_super_users_and_its_own_sign_in_for_nobody():
    rules = {line(route).removeprefix(route.pattern).strip() for route in routes() if route.in_admin}
    assert rules == {"super  -  GET HEAD POST", "session  -  GET HEAD POST", "unreachable"}
