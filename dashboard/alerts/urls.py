"""URLs: `pages` for people (under /o/<organisation>/), `wire` for machines."""

from django.urls import path

from dashboard.alerts import rest, views

pages = [
    path("alerts/", views.alert_list, name="alert-list"),
    path("alerts/new/", views.alert_create, name="alert-create"),
    path("alerts/<str:id>/", views.alert_detail, name="alert-detail"),
    path("alerts/<str:id>/edit/", views.alert_edit, name="alert-edit"),
    path("alerts/<str:id>/secret/", views.alert_secret, name="alert-secret"),
    path("alerts/<str:id>/test/", views.alert_test, name="alert-test"),
    path("alerts/<str:id>/acknowledgement/", views.alert_acknowledge, name="alert-acknowledge"),
    path("alerts/<str:id>/deletion/", views.alert_delete, name="alert-delete"),
]
wire = [
    path("api/alerts", rest.alert_list),
    path("api/alerts/<str:id>", rest.alert_detail),
    path("api/alerts/<str:id>/history", rest.alert_history),
    path("api/alerts/<str:id>/secret", rest.alert_secret),
    path("api/alerts/<str:id>/test", rest.alert_test),
]
