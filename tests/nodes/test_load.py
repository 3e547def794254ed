"""What gateways tell each other of themselves, as recorded from 3.0.12 and 5.14.0, and who is believed."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from apis.gateways.names import CHANNEL
from apis.gateways.signing import signed
from dashboard.nodes import load
from dashboard.nodes.models import Node

ID = "5a94a048-5aeb-4513-addf-48c77fa1f888"
# Both versions sent this, with node secrets of their own.
SAID = {"HostName": "vm", "ID": ID, "LoadPerSec": 1, "Percentage": 0, "TagHash": "edgeeu"}
RECORDED = (
    b'{"command":"NoticeGatewayDRLNotification","payload":"{\\"HostName\\":\\"vm\\",'
    b'\\"ID\\":\\"5a94a048-5aeb-4513-addf-48c77fa1f888\\",\\"LoadPerSec\\":1,\\"Percentage\\":0,'
    b'\\"TagHash\\":\\"edgeeu\\"}","signature":"5355fb0d4c753cfb473dcce686a0f9b938d26079f0508b993090dd256f3ba50d",'
    b'"algorithm":5}'
)


def said(secret="a-secret", **members):  # noqa: S107
    return signed(load.NOTICE, json.dumps(SAID | members), secret)


def changed(**members):
    return json.dumps(json.loads(said()) | members).encode()


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        (said(), (ID, "edgeeu", 1)),
        (said("the-former"), (ID, "edgeeu", 1)),
        (said(TagHash="", LoadPerSec=420), (ID, "", 420)),
        (said(TagHash="a\0b" + "c" * 400), (ID, "ab" + "c" * 298, 1)),
        (said("another"), None),
        (RECORDED, None),
        (changed(payload=json.dumps(SAID | {"LoadPerSec": 9})), None),
        (changed(signature=7), None),
        (changed(signature="\ud800"), None),
        (changed(payload=[]), None),
        (changed(command="ApiUpdated"), None),
        (signed("ApiUpdated", json.dumps(SAID), "a-secret"), None),
        *((said(LoadPerSec=number), None) for number in (-1, 1 << 31, 1.5, "1", None, True)),
        (said(TagHash="\ud800"), (ID, "?", 1)),
        *((said(ID=id), None) for id in ("", None, 3, "a\0", "\ud800")),
        (said(TagHash=["edge"]), None),
        (signed(load.NOTICE, "[" * 100_000, "a-secret"), None),
        (load.NOTICE.encode() + b"\xff", None),
        (b"", None),
    ],
)
def test_only_what_was_signed_with_one_of_the_node_secrets_is_heard(message, heard):
    assert load.notice(message, ["a-secret", "the-former"]) == heard


def test_the_signature_is_the_one_that_gateways_make():
    """SHA-256 of command, payload and secret: the harness's node secret is gone, so of a message made anew."""
    assert json.loads(said())["algorithm"] == 5
    assert load.notice(said(), []) is None


def test_known_nodes_have_the_mean_of_what_they_said_and_the_last_tags(db):
    Node.objects.create(session_id="a", node_id="one")
    Node.objects.create(session_id="b", node_id="two", tags="old", load=5)
    load.write({"one": [("x", 2), ("edge", 4)], "stranger": [("", 1)]})
    found = list(Node.objects.order_by("session_id").values_list("tags", "load"))
    assert found == [("edge", 3), ("old", 5)]
    [at] = Node.objects.exclude(load_at=None).values_list("load_at", flat=True)
    assert timezone.now() - at < timedelta(minutes=1)


def test_it_listens_for_a_while_in_short_steps_and_then_rests(db, redis, monkeypatch):
    monkeypatch.setattr(load, "LISTENING", 1)
    monkeypatch.setattr(load, "LONGEST", 0.1)
    Node.objects.create(session_id="a", node_id=ID)
    listening = load.Listening()
    answers = [listening.step(redis)]
    redis.publish(CHANNEL, said(settings.NODE_SECRET, LoadPerSec=7))
    while answers[-1] is True:
        answers.append(listening.step(redis))
    assert (answers[-1], len(answers) > 1) == (load.REST, True)
    assert list(Node.objects.values_list("tags", "load")) == [("edgeeu", 7)]
    assert redis.pubsub_numsub(CHANNEL) == [(CHANNEL.encode(), 0)]
