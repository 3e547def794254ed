"""The colours of static/css/tokens.css, computed: contrast by WCAG 2.2, colour-blind readers."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parents[2] / "static/css/tokens.css").read_text()
BACKGROUNDS = ("canvas", "surface", "inset", "hover")
STATUSES = ("chart-2xx", "chart-3xx", "chart-4xx", "chart-5xx")
PERCENTILES = ("chart-p50", "chart-p95", "chart-p99")

TEXT = [
    *[(text, ground) for text in ("ink", "muted", "accent") for ground in BACKGROUNDS],
    *[(text, "surface") for text in ("ok", "warn", "bad")],
    *[(name, f"{name}-soft") for name in ("ok", "warn", "bad", "accent")],
    *[("ink", f"{name}-soft") for name in ("ok", "warn", "bad", "accent")],
    ("ink", "chart-bar"),
    ("muted", "chart-bar"),
    *[("on-accent", fill) for fill in ("accent-fill", "accent-fill-hover", "bad-fill", "bad-fill-hover")],
    *[(text, ground) for text in ("side-ink", "side-muted") for ground in ("side", "side-hover")],
    ("side-ink", "side-current"),
]
MARKS = [
    *[(mark, "surface") for mark in STATUSES + PERCENTILES],
    *[(edge, ground) for edge in ("edge", "focus") for ground in ("canvas", "surface")],
    *[(mark, ground) for mark in ("brand", "side-focus") for ground in ("side", "side-current")],
]


def colours(theme: str) -> dict[str, str]:
    found = {}
    plain = TOKENS.split("@media", maxsplit=1)[0]
    for name, value in re.findall(r"--([\w-]+): (light-dark\(#\w{6}, #\w{6}\)|#\w{6});", plain):
        pair = re.findall(r"#\w{6}", value)
        found[name] = pair[0] if theme == "light" else pair[-1]
    return found


def linear(colour: str) -> tuple[float, ...]:
    """sRGB in hex as linear light, each channel from 0 to 1."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    lights = sorted(
        0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in (linear(one), linear(other))
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear light.
SIGHT = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def oklab(light: tuple[float, ...]) -> tuple[float, float, float]:
    """Björn Ottosson's OKLab of linear sRGB."""
    red, green, blue = (min(max(one, 0), 1) for one in light)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def difference(one: str, other: str, sight: str) -> float:
    """Distance in OKLab, times 100, as seen with `sight`."""
    seen = []
    for colour in (one, other):
        light = linear(colour)
        seen.append(oklab(tuple(sum(a * b for a, b in zip(row, light, strict=True)) for row in SIGHT[sight])))
    return 100 * sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


def test_the_contrast_of_known_pairs_is_computed_as_published():
    assert (round(contrast("#000000", "#ffffff"), 2), round(contrast("#777777", "#ffffff"), 2)) == (
        21.0,
        4.48,
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_a_contrast_of_four_and_a_half(theme):
    colour = colours(theme)
    low = {pair: round(contrast(colour[pair[0]], colour[pair[1]]), 2) for pair in TEXT}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_and_edges_have_a_contrast_of_three(theme):
    colour = colours(theme)
    low = {pair: round(contrast(colour[pair[0]], colour[pair[1]]), 2) for pair in MARKS}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 3} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_neighbouring_series_differ_for_every_kind_of_sight(theme, sight):
    colour = colours(theme)
    near = {
        (one, other): round(difference(colour[one], colour[other], sight), 1)
        for series in (STATUSES, PERCENTILES)
        for one, other in pairwise(series)
    }
    assert {pair: apart for pair, apart in near.items() if apart < 10} == {}
