"""Every prefix of the site, top to bottom. `pages` are for people, `wire` is for machines (no trailing slash there)."""

from django.contrib import admin
from django.urls import include, path

import apis.urls
import dashboard.alerts.urls
import dashboard.analytics.urls
import dashboard.nodes.urls
import keys.urls
import orgs.signing_in.views
import orgs.urls
from dashboard.hello import hello
from dashboard.metrics.views import metrics

urlpatterns = [
    # /  /sign-in/  /sign-out/  /profile/  /orgs/
    path("", include(orgs.urls.pages)),
    # /nodes/  /traffic/
    path("", include(dashboard.nodes.urls.platform)),
    path("", include(dashboard.analytics.urls.platform)),
    # /o/<organisation>/…
    path("o/<slug:org>/", include(dashboard.analytics.urls.pages)),
    path("o/<slug:org>/", include(orgs.urls.organisation_pages)),
    path("o/<slug:org>/", include(apis.urls.pages)),
    path("o/<slug:org>/", include(keys.urls.pages)),
    path("o/<slug:org>/", include(dashboard.nodes.urls.pages)),
    path("o/<slug:org>/", include(dashboard.alerts.urls.pages)),
    # /django-admin/ : Tyk's Admin API owns /admin/. Passwords are changed on one's profile, where it is audited.
    path("django-admin/password_change/", orgs.signing_in.views.profile),
    path("django-admin/", admin.site.urls),
    path("hello", hello),
    path("admin/hello", hello),
    path("metrics", metrics),
    # /admin/organisations  /admin/users  /api/users
    path("", include(orgs.urls.wire)),
    # /api/apis…  /api/keys…  /api/portal/policies…  (keys first: /api/apis/keys is theirs)
    path("", include(keys.urls.wire)),
    path("", include(apis.urls.wire)),
    # /api/usage…  /api/activity…  /api/versions  /api/logs
    path("", include(dashboard.analytics.urls.wire)),
    # /api/alerts…
    path("", include(dashboard.alerts.urls.wire)),
    # /register/…  /system/…
    path("", include(dashboard.nodes.urls.wire)),
]

handler400 = "dashboard.errors.bad_request"
handler403 = "dashboard.errors.forbidden"
handler404 = "dashboard.errors.not_found"
handler500 = "dashboard.errors.server_error"
