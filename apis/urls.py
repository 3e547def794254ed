"""URLs: `pages` for people (under /o/<organisation>/), `wire` for machines."""

from django.urls import path

from apis import history_views, oas_rest, rest, views
from apis.actions import views as actions
from apis.allowances import views as allowances
from apis.assets import rest as assets
from apis.assets import views as templates
from apis.domains import rest as domain_rest
from apis.domains import views as domains
from apis.drafts import views as drafts
from apis.importing import views as importing
from apis.schemas import rest as schemas
from apis.versions import views as versions

pages = [
    path("apis/", views.api_list, name="api-list"),
    path("apis/new/", views.api_create, name="api-create"),
    path("apis/drafts/", drafts.draft_list, name="draft-list"),
    path("apis/review/", drafts.api_review, name="api-review"),
    path("apis/references/", allowances.reference_list, name="reference-list"),
    path("apis/references/withdrawal/", allowances.reference_withdraw, name="reference-withdraw"),
    path("apis/domains/", domains.domain_list, name="domain-list"),
    path("apis/domains/withdrawal/", domains.domain_withdraw, name="domain-withdraw"),
    path("apis/import/", importing.api_import, name="api-import"),
    path("apis/actions/", actions.api_actions, name="api-actions"),
    path("templates/", templates.asset_list, name="asset-list"),
    path("templates/new/", templates.asset_create, name="asset-create"),
    path("templates/<str:id>/", templates.asset_detail, name="asset-detail"),
    path("templates/<str:id>/edit/", templates.asset_edit, name="asset-edit"),
    path("templates/<str:id>/deletion/", templates.asset_delete, name="asset-delete"),
    path("apis/<str:id>/", views.api_detail, name="api-detail"),
    path("apis/<str:id>/definition/", views.api_definition, name="api-definition"),
    path("apis/<str:id>/edit/", views.api_edit, name="api-edit"),
    path("apis/<str:id>/draft/deletion/", drafts.draft_discard, name="draft-discard"),
    path("apis/<str:id>/history/", history_views.api_history, name="api-history"),
    path("apis/<str:id>/history/<int:number>/", history_views.api_revision, name="api-revision"),
    path("apis/<str:id>/activation/", history_views.api_activation, name="api-activation"),
    path("apis/<str:id>/cache/", views.api_cache, name="api-cache"),
    path("apis/<str:id>/versions/", versions.api_versions, name="api-versions"),
    path("apis/<str:id>/versions/new/", versions.version_create, name="version-create"),
    path("apis/<str:id>/notes/", history_views.api_notes, name="api-notes"),
    path("apis/<str:id>/deletion/", history_views.api_delete, name="api-delete"),
]
wire = [
    path("api/apis", rest.api_list, name="rest-apis"),
    path("api/apis/search", rest.api_search, name="rest-api-search"),
    path("api/apis/categories", rest.api_categories, name="rest-api-categories"),
    path("api/apis/groups", rest.api_groups, name="rest-api-groups"),
    path("api/apis/oas", oas_rest.oas_create, name="rest-oas"),
    path("api/apis/oas/import", oas_rest.oas_import, name="rest-oas-import"),
    path("api/apis/oas/<str:id>", oas_rest.oas_detail, name="rest-oas-api"),
    path("api/apis/oas/<str:id>/export", oas_rest.oas_export, name="rest-oas-export"),
    path("api/apis/oas/<str:id>/categories", oas_rest.oas_categories, name="rest-oas-categories"),
    path("api/apis/oas/<str:id>/versions", oas_rest.oas_versions, name="rest-oas-versions"),
    path("api/apis/streams", oas_rest.streams_create, name="rest-streams"),
    path("api/apis/streams/<str:id>", oas_rest.streams_detail, name="rest-stream"),
    path("admin/organisations/<str:organisation_id>/domains", domain_rest.domain_list),
    path("admin/organisations/<str:organisation_id>/domains/<str:name>", domain_rest.domain_detail),
    path("api/assets", assets.asset_list, name="rest-assets"),
    path("api/assets/<str:id>", assets.asset_detail, name="rest-asset"),
    path("api/schema", schemas.schema),
    path("api/schemas/apidefs", schemas.schemas, name="rest-schemas"),
    path("api/schemas/apidefs/oas", schemas.schema, {"kind": "oas"}),
    path("api/schemas/apidefs/streams-oas", schemas.schema, {"kind": "streams-oas"}),
    path("api/schemas/apidefs/mcp", schemas.schema, {"kind": "mcp"}),
    path("api/mcps", oas_rest.mcp_list, name="rest-mcps"),
    # An installer in public use writes it so.
    path("api/mcps/", oas_rest.mcp_list),
    path("api/mcps/<str:id>", oas_rest.mcp_detail, name="rest-mcp"),
    path("api/mcps/<str:id>/versions", oas_rest.mcp_versions, name="rest-mcp-versions"),
    path("api/apis/<str:id>", rest.api_detail, name="rest-api"),
    path("api/cache/<str:id>", rest.api_cache),
    path("api/apis/<str:id>/url", rest.api_url, name="rest-api-url"),
    path("api/apis/<str:id>/blast_radius", rest.api_radius),
    path("api/apis/<str:id>/access", rest.api_access, name="rest-api-access"),
]
