"""`/api/schemas/apidefs`: shapes as JSON schemas."""


def test_each_kind_has_a_schema_in_the_version_asked_for(cast, rest):
    ada = rest(cast.acme_admin)
    every = ada.get("/api/schemas/apidefs").json()
    assert list(every) == ["oas", "streams-oas", "mcp"]
    for kind, extra in (("oas", []), ("streams-oas", ["x-tyk-streaming"]), ("mcp", [])):
        schema = ada.get(f"/api/schemas/apidefs/{kind}").json()
        assert schema == every[kind]
        assert schema["required"] == ["openapi", "info", "x-tyk-api-gateway", "paths", *extra]
    assert ada.get("/api/schema").json() == every["oas"]
    newer = ada.get("/api/schemas/apidefs/oas?oasVersion=3.1&pretty=true")
    assert b'\n  "type": "object"' in newer.content
    assert newer.json()["properties"]["openapi"]["pattern"] == r"^3\.1\.[0-9]+"
    extension = every["oas"]["properties"]["x-tyk-api-gateway"]["properties"]
    assert extension["upstream"]["properties"]["url"] == {"type": ["string", "null"]}
    answer = ada.get("/api/schemas/apidefs/mcp?mcpVersion=2.0")
    assert (answer.status_code, answer.json()["Message"]) == (
        400,
        "mcpVersion: must be one of 3.0, 3.0.3, 3.1, 3.1.0",
    )
