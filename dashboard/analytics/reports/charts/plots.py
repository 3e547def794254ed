"""The time charts and the accessible table of each. Pure: Traffic in, plots out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from dashboard.analytics.clock import DAY, HOUR
from dashboard.analytics.dimensions import RECORDS
from dashboard.analytics.reports.charts import figures, geometry
from dashboard.analytics.reports.charts.geometry import Band, Chart, Tick
from dashboard.analytics.reports.periods.cutting import WEEK
from dashboard.analytics.reports.periods.period import Cut, Period
from dashboard.analytics.reports.traffic import Buckets, Figures, Traffic

CLASSES = (("2xx", "2xx"), ("3xx", "3xx"), ("4xx", "4xx"), ("5xx", "5xx"))
FAILURES = (("4xx", "4xx"), ("5xx", "5xx"))
PERCENTILES = (("p50", "p50"), ("p95", "p95"), ("p99", "p99"))
SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Event:
    """Something that may explain a change in a chart: drawn as a mark, or as a band if it lasted, and listed below."""

    at: datetime
    text: str
    url: str = ""
    when: str = ""  # on the organisation's clock
    until: datetime | None = None  # when it ended, of what lasted
    parts: tuple["Event", ...] = ()  # the single ones of several, as far as they are told


@dataclass(frozen=True)
class Plot:
    """`legend`: (class, label, figure of the whole period); `rows`: (label, cells) a bucket, which begins at one of the
    `edges` and ends at the next;
    `gap`: (x, width) in per cent of the time that nothing is known about yet, or None."""

    name: str
    title: str
    unit: str
    chart: Chart
    legend: tuple[tuple[str, str, str], ...]
    description: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    edges: tuple[datetime, ...]
    gap: tuple[str, str] | None
    note: str = ""  # what else is to be said of the whole period
    links: tuple[
        tuple[tuple[str, str], ...], ...
    ] = ()  # (text, address) of each bucket, for the table beside the chart

    @property
    def lines(self) -> list[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]]:
        """The rows with their links."""
        links = self.links or ((),) * len(self.rows)
        return [(*row, own) for row, own in zip(self.rows, links, strict=False)]

    @property
    def buckets(self) -> int:
        return len(self.edges) - 1


def status_plot(period: Period, traffic: Traffic, events: Sequence[Event]) -> Plot:
    """Requests by class of status, stacked."""
    counts, total = traffic.counts, traffic.total
    rows = [(part.status_2xx, part.status_3xx, part.status_4xx, part.status_5xx) for part in counts.figures]
    axis = _axis(period, counts, events, figures.short)
    beside = compared_requests(period, traffic)
    chart = geometry.stacked(
        CLASSES, _padded(rows, counts, (0, 0, 0, 0)), counts.complete, beside=beside, **axis
    )
    sums = (total.status_2xx, total.status_3xx, total.status_4xx, total.status_5xx)
    return _plot(
        "requests",
        "Requests by status",
        f"requests {_each(counts.cut)}",
        chart,
        period=period,
        traffic=traffic,
        buckets=counts,
        legend=zip(CLASSES, map(figures.exact, sums), strict=True),
        description=describe_requests(period, counts, total),
        compared=("Compared", [figures.short(value) for value in beside]),
        header=("Requests", "2xx", "3xx", "4xx", "5xx", "429"),
        cells=lambda part: [
            figures.exact(count)
            for count in (
                part.hits,
                part.status_2xx,
                part.status_3xx,
                part.status_4xx,
                part.status_5xx,
                part.limited,
            )
        ],
    )


def share_plot(period: Period, traffic: Traffic, events: Sequence[Event]) -> Plot:
    """The shares of 4xx and 5xx, which hardly show in a stack of counts."""
    counts, total = traffic.counts, traffic.total
    columns = [
        [figures.share(getattr(part, name), part.hits) for part in counts.figures]
        for name in ("status_4xx", "status_5xx")
    ]
    axis = _axis(period, counts, events, figures.per_cent)
    padded = [_padded(column, counts, None) for column in columns]
    sums = (figures.share(total.status_4xx, total.hits), figures.share(total.status_5xx, total.hits))
    known = traffic.compared.counts if traffic.compared else None
    beside = _compared(period, counts.cut, known, lambda part, _: figures.share(part.status_5xx, part.hits))
    return _plot(
        "requests",
        "Share of errors",
        f"share of all requests, {_each(counts.cut)}",
        geometry.lines(FAILURES, padded, counts.complete, beside=beside, **axis),
        period=period,
        traffic=traffic,
        buckets=counts,
        legend=zip(FAILURES, map(figures.per_cent, sums), strict=True),
        description=describe_requests(period, counts, total),
        compared=("5xx compared", [figures.per_cent(value) for value in beside]),
        header=("Requests", "4xx", "5xx"),
        cells=lambda part: (
            figures.exact(part.hits),
            figures.per_cent(figures.share(part.status_4xx, part.hits)),
            figures.per_cent(figures.share(part.status_5xx, part.hits)),
        ),
    )


def latency_plot(period: Period, traffic: Traffic, events: Sequence[Event]) -> Plot:
    """p50, p95 and p99 of the requests that were passed on."""
    latency = traffic.latency
    rows = [part.percentiles(*SHARES) for part in latency.figures]
    columns = [_padded([row[index] for row in rows], latency, None) for index in range(len(SHARES))]
    axis = _axis(period, latency, events, figures.milliseconds)
    beside = compared_latency(period, traffic)
    chart = geometry.lines(PERCENTILES, columns, latency.complete, logarithmic=True, beside=beside, **axis)
    whole = traffic.total.percentiles(*SHARES)
    return _plot(
        "latency",
        "Latency",
        f"time to answer, {_each(latency.cut)}, within 1/64, on a logarithmic scale{_source(period)}"
        + _made_from(period, traffic),
        chart,
        period=period,
        traffic=traffic,
        buckets=latency,
        legend=zip(PERCENTILES, map(figures.milliseconds, whole), strict=True),
        description=describe_latency(period, latency, rows, whole),
        compared=("p95 compared", [figures.milliseconds(value) for value in beside]),
        header=("p50", "p95", "p99", "Longest", "Timed requests", "Upstream, mean"),
        cells=lambda part: (
            *map(figures.milliseconds, part.percentiles(*SHARES)),
            figures.milliseconds(part.latency_max if part.timed else None),
            figures.exact(part.timed),
            figures.milliseconds(part.upstream_mean),
        ),
        note=describe_upstream(traffic.total),
    )


def describe_requests(period: Period, counts: Buckets, total: Figures) -> str:
    """What the chart shows, as sentences computed from its data."""
    if not total.hits:
        return "No requests."
    index, peak = max(enumerate(counts.figures), key=lambda pair: pair[1].hits)
    share = figures.per_cent(figures.share(total.status_5xx, total.hits))
    return (
        f"{figures.counted(total.hits, 'request')}, {share} of them answered with 5xx. "
        f"Most in a bucket: {figures.exact(peak.hits)}, from {bucket_label(period, counts.cut, index)}."
    )


def describe_upstream(total: Figures) -> str:
    """How much of the time upstreams took. Of many requests gateways do not tell it: theirs is no part of the mean, and
    what the gateways took themselves is known only where all tell it."""
    mean, whole = total.upstream_mean, total.mean
    if mean is None or whole is None:
        return ""
    told = f"{figures.exact(total.upstream_hits)} of {figures.counted(total.timed, 'timed request')}"
    text = f"Upstreams took {figures.milliseconds(mean)} in the mean, as told by {told}"
    if total.upstream_hits < total.timed:
        return f"{text}; what gateways took besides is not known of the others."
    own = max(0.0, whole - mean)
    share = figures.per_cent(figures.share(round(own * 1_000), round(whole * 1_000)))
    return f"{text}; gateways took {figures.milliseconds(own)} besides, {share} of the time."


def describe_latency(
    period: Period, latency: Buckets, rows: Sequence[Sequence[float | None]], whole: Sequence[float | None]
) -> str:
    if whole[1] is None:
        return "No requests were passed on, so there is no latency."
    index, slowest = max(enumerate(rows), key=lambda pair: pair[1][1] or 0)
    return (
        f"95 % of the requests took at most {figures.milliseconds(whole[1])}. "
        f"Highest p95 of a bucket: {figures.milliseconds(slowest[1])}, from "
        f"{bucket_label(period, latency.cut, index)}."
    )


def bucket_label(period: Period, cut: Cut, index: int) -> str:
    """When a bucket starts, on the organisation's clock; the days and the week that it covers where those are more than
    one."""
    if cut.step < DAY:
        return period.said(cut.edges[index])
    start = period.local(cut.edges[index])
    # An hour of time, not of the clock: a day may begin at one o'clock.
    last = period.local(cut.edges[index + 1] - HOUR)
    days = [f"{day.day} {day:%b %Y}" if period.years else f"{day.day} {day:%b}" for day in (start, last)]
    told = days[0] if last.date() == start.date() else " to ".join(days)
    if cut.step < WEEK:
        return told
    covered = (last.date() - start.date()).days + 1
    return f"{told}, week {start.isocalendar().week}{f' ({covered} of 7 days)' if covered < 7 else ''}"


def _plot(
    name: str,
    title: str,
    unit: str,
    chart: Chart,
    *,
    period: Period,
    traffic: Traffic,
    buckets: Buckets,
    legend: Iterable,
    description: str,
    compared: tuple[str, Sequence[str]],
    header: tuple[str, ...],
    cells: Callable[[Figures], Sequence[str]],
    note: str = "",
) -> Plot:
    running = " (so far)"
    named, values = compared
    shown = [(series, label, value) for (series, label), value in legend]
    if values:
        shown.append(("compared", named, ""))
    rows = tuple(
        (
            bucket_label(period, buckets.cut, index) + (running if index >= buckets.complete else ""),
            (*cells(part), *values[index : index + 1]),
        )
        for index, part in enumerate(buckets.figures)
    )
    return Plot(
        name=name,
        title=title,
        unit=unit,
        chart=chart,
        legend=tuple(shown),
        description=description,
        header=("From", *header, *([named] if values else [])),
        rows=rows,
        edges=buckets.cut.edges,
        gap=_gap(buckets.cut, traffic),
        note=note,
    )


def _axis(period: Period, buckets: Buckets, events: Sequence[Event], unit: Callable[[float], str]) -> dict:
    said = [(event, f"{event.when} {event.text}".strip()) for event in events]
    marks = [(geometry.position(buckets.cut, event.at), text) for event, text in said]
    bands = [
        (geometry.stretch(buckets.cut, event.at, event.until), text) for event, text in said if event.until
    ]
    return {
        "unit": unit,
        "x": geometry.time_ticks(period, buckets.cut),
        "marks": tuple(Tick(at, text) for at, text in marks if at),
        "bands": tuple(Band(*place, text) for place, text in bands if place),
    }


def compared_requests(period: Period, traffic: Traffic) -> list[float | None]:
    """What the requests of each bucket are compared with: of a wider one their share by time."""
    known = traffic.compared.counts if traffic.compared else None
    return _compared(period, traffic.counts.cut, known, lambda part, share: part.hits * share)


def compared_latency(period: Period, traffic: Traffic) -> list[float | None]:
    """What the p95 of each bucket is compared with, in milliseconds."""
    known = traffic.compared.latency if traffic.compared else None
    return _compared(period, traffic.latency.cut, known, lambda part, _: part.percentiles(0.95)[0])


def _compared(
    period: Period, cut: Cut, compared: Buckets | None, value: Callable[[Figures, float], float | None]
) -> list[float | None]:
    """What each bucket of a cut is compared with; None where nothing is known. Nothing if nothing is compared.

    value: of the figures of what may be a wider bucket, and the share of its time that this one lasts.
    """
    if compared is None:
        return []
    edges, found = compared.cut.edges, []
    if period.compared.whole:
        length = edges[-1] - edges[0]
        return [value(compared.figures[0], (end - start) / length) for start, end in pairwise(cut.edges)]
    for start, end in pairwise(map(period.compared_at, cut.edges)):
        place = compared.cut.find(start)
        # A time that the clock skips lasts no time at all.
        if start < end and 0 <= place < len(compared.figures):
            share = min(1.0, (end - start) / (edges[place + 1] - edges[place]))
            found.append(value(compared.figures[place], share))
        else:
            found.append(None)
    return found


def _padded(values: list, buckets: Buckets, nothing: object) -> list:
    return [*values, *[nothing] * (len(buckets.cut) - len(values))]


def _gap(cut: Cut, traffic: Traffic) -> tuple[str, str] | None:
    """The stretch between what is stored and now, when the gateways' list is not being read."""
    fresh = traffic.freshness
    if fresh.up_to is None or not fresh.stale or geometry.position(cut, fresh.known_until) is None:
        return None
    return geometry.stretch(cut, fresh.known_until, fresh.now)


def _source(period: Period) -> str:
    """Where percentiles do not come from the rollups, it is said."""
    if period.latency.grain or period.tier == "minutes":
        return ""
    since = period.since(RECORDS)
    kept = f", which are kept since {period.said(since)}" if period.start < since else ""
    return f", from the newest records{kept}"


def _made_from(period: Period, traffic: Traffic) -> str:
    """How many requests percentiles are made from, where records do not reach all of them."""
    made, counted = sum(part.hits for part in traffic.latency.figures), traffic.total.hits
    if period.latency.grain or made >= counted:
        return ""
    return f": {figures.exact(made)} of {figures.counted(counted, 'request')}"


def _each(cut: Cut) -> str:
    """How wide a bucket is: "a minute", "every 15 minutes", "a day"."""
    if cut.step >= DAY:
        return "a day" if cut.step == DAY else "a week, from Monday; the first and the last may be shorter"
    if cut.step >= HOUR:
        return "an hour" if cut.step == HOUR else f"every {cut.step // HOUR} hours"
    minutes = int(cut.step.total_seconds() // 60)
    return "a minute" if minutes == 1 else f"every {minutes} minutes"
