"""URLs: `pages` for people, `organisation_pages` under /o/<organisation>/, `wire` for machines."""

from django.urls import path, re_path

from orgs.audit import views as audit
from orgs.organisations import rest as organisations_rest
from orgs.organisations import views as organisations
from orgs.people import rest as people_rest
from orgs.people import views as people
from orgs.signing_in import views as signing_in

pages = [
    path("", signing_in.home, name="home"),
    path("sign-in/", signing_in.sign_in, name="sign-in"),
    path("sign-in/account/", signing_in.sign_in_account, name="sign-in-account"),
    path("switch-account/", signing_in.switch_account, name="switch-account"),
    path("sign-out/", signing_in.sign_out, name="sign-out"),
    path("profile/", signing_in.profile, name="profile"),
    path("profile/password/", signing_in.password, name="password"),
    path("profile/access-key/", signing_in.access_key, name="access-key"),
    path("profile/theme/", signing_in.theme, name="theme"),
    path("orgs/", organisations.organisation_list, name="org-list"),
    path("orgs/new/", organisations.organisation_create, name="org-create"),
    path("orgs/<str:organisation>/", organisations.organisation_edit, name="org-edit"),
    path("super-users/", people.super_user_list, name="super-user-list"),
    path("super-users/new/", people.super_user_add, name="super-user-add"),
    path("super-users/<str:person>/", people.super_user_edit, name="super-user-edit"),
    path(
        "super-users/<str:person>/activation/",
        people.super_user_activation,
        name="super-user-activation",
    ),
    path("audit/", audit.platform_audit, name="platform-audit"),
]
# Under /o/<organisation>/
organisation_pages = [
    path("people/", people.person_list, name="people"),
    path("people/new/", people.person_add, name="person-add"),
    path("people/<str:person>/", people.person_edit, name="person-edit"),
    path("people/<str:person>/activation/", people.person_activation, name="person-activation"),
    path("audit/", audit.audit, name="audit"),
]

wire = [
    path("admin/organisations", organisations_rest.organisations),
    path("admin/organisations/import", organisations_rest.organisation_import),
    path("admin/organisations/<str:organisation_id>", organisations_rest.organisation),
    path("admin/users", organisations_rest.users),
    path("admin/users/<str:user_id>", organisations_rest.user),
    re_path(
        r"^admin/users/(?P<user_id>[^/]+)/actions/(?P<verb>allow|disallow)_reset_passwords$",
        organisations_rest.user_reset_passwords,
    ),
    path("api/users", people_rest.users),
    path("api/users/search", people_rest.user_search),
    path("api/users/<str:user>", people_rest.user),
    path("api/users/<str:user>/actions/reset", people_rest.user_password),
    path("api/users/<str:user>/actions/key/reset", people_rest.user_access_key),
    path("api/users/<str:user>/actions/revoke", people_rest.user_sessions),
]
