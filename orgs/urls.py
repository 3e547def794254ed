"""URLs: `pages` for people, `organisation_pages` under /o/<organisation>/, `wire` for machines."""

from django.urls import path, re_path

from orgs import rest_admin, rest_users
from orgs.urls_pages import organisation_pages, pages

__all__ = ["organisation_pages", "pages", "wire"]

wire = [
    path("admin/organisations", rest_admin.organisations),
    path("admin/organisations/import", rest_admin.organisation_import),
    path("admin/organisations/<str:organisation_id>", rest_admin.organisation),
    path("admin/users", rest_admin.users),
    path("admin/users/<str:user_id>", rest_admin.user),
    re_path(
        r"^admin/users/(?P<user_id>[^/]+)/actions/(?P<verb>allow|disallow)_reset_passwords$",
        rest_admin.user_reset_passwords,
    ),
    path("api/users", rest_users.users),
    path("api/users/search", rest_users.user_search),
    path("api/users/<str:user>", rest_users.user),
    path("api/users/<str:user>/actions/reset", rest_users.user_password),
    path("api/users/<str:user>/actions/key/reset", rest_users.user_access_key),
    path("api/users/<str:user>/actions/revoke", rest_users.user_sessions),
]
