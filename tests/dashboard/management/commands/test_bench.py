"""The benchmarks run, on engines of their own, and say what they measured."""

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.conf import settings

from dashboard.analytics.models import Record
from dashboard.benchmarks import edits, feed, idle, keys, policies, publish, world
from dashboard.benchmarks.reading import month, pages, screens, tenancy
from dashboard.management.commands.bench import Command
from dashboard.nodes import envelope
from orgs import scope

NOW = datetime.now(UTC)
END = datetime(2026, 11, 25, 14, tzinfo=UTC)
FIGURES = {
    "machine", "what", "records", "anchor", "anchor_is", "median", "ratio", "spread", "rows_per_record",
    "bytes_per_record", "rollup_bytes_per_record",
}  # fmt: skip
PAGES = pages.PAGES
FEW = ("home", "overview, 30 d", "traffic of all organisations", "REST usage, 30 d")
POSITIVE = ("anchor", "median", "ratio", "bytes_per_record")


def bench(*arguments: str) -> str:
    command = [sys.executable, "manage.py", "bench", *arguments]
    return subprocess.run(command, cwd=settings.BASE_DIR, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def few_runs(committed, redis, monkeypatch) -> None:
    """Two runs of each, in this process and on its servers; a command on servers that vanish is tried with others. Of
    the pages a few."""
    monkeypatch.setattr(pages, "PAGES", {name: PAGES[name] for name in FEW})
    monkeypatch.setattr(keys, "RUNS", 2)
    monkeypatch.setattr(publish, "RUNS", 2)
    monkeypatch.setattr(screens, "RUNS", 2)
    monkeypatch.setattr(tenancy, "RUNS", 2)


def test_without_a_name_the_benchmarks_are_listed():
    assert [line.split()[0] for line in bench().splitlines()] == [
        "deliveries",
        "edits",
        "feed",
        "idle",
        "ingest",
        "keys",
        "kills",
        "policies",
        "publish",
        "screens",
        "tenancy",
    ]


def test_a_benchmark_prints_one_line_of_figures():
    figures = json.loads(bench("ingest", "--records", "300", "--workers", "2", "--sparse"))
    assert (figures.keys(), figures["records"]) == (
        FIGURES | {"per_record", "tick", "plain", "parts", "pumps"},
        300,
    )
    for run in (figures, figures["plain"]):
        of_database = {"postgresql_processor_us", "wal_bytes"}
        assert run["per_record"].keys() == {
            "worker_processor_us",
            *of_database,
            *(f"closing_{name}" for name in of_database),
        }
        assert min(*run["per_record"].values(), *run["tick"].values()) > 0
    assert figures["parts"].keys() == {"records_only", "decoding_us", "copying_us", "recording_us"}
    assert min(figures[name] for name in POSITIVE) > 0


def test_screens_are_measured_against_raw_records(few_runs):
    figures = screens.run(300, seed=7)
    assert (figures.keys(), figures["records"]) == (FIGURES | {"parts", "pages", "wasteful"}, 300)
    assert min(figures[name] for name in POSITIVE) > 0
    assert figures["pages"].keys() == set(FEW)
    assert {page["status"] for page in figures["pages"].values()} == {200}
    assert all(0 < page["slowest"]["ms"] < page["sql_ms"] < page["ms"] for page in figures["pages"].values())


def test_traffic_that_was_kept_goes_on_until_now_and_each_page_is_there(committed, redis):
    month.make(300, 7, NOW - timedelta(days=1))
    reads = pages.Reader(month.make(300, 7, NOW), NOW)
    assert {page: reads.ask(page).status for page in PAGES} == dict.fromkeys(PAGES, 200)
    with scope.every_org():
        records = list(Record.objects.order_by("ts").values_list("id", "ts"))
    assert [number for number, _ in records] == list(range(len(records)))
    assert 310 <= len(records) <= 312  # from the last one on
    assert NOW - timedelta(hours=8) < records[-1][1] < NOW


def test_what_is_to_be_kept_is_there_when_the_engines_have_ended():
    with TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        keep = Path(place, "kept")
        with Command().engines(durable=False, keep=keep) as engines:
            assert engines.var == keep.resolve()
        assert list(keep.glob("pg*/PG_VERSION"))


def test_what_a_plan_reads_is_counted_with_what_it_leaves_out_each_time():
    scan = {"Relation Name": "record", "Actual Rows": 2, "Rows Removed by Filter": 8, "Actual Loops": 3}
    assert pages.rows_read({"Actual Rows": 1, "Actual Loops": 1, "Plans": [scan, {"Plans": [scan]}]}) == 60


def test_statements_are_measured_with_row_level_security_and_without(few_runs):
    figures = tenancy.run(300, seed=7)
    assert figures["pages"].keys() == set(FEW)
    assert all(min(page["with"], page["without"], page["ratio"]) > 0 for page in figures["pages"].values())


def test_what_is_done_with_keys_is_measured_by_how_many_there_are(few_runs):
    figures = keys.run(10)
    assert figures.keys() == {"machine", "what", "runs", "parts", "growth", "growth from 10,000", "spread"}
    parts = figures["parts"]
    assert {"list", "search, one found", "open", "deliver", "API deleted that few name"} < parts.keys()
    assert {tuple(by) for by in parts.values()} == {("10",)}
    assert min(by["10"] for by in parts.values()) > 0
    assert (figures["growth"], parts.keys()) == (dict.fromkeys(parts), figures["spread"].keys())


def test_a_change_of_a_policy_writes_no_key_and_what_is_done_with_policies_is_measured(few_runs):
    figures = policies.run(10)
    assert figures["key_writes"] == {"10": 0}
    assert {"list", "open", "change", "delete"} < figures["parts"].keys()
    assert {tuple(by) for by in figures["parts"].values()} == {("10",)}
    assert min(ms for by in figures["parts"].values() for ms in by.values()) > 0


def test_growth_is_that_of_the_largest_over_the_smallest():
    assert keys.growth({10: 4.0, 10_000: 6.0, 1_000_000: 5.0}) == 1.25
    assert keys.growth({10: 4.0}) is None
    assert keys.growth({}) is None


def test_the_same_seed_makes_the_same_traffic():
    def first(seed: int) -> list[bytes]:
        return list(islice(world.World(seed).entries(1000, END - timedelta(days=1), END), 20))

    assert first(7) == first(7)
    assert first(7) != first(8)


@pytest.mark.skipif(sys.platform != "linux", reason="the figures are those of /proc")
def test_an_idle_installation_is_measured_with_all_its_processes(monkeypatch):
    monkeypatch.setattr(idle, "SETTLE_SECONDS", 0)
    figures = idle.run(seconds=1)
    assert {"gatehouse-web", "worker", "postgres", "valkey-server"} <= figures["processes"].keys()
    assert figures["cpu_seconds_a_minute"] > 0
    assert 20 < figures["pss_mb"] < 1_000


def test_publishing_is_measured_by_how_many_apis_are_there(few_runs):
    found = publish.run(10, seed=7)
    assert list(found["parts"]) == list(found["growth"]) == ["change", "create", "delete", "pull"]
    assert {tuple(times) for times in found["parts"].values()} == {("10",)}
    assert min(times["10"] for times in found["parts"].values()) > 0
    assert found["feed_bytes"] > 10 * 2_600


def test_a_fleet_that_comes_at_once_gets_whole_feeds_and_so_it_does_while_all_breaks():
    figures = json.loads(bench("feed", "--records", "20"))
    assert figures["register"]["statuses"] == {"200": 20}
    assert (figures["pull"]["statuses"], figures["static file"]["statuses"]) == ({"200": 60}, {"200": 60})
    assert (figures["gateways"], figures["apis"], figures["whole"]) == (20, 20, 60)
    assert min(*figures["ratio"].values(), figures["register"]["p99"], figures["sent_bytes"]) > 0
    disturbed = figures["disturbed"]
    assert disturbed["statuses"].keys() <= {"0", "200", "503"}
    assert (disturbed["whole"], disturbed["not parsed"], disturbed["never committed"]) == (
        disturbed["statuses"]["200"],
        0,
        0,
    )
    assert min(disturbed["web processes killed"], disturbed["database restarts"], disturbed["seen"]) > 0


def test_what_is_not_a_whole_answer_is_not_taken_for_one():
    packed = gzip.compress(b"[1]")
    whole = envelope.compressed_feed(packed, "nonce")
    assert feed._message(whole) == feed._digest(b"[1]")
    wrong = (whole[:-9], whole[:40], packed, b"", envelope.compressed_feed(packed, ""), b"[1]")
    assert [feed._message(body) for body in wrong] == [""] * len(wrong)


def test_no_edit_of_many_at_once_is_lost_without_a_refusal_or_a_trace(few_runs):
    figures = edits.run(60, seed=7)
    made = figures["made"]
    statuses = {status for statuses in figures["statuses"].values() for status in statuses}
    assert (statuses <= {"200", "412"}, figures["statuses"]["without"]) == (True, {"200": 30})
    assert made == 30 + figures["statuses"]["with If-Match"].get("200", 0)
    wrong = (
        "lost though If-Match was sent",
        "without an audit pair",
        "said to be made, and not",
        "made, and not said so",
        "made twice",
        "revisions left out",
        "not what is there now",
    )
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0)
