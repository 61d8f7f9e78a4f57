"""Colours: enough contrast, and different ones for people of any colour vision."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from src.dashboard.palette import DARK, LIGHT, Palette, contrast, palette, readable_on

PALETTES = pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
Matrix = tuple[tuple[float, float, float], ...]
# Machado, Oliveira and Fernandes 2009, severity 1: what is left to those who lack one kind of cone. Of linear RGB.
VISIONS: dict[str, Matrix] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
LEAST_DIFFERENCE = 12.0
"""Of CIE 1976 L*a*b*: a difference of 2.3 is just seen side by side; lines stand apart."""


def linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def lab(rgb: list[float]) -> tuple[float, float, float]:
    red, green, blue = (min(1.0, max(0.0, part)) for part in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    f = [part ** (1 / 3) if part > 216 / 24_389 else (24_389 / 27 * part + 16) / 116 for part in (x, y, z)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def seen(colour: str, vision: Matrix) -> tuple[float, float, float]:
    rgb = linear(colour)
    return lab([sum(share * part for share, part in zip(row, rgb, strict=True)) for row in vision])


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == 21.0
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
    assert [readable_on(ground) for ground in ("#0072b2", "#56b4e9", "#ffffff", "#171d27")] == ["#ffffff", "#000000", "#000000", "#ffffff"]


@PALETTES
def test_lines_and_bars_stand_out_from_their_ground(colours: Palette) -> None:
    drawn = {colours.up, colours.down, colours.soft, colours.gap, *colours.series}
    assert {colour: round(contrast(colour, colours.ground), 2) for colour in drawn if contrast(colour, colours.ground) < 3} == {}
    assert contrast(colours.text, colours.ground) > 7


@PALETTES
def test_a_number_can_be_read_on_every_colour_of_the_heat_map(colours: Palette) -> None:
    for end in (colours.up, colours.down):
        for percent in range(101):
            ground = colours.between(end, percent / 100)
            assert contrast(readable_on(ground), ground) >= 4.5, (end, percent)
    assert (colours.between(colours.up, 0), colours.between(colours.up, 1)) == (colours.ground, colours.up)


@pytest.mark.parametrize("vision", list(VISIONS))
@PALETTES
def test_colours_of_one_chart_differ_for_any_colour_vision(colours: Palette, vision: str) -> None:
    for chart in ((colours.up, colours.down), colours.series):
        found = {pair: math.dist(*(seen(colour, VISIONS[vision]) for colour in pair)) for pair in combinations(chart, 2)}
        assert {pair: round(difference, 1) for pair, difference in found.items() if difference < LEAST_DIFFERENCE} == {}


def test_what_rises_is_red_to_korean_readers_and_blue_to_others() -> None:
    for is_dark, given in ((False, LIGHT), (True, DARK)):
        assert palette("en", is_dark=is_dark) == given
        korean = palette("ko", is_dark=is_dark)
        assert (korean.up, korean.down, korean.gap, korean.series) == (given.down, given.up, given.gap, given.series)
