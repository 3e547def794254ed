"""tests/ mirrors the packages: x/y.py is tested in tests/x/test_y.py, and whoever looks for a test finds it there.

The packages that stand on the apps have folders of their own: dashboard/analytics is mirrored by tests/analytics, and
alerts, nodes and web likewise.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.test_arrows import ROOT, modules

SHORTER = ("alerts", "analytics", "nodes", "web")
# What is tried as a whole, not module by module.
WHOLE = {
    "tests": "the whole site: every route, header, arrow, document",
    "tests/browser": "pages in a browser",
    "tests/entry": "commands and processes as they are started",
    "tests/machines": "more machines than one: workers, a replica, a cluster",
}
ACROSS = {
    "tests/alerts/sending/test_tls.py": "mails and webhooks to servers with good and bad certificates",
    "tests/analytics/reports/errors/test_page_alone.py": "a page without the others",
    "tests/analytics/bodies/redaction/test_shapes.py": "secrets in any shape of any format",
    "tests/analytics/test_agreement.py": "what few requests have: on pages, in files, by REST and in the log",
    "tests/analytics/rest/test_owned.py": "that own APIs say nothing of others: on pages, in files and by REST",
    "tests/analytics/test_hostile_records.py": "what a gateway could send, from the list to the page",
    "tests/analytics/test_replica.py": "figures read from a replica, page by page",
    "tests/analytics/test_rooms.py": "how far a request goes",
    "tests/apis/publishing/test_any_history.py": "whatever is done to APIs, to the feed",
    "tests/dashboard/test_upgrade.py": "a database of an earlier version",
    "tests/keys/credentials/test_doors.py": "every door of a key with what it must not name",
    "tests/keys/credentials/test_rest.py": "ids, users and secrets by REST, from the body to Redis",
    "tests/keys/test_foreign.py": "every door of keys, policies and OAuth clients with what is not the organisation's",
    "tests/keys/test_secrecy.py": "where a token must not be found",
    "tests/nodes/test_conversations.py": "recorded gateways, call by call",
    "tests/nodes/test_under_load.py": "many gateways at once",
    "tests/orgs/test_conditional.py": "If-Match and If-None-Match of every object",
    "tests/orgs/test_cookies.py": "every cookie that is set",
    "tests/orgs/test_migration_sign_in.py": "a migration with data",
    "tests/orgs/test_one_hash.py": "how many hashes a sign-in costs, by whatever door",
}
# Modules without a test of their own: where theirs are.
TESTED_IN = {
    "dashboard/alerts/forms.py": "tests/alerts/test_views.py",
    "dashboard/alerts/lifecycle.py": "tests/alerts/test_views.py",
    "dashboard/alerts/looking/quotas.py": "tests/alerts/test_evaluation.py",
    "dashboard/alerts/looking/traffic.py": "tests/alerts/test_evaluation.py",
    "dashboard/alerts/telling.py": "tests/alerts/test_evaluation.py",
    "dashboard/alerts/sending/mail.py": "tests/alerts/sending/test_delivery.py",
    "dashboard/alerts/sending/outbox.py": "tests/alerts/sending/test_delivery.py",
    "dashboard/alerts/sending/webhook.py": "tests/alerts/sending/test_delivery.py",
    "dashboard/alerts/sending/words.py": "tests/alerts/sending/test_delivery.py",
    "dashboard/demonstration/watched.py": "tests/dashboard/demonstration/test_seed.py",
    "dashboard/metrics/figures.py": "tests/dashboard/metrics/test_views.py",
    "apis/gateways/names.py": "tests/keys/certificates/test_delivery.py",
    "apis/allowances/changes.py": "tests/apis/allowances/test_views.py",
    "apis/allowances/forms.py": "tests/apis/allowances/test_views.py",
    "apis/assets/forms.py": "tests/apis/assets/test_views.py",
    "apis/assets/members.py": "tests/apis/assets/test_rest.py",
    "apis/assets/lifecycle.py": "tests/apis/assets/test_rest.py",
    "apis/importing/forms.py": "tests/apis/importing/test_views.py",
    "apis/definitions/versions.py": "tests/apis/test_oas_rest.py",
    "apis/versions/forms.py": "tests/apis/versions/test_views.py",
    "apis/versions/lifecycle.py": "tests/apis/test_oas_rest.py",
    "apis/definitions/fields/description.py": "tests/apis/definitions/fields/test_classic.py",
    "apis/definitions/fields/endpoints.py": "tests/apis/definitions/fields/test_classic.py",
    "apis/definitions/fields/callers.py": "tests/apis/definitions/fields/test_openapi.py",
    "apis/definitions/fields/members.py": "tests/apis/definitions/fields/test_writing.py",
    "apis/definitions/fields/operations.py": "tests/apis/definitions/fields/test_openapi.py",
    "apis/definitions/fields/places.py": "tests/apis/definitions/fields/test_writing.py",
    "apis/definitions/oas/document.py": "tests/apis/definitions/oas/test_definition.py",
    "apis/definitions/oas/lists.py": "tests/apis/definitions/oas/test_members.py",
    "apis/definitions/oas/made.py": "tests/apis/definitions/oas/test_members.py",
    "apis/definitions/oas/operations.py": "tests/apis/definitions/oas/test_members.py",
    "apis/definitions/oas/schemas.py": "tests/apis/definitions/oas/test_sibling.py",
    "apis/definitions/oas/security.py": "tests/apis/definitions/oas/test_members.py",
    "apis/drafts/forms.py": "tests/apis/drafts/test_views.py",
    "apis/files/reading.py": "tests/apis/files/test_directory.py",
    "dashboard/nodes/joining/checklist.py": "tests/nodes/test_views.py",
    "dashboard/nodes/confirming/confirmed.py": "tests/nodes/confirming/test_views.py",
    "dashboard/nodes/confirming/forms.py": "tests/nodes/confirming/test_views.py",
    "dashboard/nodes/confirming/runs.py": "tests/nodes/confirming/test_reading.py",
    "dashboard/nodes/rows.py": "tests/nodes/test_views.py",
    "dashboard/nodes/reloads/reloading.py": "tests/nodes/test_rest.py",
    "keys/files/adoption.py": "tests/entry/test_adopt.py",
    "keys/files/forms.py": "tests/keys/files/test_views.py",
    "apis/actions/export.py": "tests/apis/actions/test_views.py",
    "apis/actions/forms.py": "tests/apis/actions/test_views.py",
    "apis/actions/kinds.py": "tests/apis/actions/test_views.py",
    "orgs/http/choosing.py": "tests/apis/actions/test_views.py",
    "apis/wrapper.py": "tests/apis/test_rest.py",
    "dashboard/analytics/bodies/keeping.py": "tests/analytics/bodies/test_page.py",
    "dashboard/analytics/bodies/redaction/found.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/json_text.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/lists.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/markup.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/names.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/packed.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/pairs.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/passes.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/statements.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/strings.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/tables.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/bodies/redaction/yaml_text.py": "tests/analytics/bodies/redaction/test_messages.py",
    "dashboard/analytics/explaining/facts.py": "tests/analytics/explaining/test_judgement.py",
    "dashboard/analytics/explaining/of_api.py": "tests/analytics/explaining/test_judgement.py",
    "dashboard/analytics/explaining/of_key.py": "tests/analytics/explaining/test_judgement.py",
    "dashboard/analytics/explaining/page.py": "tests/analytics/explaining/test_reading.py",
    "keys/history/then.py": "tests/analytics/explaining/test_reading.py",
    "dashboard/analytics/replay/reading.py": "tests/keys/dry_run/test_views.py",
    "keys/dry_run/callers.py": "tests/keys/dry_run/test_views.py",
    "orgs/providers/dry_run.py": "tests/keys/dry_run/test_views.py",
    "orgs/providers/holding.py": "tests/analytics/explaining/test_judgement.py",
    "apis/publishing/staging.py": "tests/apis/publishing/test_bulk.py",
    "apis/publishing/references.py": "tests/keys/policies/use/test_naming.py",
    "apis/publishing/render.py": "tests/apis/publishing/test_serving.py",
    "keys/certificates/ending.py": "tests/keys/certificates/test_delivery.py",
    "keys/certificates/forms.py": "tests/keys/certificates/test_views.py",
    "keys/certificates/lifecycle.py": "tests/keys/certificates/test_rest.py",
    "keys/certificates/refusals.py": "tests/keys/certificates/test_rest.py",
    "keys/certificates/repair.py": "tests/keys/certificates/test_delivery.py",
    "keys/certificates/served.py": "tests/keys/certificates/test_delivery.py",
    "dashboard/analytics/dimensions.py": "tests/analytics/ingest/test_rollup.py",
    "dashboard/analytics/ingest/apart.py": "tests/analytics/ingest/test_store.py",
    "dashboard/analytics/rest/activity.py": "tests/analytics/rest/test_usage.py",
    "dashboard/analytics/rest/answers.py": "tests/analytics/rest/test_usage.py",
    "dashboard/analytics/rest/logs.py": "tests/analytics/rest/test_usage.py",
    "dashboard/analytics/rest/reading.py": "tests/analytics/rest/test_usage.py",
    "dashboard/analytics/rest/whole.py": "tests/analytics/rest/test_usage.py",
    "dashboard/analytics/reports/periods/comparing.py": "tests/analytics/reports/periods/test_asking.py",
    "dashboard/analytics/reports/periods/cutting.py": "tests/analytics/reports/periods/test_asking.py",
    "dashboard/analytics/reports/periods/period.py": "tests/analytics/reports/periods/test_asking.py",
    "dashboard/analytics/reports/periods/written.py": "tests/analytics/reports/periods/test_asking.py",
    "dashboard/analytics/reports/errors/reader.py": "tests/analytics/reports/errors/test_page.py",
    "dashboard/worker.py": "tests/entry/test_worker.py",
    "dashboard/wsgi.py": "tests/entry/test_gunicorn.py",
    "dashboard/web/chunks.py": "tests/web/test_worker.py",
    "dashboard/web/gunicorn_settings.py": "tests/entry/test_gunicorn.py",
    "keys/actions/chunks.py": "tests/keys/actions/test_views.py",
    "keys/actions/forms.py": "tests/keys/actions/test_views.py",
    "keys/actions/kinds.py": "tests/keys/actions/test_views.py",
    "keys/finding/forms.py": "tests/keys/finding/test_views.py",
    "keys/finding/quotas.py": "tests/keys/finding/test_views.py",
    "keys/finding/rows.py": "tests/keys/finding/test_views.py",
    "keys/hygiene/findings.py": "tests/keys/hygiene/test_views.py",
    "apis/definitions/rules/policies.py": "tests/keys/policies/use/test_naming.py",
    "keys/credentials/forms.py": "tests/keys/credentials/test_views.py",
    "keys/credentials/members.py": "tests/keys/credentials/test_rest.py",
    "keys/credentials/naming.py": "tests/keys/credentials/test_rest.py",
    "keys/credentials/sealed.py": "tests/keys/credentials/test_rest.py",
    "keys/credentials/showing.py": "tests/keys/credentials/test_views.py",
    "keys/keyspace/delivered.py": "tests/keys/oauth/test_delivery.py",
    "keys/oauth/forms.py": "tests/keys/oauth/test_views.py",
    "keys/oauth/tokens.py": "tests/keys/oauth/test_delivery.py",
    "keys/organisations/delivery.py": "tests/keys/organisations/test_rest.py",
    "keys/organisations/lifecycle.py": "tests/keys/organisations/test_rest.py",
    "keys/organisations/session.py": "tests/keys/organisations/test_rest.py",
    "keys/oauth/repair.py": "tests/keys/oauth/test_delivery.py",
    "keys/oauth/refusals.py": "tests/keys/oauth/test_lifecycle.py",
    "keys/policies/effect/applying.py": "tests/keys/policies/effect/test_effective.py",
    "keys/policies/effect/levels.py": "tests/keys/policies/effect/test_effective.py",
    "keys/policies/effect/merging.py": "tests/keys/policies/effect/test_effective.py",
    "keys/policies/effect/rights.py": "tests/keys/policies/effect/test_effective.py",
    "keys/rotation/counters.py": "tests/keys/rotation/test_lifecycle.py",
    "keys/rotation/forms.py": "tests/keys/rotation/test_views.py",
    "keys/rotation/generations.py": "tests/keys/rotation/test_views.py",
    "keys/sessions/facts.py": "tests/keys/keys/test_lifecycle.py",
    "keys/sessions/fields.py": "tests/keys/keys/test_forms.py",
    "keys/templatetags/keys_picker.py": "tests/keys/keys/test_picker.py",
    "keys/policies/conflicts.py": "tests/keys/policies/test_lifecycle.py",
    "keys/policies/editing.py": "tests/keys/policies/test_views.py",
    "keys/policies/history_views.py": "tests/keys/policies/test_views.py",
    "keys/policies/refusals.py": "tests/keys/policies/test_lifecycle.py",
    "keys/policies/storing.py": "tests/keys/policies/test_lifecycle.py",
    "orgs/db/base.py": "tests/orgs/db/test_tenancy.py",
    "orgs/db/checks.py": "tests/orgs/db/test_tenancy.py",
    "orgs/db/proof.py": "tests/orgs/db/test_tenancy.py",
    "orgs/db/schema.py": "tests/orgs/db/test_tenancy.py",
    "orgs/managers.py": "tests/orgs/db/test_tenancy.py",
    "orgs/scope.py": "tests/orgs/db/test_tenancy.py",
    "orgs/organisations/forms.py": "tests/orgs/http/test_forms.py",
    "orgs/people/forms.py": "tests/orgs/people/test_views.py",
    "orgs/people/rules.py": "tests/orgs/audit/test_changes.py",
    "orgs/providers/callers.py": "tests/keys/finding/test_views.py",
    "orgs/providers/blast_radius.py": "tests/keys/keys/test_views.py",
    "orgs/refusals.py": "tests/orgs/http/test_refusals.py",
    "orgs/signing_in/credentials.py": "tests/orgs/people/test_rest.py",
    "orgs/signing_in/forms.py": "tests/orgs/signing_in/test_views.py",
    "keys/openers.py": "tests/apis/drafts/test_reviewing.py",
    "dashboard/analytics/reports/everywhere/reader.py": "tests/analytics/reports/everywhere/test_page.py",
    "dashboard/analytics/ingest/upkeep/page.py": "tests/analytics/ingest/upkeep/test_recounting.py",
    "dashboard/analytics/uptime/reader.py": "tests/analytics/uptime/test_page.py",
    "orgs/providers/marks.py": "tests/analytics/reports/charts/test_marks.py",
    "orgs/providers/last_week.py": "tests/apis/drafts/test_reviewing.py",
    "orgs/providers/turned_away.py": "tests/analytics/radius/test_definitions.py",
    "orgs/providers/alerts.py": "tests/analytics/reports/everywhere/test_page.py",
}
# Declarations, and folders that the tests of tests/entry start as a whole.
WITHOUT = {"__init__.py", "admin.py", "apps.py", "models.py", "settings.py", "urls.py"}
STARTED = ("dashboard/engines/", "dashboard/benchmarks/", "dashboard/management/")
LITTLE = 25  # lines
FULL = 15  # modules in a folder


def mirrored(module: str) -> str:
    *folders, name = Path(module).parts
    if folders[0] == "dashboard" and folders[1:2] and folders[1] in SHORTER:
        folders = folders[1:]
    return "/".join(["tests", *folders, f"test_{name}"])


MODULES = {str(path.relative_to(ROOT)) for path in modules() if "migrations" not in path.parts}
TESTS = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}


def test_every_test_is_of_a_module_or_across_several_for_a_reason():
    of_modules = {mirrored(module) for module in MODULES}
    alone = {name for name in TESTS if str(Path(name).parent) not in WHOLE}
    assert alone - of_modules == set(ACROSS)


def test_every_module_with_logic_is_tested_where_one_would_look_or_where_the_list_says():
    tested = {
        module
        for module in MODULES
        if Path(module).name not in WITHOUT
        and not module.startswith(STARTED)
        and len((ROOT / module).read_text().splitlines()) > LITTLE
    }
    assert {module for module in tested if mirrored(module) not in TESTS} == set(TESTED_IN)


@pytest.mark.parametrize("name", sorted(set(TESTED_IN.values())))
def test_the_tests_that_the_list_names_are_there(name):
    assert name in TESTS


def test_no_folder_of_code_or_of_its_tests_holds_more_than_fifteen_modules():
    folders = Counter(str(Path(module).parent) for module in MODULES)
    folders += Counter(str(path.parent.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py"))
    assert {folder: held for folder, held in folders.items() if held > FULL} == {}
