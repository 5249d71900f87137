"""The line drawing on a model's card."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posewire_training.portrait import WIDTH, portrait

SVG = "{http://www.w3.org/2000/svg}"
place = st.floats(-1e4, 1e4)


@given(st.lists(st.lists(st.tuples(place, place, st.floats(0, 1)), min_size=3, max_size=3), max_size=3))
def test_what_is_sure_is_drawn_inside_the_picture(animals: list[list[tuple[float, float, float]]]) -> None:
    found = np.array(animals, np.float32).reshape(-1, 3, 3)
    drawn = ET.fromstring(portrait([found], ("a<", "b&", "c"), [(0, 1), (1, 2)], 0.5, "x & y"))
    sure = found[..., 2] >= np.float32(0.5)
    dots = drawn.findall(SVG + "circle")
    assert len(dots) == sure.sum()
    for dot in dots:
        assert 0 <= float(dot.get("cx", "nan")) <= WIDTH
        assert 0 <= float(dot.get("cy", "nan")) <= float(drawn.get("height", "nan"))
    limbs = (sure[:, :-1] & sure[:, 1:]).sum()
    assert len(drawn.findall(SVG + "path")) == limbs
    named = [text.text for text in drawn.findall(SVG + "text")]
    assert named == [("a<", "b&", "c")[k] for _, k in np.argwhere(sure)] or not sure.any()


def test_the_fullest_frame_is_drawn() -> None:
    poor = np.array([[[1, 1, 0.9], [2, 2, 0.1]]], np.float32)
    full = np.array([[[1, 1, 0.8], [5, 2, 0.8]]], np.float32)
    assert portrait([poor, full, poor], ("a", "b"), [], 0.3, "m").count("<circle") == 2


def test_nothing_found_is_said() -> None:
    missing = np.array([[[math.nan, math.nan, 0]]], np.float32)
    assert "nothing found" in portrait([missing], ("a",), [], 0.3, "m")
    assert "nothing found" in portrait([], ("a",), [], 0.3, "m")
