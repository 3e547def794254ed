"""The five figures at the top of a page. Pure: Traffic in, tiles out."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.analytics.clock import DAY, said_span
from dashboard.analytics.dimensions import KEPT, Grain
from dashboard.analytics.reports.charts import figures, geometry
from dashboard.analytics.reports.charts.figures import Change
from dashboard.analytics.reports.periods import comparing
from dashboard.analytics.reports.periods.period import NAMES, Period
from dashboard.analytics.reports.traffic import Figures, Traffic, together


@dataclass(frozen=True)
class Tile:
    """`name` tells tiles apart (the view gives each its link); `help` says how the figure is made;
    `spark` is (viewBox, path) or None."""

    name: str
    label: str
    value: str
    change: Change | None
    help: str
    spark: tuple[str, str] | None
    exact: str
    bad: bool = False


def tiles(traffic: Traffic) -> tuple[Tile, ...]:
    return (_requests(traffic), _errors(traffic), _latency(traffic), _limited(traffic), _keys(traffic))


def compared_with(period: Period) -> str:
    """What the changes on the tiles compare with."""
    name, compared = NAMES.get(period.name), period.compared
    if compared.how == "before":
        return f"the {name} before" if name else "the same length of time before"
    span = said_span(compared.start, compared.end, period.now, period.zone)
    if compared.whole:
        longer = compared.end - compared.start > period.end - period.start
        return f"{span}, a {'longer' if longer else 'shorter'} time"
    if compared.how == "custom":
        return f"{span}, as long a time"
    weeks = "a week" if compared.days == 7 else f"{(compared.days or 0) // 7} weeks"
    return f"the same weekdays {weeks} before, {span}"


def compared_how(period: Period) -> str:
    if period.compared.whole:
        lengths = period.end - period.start, period.compared.end - period.compared.start
        unit = "a day" if min(lengths) >= DAY else "an hour"
        return f"by the mean of {unit}, as both are not equally long; active keys are not compared"
    counted = comparing.before(period).counts
    if counted is None:
        return "of which no figures are kept that fine"
    if KEPT[counted.grain].unit == DAY:
        return "over its whole days, though the last day of this period may still be running"
    if counted.grain == Grain.HOUR and period.tier == "hours":
        return "in whole hours, for as long as this period has run"
    return "as far into it as this period has run"


def _requests(traffic: Traffic) -> Tile:
    hits, before = traffic.total.hits, traffic.before
    return Tile(
        "requests",
        "Requests",
        figures.short(hits),
        figures.change_in_per_cent(hits, before.hits * traffic.before_share if before else None),
        "All requests that gateways answered, refused ones included.",
        _spark([part.hits for part in _over(traffic)]),
        exact=figures.exact(hits),
    )


def _errors(traffic: Traffic) -> Tile:
    total, before = traffic.total, traffic.before
    value = figures.share(total.status_5xx, total.hits)
    return Tile(
        "errors",
        "Errors (5xx)",
        figures.per_cent(value),
        figures.change_in_points(
            value, figures.share(before.status_5xx, before.hits) if before else None, more_is="bad"
        ),
        "Requests answered with a status of 500 or above, as a share of all requests.",
        _spark([figures.share(part.status_5xx, part.hits) for part in _over(traffic)]),
        bad=total.status_5xx > 0,
        exact=f"{figures.exact(total.status_5xx)} of {figures.exact(total.hits)}",
    )


def _latency(traffic: Traffic) -> Tile:
    [value] = traffic.total.percentiles(0.95)
    before = traffic.before_latency.percentiles(0.95)[0] if traffic.before_latency else None
    over = traffic.latency.figures[: traffic.latency.complete]
    return Tile(
        "latency",
        "Latency p95",
        figures.milliseconds(value),
        figures.change_in_per_cent(value, before, more_is="bad"),
        "95 % of the requests passed on took at most this long, to within 1/64. Refused ones are left out.",
        _spark([part.percentiles(0.95)[0] for part in over]),
        exact=_timed(traffic),
    )


def _limited(traffic: Traffic) -> Tile:
    limited, before = traffic.total.limited, _known(traffic)
    return Tile(
        "limited",
        "Rate-limited (429)",
        figures.short(limited),
        figures.change_in_number(
            limited, round(before.limited * traffic.before_share) if before else None, more_is="bad"
        ),
        "Requests refused with status 429 because a rate limit was reached.",
        _spark([part.limited for part in _over(traffic)]),
        exact=figures.exact(limited),
    )


def _timed(traffic: Traffic) -> str:
    """How many requests percentiles are made from."""
    made = together(traffic.latency.figures)
    if made.hits >= traffic.total.hits:
        return f"{figures.counted(traffic.total.timed, 'request')} timed"
    of = f"{figures.exact(made.hits)} of {figures.counted(traffic.total.hits, 'request')}"
    return f"{figures.counted(made.timed, 'request')} timed, among the newest {of}"


def _keys(traffic: Traffic) -> Tile:
    return Tile(
        "keys",
        "Active keys",
        figures.short(traffic.keys),
        figures.change_in_number(traffic.keys, traffic.keys_before if _known(traffic) else None),
        f"Different keys among the newest {figures.exact(traffic.keys_of)} {traffic.keys_among}."
        if traffic.keys_of
        else "Different keys that called at least once, compared over whole hours or days.",
        _spark(list(traffic.keys_by_bucket)),
        exact=figures.exact(traffic.keys),
    )


def _known(traffic: Traffic) -> Figures | None:
    """The period before, unless it had no traffic at all: then nothing has grown, it has begun."""
    return traffic.before if traffic.before and traffic.before.hits else None


def _over(traffic: Traffic) -> Sequence[Figures]:
    return traffic.counts.figures[: traffic.counts.complete]


def _spark(values: list[float | None]) -> tuple[str, str] | None:
    """None for fewer than two values: a dot says nothing."""
    if len(values) < 2 or not any(values):
        return None
    return geometry.sparkline(values)
