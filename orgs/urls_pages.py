"""Addresses of pages about people and organisations."""

from django.urls import path

from orgs import audit_views, organisation_views, people_views, views

pages = [
    path("", views.home, name="home"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/account/", views.sign_in_account, name="sign-in-account"),
    path("switch-account/", views.switch_account, name="switch-account"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("profile/", views.profile, name="profile"),
    path("profile/password/", views.password, name="password"),
    path("profile/access-key/", views.access_key, name="access-key"),
    path("profile/theme/", views.theme, name="theme"),
    path("orgs/", organisation_views.organisation_list, name="org-list"),
    path("orgs/new/", organisation_views.organisation_create, name="org-create"),
    path("orgs/<str:organisation>/", organisation_views.organisation_edit, name="org-edit"),
    path("super-users/", people_views.super_user_list, name="super-user-list"),
    path("super-users/new/", people_views.super_user_add, name="super-user-add"),
    path("super-users/<str:person>/", people_views.super_user_edit, name="super-user-edit"),
    path(
        "super-users/<str:person>/activation/",
        people_views.super_user_activation,
        name="super-user-activation",
    ),
    path("audit/", audit_views.platform_audit, name="platform-audit"),
]
# Under /o/<organisation>/
organisation_pages = [
    path("people/", people_views.person_list, name="people"),
    path("people/new/", people_views.person_add, name="person-add"),
    path("people/<str:person>/", people_views.person_edit, name="person-edit"),
    path("people/<str:person>/activation/", people_views.person_activation, name="person-activation"),
    path("audit/", audit_views.audit, name="audit"),
]
