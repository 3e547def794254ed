"""URLs: `pages` for people (under /o/<organisation>/)."""

from django.urls import path

from dashboard.alerts import views

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
