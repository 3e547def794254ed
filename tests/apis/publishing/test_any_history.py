"""Whatever is done to APIs, in whichever order: gateways of each version take what they are given, and it is what was
published last of each, whole.

`HISTORIES=300 manage.py test tests/apis/publishing/test_any_history.py -n0` tries longer.
"""

import copy
import json
import os
from itertools import zip_longest
from operator import itemgetter

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apis.definitions import document, kinds
from apis.definitions.oas import importing, mcp
from apis.definitions.oas.document import types
from apis.definitions.rules import shape
from apis.drafts import lifecycle as drafts
from apis.files import definitions as in_files
from apis.files.reading import File
from apis.models import ApiDefinition, Revision
from apis.publishing import bulk, feed, publish
from apis.publishing.bulk import Change
from apis.publishing.render import wrapper
from apis.publishing.serving import own_targets
from keys.files import adoption
from orgs import scope
from orgs.http.strict_json import BadJson
from orgs.refusals import Refusal
from tests.apis.definitions.test_classic import RECORDED, holding, leaves, merged
from tests.apis.examples import openapi, plain
from tests.apis.publishing.test_publish import stored
from tests.nodes import decoding

TRIED = int(os.environ.get("HISTORIES", "0"))
EXTENSION = "x-tyk-api-gateway"
PATHS = ("/a/", "/a/b/", "/b", "/b/", *(f"/{name}/" for name in "cdefghijkl"))
IDS = ("", "", "one", "two")
TARGETS = ("http://upstream.example/", "tyk://one/x")

TEXTS = st.sampled_from(
    ["", "a", "ü", "5s", "1m30s", "a" * 24, "/x", "http://h.example/", "get", "$tyk_meta.x"]
)
INTEGERS = st.sampled_from([0, 1, 200, 2**31, 2**63 - 1, -1])
GOOD = {
    "string": TEXTS,
    "bool": st.booleans(),
    "int": INTEGERS,
    "int64": INTEGERS,
    "uint16": st.sampled_from([0, 1, 65535]),
    "uint64": st.sampled_from([0, 1, 2**64 - 1]),
    "float64": st.sampled_from([0, 0.5, 1e300, -1]),
    "time.ReadableDuration": st.sampled_from(["", "5s", "1m30s", "1.5h"]),
    "time.Time": st.sampled_from(["2026-01-31T12:00:00Z", "0001-01-01T00:00:00Z", "2026-01-31T12:00:00.5+02:00"]),
}  # fmt: skip
# What JSON has besides: some of it is right for some type.
OTHERS = [None, 1.0, 1.5, -1, 2**64, "1", "", [], [1], {}, {"a": 1}, {"$oid": "b" * 24}, 10**400, True]
ODD = st.sampled_from(OTHERS)


def members(types, beside=()):
    """One member of an object of such types, with all that leads there: mostly of the right type. beside: names of
    which there is none."""
    places = [place for place in leaves(types) if not set(place[0]) & set(beside)]

    def of(place):
        steps, kind = place
        right = GOOD.get(kind, ODD)
        return st.one_of(*[right] * 9, ODD).map(lambda value: holding(steps, value))

    return st.sampled_from(places).flatmap(of)


CLASSIC = members(decoding.TYPES["5.14.0"]["api_definition"])
OF_EXTENSION = members(decoding.TYPES["5.14.0"][EXTENSION], mcp.PRIMITIVES)
OF_MCP = members(decoding.TYPES["5.14.0"][EXTENSION])
SIMPLE_SCHEMAS = [
    {"type": "string", "pattern": "^a+$"},
    {"type": ["integer", "null"], "minimum": 1},
    {"const": 1},
    {"type": "array"},
    {"exclusiveMinimum": 2},
    {"$ref": "#/components/schemas/S"},
    {"title": 1, "x-a": 1},
    {},
    True,
    {"type": 1},
    {"enum": "x"},
    {"maxLength": -1},
    {"pattern": "(?=a)"},
]
SCHEMAS = st.recursive(
    st.sampled_from(SIMPLE_SCHEMAS),
    lambda below: st.one_of(
        below.map(lambda each: {"type": "array", "items": each}),
        st.lists(below, max_size=2).map(lambda each: {"anyOf": each}),
        st.dictionaries(st.sampled_from("ab"), below, max_size=2).map(lambda each: {"properties": each}),
        below.map(lambda each: {"additionalProperties": each, "nullable": True}),
    ),
    max_leaves=4,
)
PLUGINS = st.fixed_dictionaries(
    {},
    optional={
        "validateRequest": st.just({"enabled": True, "errorResponseCode": 422}),
        "mockResponse": st.sampled_from(
            [
                {"enabled": True, "code": 200, "body": "x"},
                {"enabled": True, "fromOASExamples": {"enabled": True}},
            ]
        ),
        "allow": st.just({"enabled": True}),
        "rateLimit": st.just({"enabled": True, "rate": 5, "per": "1m"}),
    },
)


STREAMS = (
    {
        "input": {"http_server": {"path": "/in", "allowed_verbs": ["POST"]}},
        "output": {"http_client": {"url": "http://upstream.example/", "verb": "POST"}},
    },
    {"input": {"file": {"paths": ["/etc/passwd"]}}, "output": {"drop": {}}},
)


@st.composite
def definitions(draw, most=3):
    """A definition of any kind: what gateways serve, with some members put in, right and wrong ones, `most` at most."""
    path, id, target = (draw(st.sampled_from(each)) for each in (PATHS, IDS, TARGETS))
    kind = draw(st.sampled_from(["classic", "classic", "oas", "oas", "streams", "mcp"]))
    if kind == "classic":
        made = plain(path, active=draw(st.booleans()), **({"api_id": id} if id else {}))
        made["proxy"]["target_url"] = target
        for member in draw(st.lists(CLASSIC, max_size=most)):
            merged(made, member)
        return made
    info = {"name": "Orders", "state": {"active": draw(st.booleans())}, **({"id": id} if id else {})}
    plugins = {"list": draw(PLUGINS), "order": draw(PLUGINS)}
    made = openapi(path, operations=plugins, extension={"info": info, "upstream": {"url": target}})
    made["components"]["schemas"] = {"S": draw(SCHEMAS)}
    body = made["paths"]["/orders"]["post"]["requestBody"]["content"]["application/json"]
    if most > 1:
        body["schema"] = draw(SCHEMAS)
    for member in draw(st.lists(OF_MCP if kind == "mcp" else OF_EXTENSION, max_size=most)):
        merged(made[EXTENSION], member)
    if kind == "streams":
        made["x-tyk-streaming"] = {"streams": {"s": copy.deepcopy(draw(st.sampled_from(STREAMS)))}}
    return mcp.marked(made) if kind == "mcp" else made


def as_sent(definition):
    """As it arrives: read from text. Raises BadJson."""
    return document.parse(json.dumps(definition, ensure_ascii=False))


@pytest.mark.parametrize("version", sorted(RECORDED))
def test_the_decoder_stops_where_the_recorded_gateways_stopped(version):
    """Else what follows would prove nothing; skipped ones are decoded, and some that crash."""
    for case in RECORDED[version]:
        if not isinstance(case["element"], dict) or case["outcome"] in ("skipped", "crashed"):
            continue
        said = [
            each for each in decoding.objections(json.dumps([case["element"]]).encode()) if version in each
        ]
        assert (case["case"], bool(said)) == (case["case"], case["outcome"] == "list refused"), said


# Members of the extension that are kept as they are: gateways are given none of them.
UNTOLD = {"exchange", "scopeCheck", "protectedResourceMetadata"}


def test_at_every_member_what_a_decoder_stops_at_is_refused():
    """Else every organisation's APIs would be gone."""
    of_extension = decoding.TYPES["5.14.0"][EXTENSION]
    tables = [(each["api_definition"], shape.TYPES) for each in decoding.TYPES.values()]
    passed = [
        (steps, value)
        for decoded, judged in [*tables, (of_extension, types())]
        for steps, _ in leaves(decoded)
        if not UNTOLD & set(steps)
        for value in OTHERS
        if decoding.faults(holding(steps, value), decoded)
        and not shape.problems(holding(steps, value), judged)
    ]
    assert passed == []


@settings(
    max_examples=TRIED * 20 or 150,
    derandomize=not TRIED,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(definitions(), st.booleans())
def test_what_is_not_refused_is_decoded_by_each_version(definition, trusted):
    try:
        sent = as_sent(definition)
    except BadJson:
        return
    if kinds.problems(sent, may_use_references=trusted):
        return
    element = wrapper(sent, id="a" * 24, api_id="api", org_id="b" * 24)
    assert decoding.objections(b"[%b]" % element) == []


class World:
    """Two organisations, what is done to their APIs, and what must hold after each step."""

    def __init__(self, cast):
        self.people = {
            cast.acme: (cast.acme_admin, cast.super_user),
            cast.globex: (cast.globex_admin, cast.super_user),
        }

        for org, path in zip([*self.people] * 2, PATHS[6:], strict=False):
            with scope.org(org.id):
                made = plain(path)
                made["proxy"]["target_url"] = TARGETS[1]
                publish.create(org.id, made, author=None)

    def do(self, step):
        """One step, all or nothing."""
        org = list(self.people)[step["org"]]
        author = self.people[org][step["super"]]
        before = stored()
        with scope.org(org.id):
            try:
                with transaction.atomic():
                    getattr(self, step["what"])(org, author, step)
            except (Refusal, BadJson):
                assert stored() == before
        self.check()

    def api(self, org, step, number=0):
        """One of those that there are, or a refusal."""
        there = list(ApiDefinition.objects.filter(org_id=org.id).order_by("id"))
        if not there:
            raise Refusal
        return there[(step["which"] + number) % len(there)]

    def create(self, org, author, step):
        publish.create(org.id, as_sent(step["definition"]), author=author)

    def change(self, org, author, step):
        publish.change(self.api(org, step), as_sent(step["definition"]), author=author)

    def switch(self, org, author, step):
        api = self.api(org, step)
        publish.set_active(api, not api.active, author=author)

    def delete(self, org, author, step):
        publish.delete(self.api(org, step), author=author)

    def keep(self, org, author, step):
        publish.keep(self.api(org, step), {"categories": ["x"]}, author=author)

    def restore(self, org, author, step):
        """By way of a draft."""
        api = self.api(org, step)
        number = 1 + step["number"] % api.revision
        text = Revision.objects.get(definition_id=api.id, number=number).definition_text
        self._draft(api, text, author)

    def edit(self, org, author, step):
        self._draft(self.api(org, step), json.dumps(step["definition"]), author)

    def _draft(self, api, text, author):
        document.parse(text)
        draft = drafts.save(api, text, author=author, seen="", started_from=api.revision)
        drafts.publish(api.org_id, [drafts.Reviewed(api.id, draft.stamp, api.revision)], author=author)

    def extend(self, org, author, step):
        """A document without the extension."""
        asked = importing.Asked(
            listen_path=PATHS[step["number"] % len(PATHS)],
            upstream_url="http://upstream.example/",
            validate_request=True,
            mock_response=True,
        )
        bare = {name: each for name, each in as_sent(step["definition"]).items() if name != EXTENSION}
        made, faults = importing.extended(bare, asked)
        if faults or "openapi" not in made:
            raise Refusal
        publish.create(org.id, made, author=author)

    def adopt(self, org, author, step):
        """From two files of a gateway, over what there is."""
        listed = [File("1.json", json.dumps(each).encode()) for each in (step["definition"], step["second"])]
        apis, others = in_files.found([listed[0], listed[1]._replace(name="2.json")])
        wanted = adoption.Wanted(apis, [], others)
        adoption.adopt(org.id, wanted, author=author, replace=True, skip_refused=True)

    def together(self, org, author, step):
        """Several at once: a new one, one that goes, one that becomes another."""
        changes = [Change(definition=as_sent(step["definition"]))]
        api, other = self.api(org, step), self.api(org, step, 1)
        changes += [Change(api, as_sent(step["second"]))] + (
            [] if other == api else [Change(other, deleted=True)]
        )
        bulk.publish(org.id, changes, author=author)

    def on_all(self, org, author, step):
        """What the page does to all that are chosen."""
        rows = list(ApiDefinition.objects.filter(org_id=org.id))
        active = step["number"] % 2 == 0
        if rows:
            bulk.publish(org.id, [Change(api, active=active) for api in rows], author=author)

    def check(self):
        """Each active API is in the feed once, by its newest revision, in order; and gateways can read it."""
        current = feed.current()
        served = json.loads(current.body)
        assert decoding.objections(current.body) == []
        with scope.every_org():
            rows = list(ApiDefinition.objects.order_by("api_id", "id"))
            revisions = {(each.definition_id, each.number): each for each in Revision.objects.all()}
            newest = {}
            for id, number in revisions:
                newest[id] = max(number, newest.get(id, 0))
            wanted = []
            for api in rows:
                revision = revisions[api.id, newest[api.id]]
                assert (api.revision, api.definition_text) == (revision.number, revision.definition_text)
                if api.active:
                    names = kinds.names(revision.definition)
                    wanted.append(
                        wrapper(
                            revision.definition,
                            id=api.id,
                            api_id=names.api_id,
                            org_id=api.org_id,
                            id_of=own_targets(api.org_id, [api]),
                        )
                    )
        assert current.count == len(wanted)
        for element, body in zip_longest(served, wanted):
            assert element == json.loads(body)
        ids = [
            (each["id"], each["org_id"], each["active"]) for each in map(itemgetter("api_definition"), served)
        ]
        assert ids == [(api.id, api.org_id, True) for api in rows if api.active]


ALL = sorted(name for name in vars(World) if not name.startswith("_") and name not in ("do", "check", "api"))
STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "what": st.sampled_from([*ALL, "create", "create", "change"]),
            "org": st.integers(0, 1),
            "super": st.booleans(),
            "which": st.integers(0, 3),
            "number": st.integers(0, 5),
            "definition": definitions(most=1),
            "second": definitions(most=1),
        }
    ),
    min_size=5,
    max_size=12,
)


def test_a_feed_is_taken_by_each_version_and_holds_what_was_published_last(cast):
    world = World(cast)

    @settings(
        max_examples=TRIED or 6,
        derandomize=not TRIED,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(STEPS)
    def play(steps):
        with transaction.atomic():
            for step in steps:
                world.do(step)
            transaction.set_rollback(True)

    play()
