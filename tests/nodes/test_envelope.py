import gzip
import json

from dashboard.nodes import envelope
from tests.nodes.acceptance import HARMFUL_TEXTS


def test_an_answer_is_compact_json_with_message_and_nonce():
    assert envelope.answer({"NodeID": "n"}, "x") == b'{"Status":"OK","Message":{"NodeID":"n"},"Nonce":"x"}'
    assert envelope.answer(None, "x") == b'{"Status":"OK","Message":null,"Nonce":"x"}'


def test_a_nonce_with_quotes_stays_inside_its_string():
    assert json.loads(envelope.answer([], 'a"},{"b\\'))["Nonce"] == 'a"},{"b\\'


def test_the_feed_holds_the_stored_bytes_unchanged():
    body = '[{"api_definition":{"name":"Käse"},"oas":null}]'.encode()
    assert envelope.feed(body, "x") == b'{"Status":"OK","Message":' + body + b',"Nonce":"x"}'


def test_gzip_members_are_one_stream_of_the_whole_feed():
    body = json.dumps([{"api_definition": {"name": f"API {number}"}} for number in range(500)]).encode()
    streams = [envelope.compressed_feed(gzip.compress(body), nonce) for nonce in ("one", "another")]
    assert [gzip.decompress(stream) for stream in streams] == [
        envelope.feed(body, nonce) for nonce in ("one", "another")
    ]
    assert len(streams[0]) < len(gzip.compress(body)) + 100


def test_refusals_are_not_json_and_hold_no_text_that_locks_a_node_up():
    for text in (envelope.ALREADY_REGISTERED, envelope.UNAVAILABLE):
        assert [harmful for harmful in HARMFUL_TEXTS if harmful.lower() in text.lower()] == []
        assert text[:1].isupper()  # no JSON value begins with a capital letter
