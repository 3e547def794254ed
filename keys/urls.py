"""URLs: `pages` for people (under /o/<organisation>/), `wire` for machines."""

from django.urls import path

from keys.actions import views as actions
from keys.adoption import views as adoption
from keys.certificates import rest as certs_rest
from keys.certificates import views as certificates
from keys.credentials import views as credentials
from keys.dry_run import views as dry_run
from keys.files import views as files
from keys.finding import views as finding
from keys.hygiene import views as hygiene
from keys.keys import rest, views
from keys.oauth import rest as oauth_rest
from keys.oauth import views as oauth
from keys.organisations import rest as organisations_rest
from keys.policies import history_views as policy_history
from keys.policies import rest as policies_rest
from keys.policies import views as policies
from keys.rotation import rest as rotation_rest
from keys.rotation import views as rotation

pages = [
    # /o/<organisation>/keys/
    path("keys/", finding.key_list, name="key-list"),
    path("keys/new/", views.key_create, name="key-create"),
    path("keys/search/", finding.key_search, name="key-search"),
    path("keys/hygiene/", hygiene.key_hygiene, name="key-hygiene"),
    path("keys/actions/", actions.key_actions, name="key-actions"),
    path("keys/actions/<str:action_id>/", actions.key_action, name="key-action"),
    path("keys/elsewhere/", adoption.found_list, name="found-list"),
    path("keys/elsewhere/adoption/", adoption.found_adopt_all, name="found-adopt-all"),
    path("keys/elsewhere/<str:found_id>/", adoption.found_detail, name="found-detail"),
    path("keys/elsewhere/<str:found_id>/adoption/", adoption.found_adopt, name="found-adopt"),
    path("keys/elsewhere/<str:found_id>/end/", adoption.found_end, name="found-end"),
    path("keys/<str:key_id>/", views.key_detail, name="key-detail"),
    path("keys/<str:key_id>/edit/", views.key_edit, name="key-edit"),
    path("keys/<str:key_id>/dry-run/", dry_run.key_dry_run, name="key-dry-run"),
    path("keys/<str:key_id>/shrinking/", hygiene.key_shrink, name="key-shrink"),
    path("keys/<str:key_id>/secret/", credentials.key_secret, name="key-secret"),
    path("keys/<str:key_id>/rotation/", rotation.key_rotate, name="key-rotate"),
    path("keys/<str:key_id>/tokens/", rotation.key_tokens, name="key-tokens"),
    path("keys/<str:key_id>/suspension/", views.key_suspension, name="key-suspension"),
    path("keys/<str:key_id>/revocation/", views.key_revoke, name="key-revoke"),
    path("policies/", policies.policy_list, name="policy-list"),
    path("policies/new/", policies.policy_create, name="policy-create"),
    path("policies/<str:id>/", policies.policy_detail, name="policy-detail"),
    path("policies/<str:id>/definition/", policies.policy_definition, name="policy-definition"),
    path("policies/<str:id>/edit/", policies.policy_edit, name="policy-edit"),
    path("policies/<str:id>/dry-run/", dry_run.policy_dry_run, name="policy-dry-run"),
    path("policies/<str:id>/history/", policy_history.policy_history, name="policy-history"),
    path("policies/<str:id>/history/<int:number>/", policy_history.policy_revision, name="policy-revision"),
    path("policies/<str:id>/deletion/", policy_history.policy_delete, name="policy-delete"),
    path("files/", files.gateway_files, name="gateway-files"),
    path("certificates/", certificates.certificate_list, name="certificate-list"),
    path("certificates/new/", certificates.certificate_upload, name="certificate-upload"),
    path("certificates/<str:id>/", certificates.certificate_detail, name="certificate-detail"),
    path("certificates/<str:id>/deletion/", certificates.certificate_delete, name="certificate-delete"),
    path("oauth/", oauth.oauth_list, name="oauth-list"),
    path("oauth/new/", oauth.oauth_create, name="oauth-create"),
    path("oauth/<str:id>/", oauth.oauth_detail, name="oauth-detail"),
    path("oauth/<str:id>/edit/", oauth.oauth_edit, name="oauth-edit"),
    path("oauth/<str:id>/suspension/", oauth.oauth_suspension, name="oauth-suspension"),
    path("oauth/<str:id>/secret/", oauth.oauth_secret, name="oauth-secret"),
    path("oauth/<str:id>/tokens/", oauth.oauth_tokens, name="oauth-tokens"),
    path("oauth/<str:id>/deletion/", oauth.oauth_delete, name="oauth-delete"),
]

wire = [
    path("api/keys", rest.keys, name="rest-keys"),
    path("api/keys/detailed", rest.keys_detailed, name="rest-keys-detailed"),
    path("api/keys/preview", rest.keys_preview, name="rest-keys-preview"),
    path("api/keys/<str:name>", rest.key, name="rest-key"),
    path("api/keys/<str:name>/rotate", rotation_rest.key_rotate, name="rest-key-rotate"),
    path("api/keys/<str:name>/blast_radius", rest.key_radius),
    path("api/apis/keys/basic/<str:user>", rest.key_of_user, name="rest-key-of-user"),
    path("api/apis/keys", rest.keys_of_apis, name="rest-keys-of-apis"),
    # "-" stands for any API.
    path("api/apis/<str:api>/keys", rest.keys_of_api, name="rest-keys-of-api"),
    path("api/apis/<str:api>/keys/<str:name>", rest.key_of_api, name="rest-key-of-api"),
    # Tyk's path is historic; the short one is the same.
    path("api/portal/policies", policies_rest.policies),
    path("api/portal/policies/search", policies_rest.policies_search),
    path("api/portal/policies/<str:id>", policies_rest.policy),
    path("api/policies", policies_rest.policies),
    path("api/policies/search", policies_rest.policies_search),
    path("api/policies/<str:id>", policies_rest.policy),
    path("api/portal/policies/<str:id>/blast_radius", policies_rest.policy_radius),
    path("api/policies/<str:id>/blast_radius", policies_rest.policy_radius),
    path("admin/org/keys", organisations_rest.organisation_keys),
    path("admin/org/keys/<str:organisation_id>", organisations_rest.organisation_key),
    path("admin/policies/import", policies_rest.policy_import),
    # The words after a client come before APIs and clients of those names, which nothing can have.
    path("api/apis/oauth/<str:client>/revoke", oauth_rest.revoke),
    path("api/apis/oauth/<str:client>/revoke_all", oauth_rest.revoke_all),
    path("api/apis/oauth/<str:api>/authorize-client", oauth_rest.authorize_client),
    path("api/apis/oauth/<str:api>/authorize-client/", oauth_rest.authorize_client),  # as Tyk documents it
    path("api/apis/oauth/<str:api>", oauth_rest.clients),
    path("api/apis/oauth/<str:api>/<str:client>", oauth_rest.client),
    path("api/apis/oauth/<str:api>/<str:client>/blast_radius", oauth_rest.client_radius),
    path("api/apis/oauth/<str:api>/<str:client>/tokens", oauth_rest.client_tokens),
    path("admin/oauth/tokens", oauth_rest.purge),
    path("api/certs", certs_rest.certs),
    path("api/certs/details", certs_rest.details),
    path("api/certs/<str:id>", certs_rest.cert),
]
