"""The page of figures: one file that needs nothing outside it, with drawings that are well formed."""

from __future__ import annotations

import functools
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_bench.outcome import Occasion, checked_plan, comparison, figure, markdown, table
from posewire_bench.page import checked_out, page_of, write_figures
from posewire_bench.plots import histogram_chart, ratios_chart, rounds_chart, ticks
from posewire_bench.presets import PRESETS, preset_sizes, published
from posewire_bench.rounds import Series
from posewire_models.errors import InputError

rng = np.random.default_rng(5)


@functools.cache
def made_report(rounds: int = 6):
    names = ["pipeline, <dots> & more", "bare network", "- a part"]
    made = [
        figure(name, Series([rng.lognormal(1.5, 0.2, 40) for _ in range(rounds)], 20), work=n < 2, part=n == 2)
        for n, name in enumerate(names)
    ]
    pairs = [comparison("pipeline to bare", made[0], made[1]), comparison("a part to itself", made[2], made[2])]
    return Occasion("pipeline", {"rounds": rounds}).report(made, pairs, ["a note <b>"], published=published("kane2020"))


@pytest.mark.parametrize("rounds", [1, 6])
def test_the_page_needs_nothing_outside_it_and_its_drawings_are_well_formed(rounds: int) -> None:
    page = page_of(made_report(rounds))
    assert not re.search(r"<(script|link|img|iframe|object)\b|\b(src|href)=|url\(|@import", page)
    assert "<dots>" not in page
    assert "a note <b>" not in page
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 4  # rounds, two histograms, ratios
    for drawing in drawings:
        for element in ElementTree.fromstring(drawing).iter():
            for key in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"):
                assert np.isfinite(float(element.get(key, "0")))
    assert "Kane et al. 2020" in page


def test_text_page_and_figures_lie_in_the_folder(tmp_path) -> None:
    report = made_report()
    checked_out(tmp_path / "new" / "folder")
    paths = write_figures(tmp_path / "new" / "folder", report)
    assert [path.name for path in paths] == ["FIGURES.json", "FIGURES.md", "FIGURES.html"]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(p.name for p in paths)
    assert "| bare network" in paths[1].read_text()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="give a folder"):
        checked_out(tmp_path / "file")


def test_alike_durations_can_be_drawn() -> None:
    same = figure("same", Series([np.full(5, 2.0)], 0))
    ratios = ratios_chart([("one", comparison("", same, same)["p50"]["ratio"])])
    for drawing in (histogram_chart(same), rounds_chart([same]), ratios):
        ElementTree.fromstring(drawing)


@given(st.floats(-1e4, 1e4), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_round_even_and_inside(place: float, span: float, wanted: int) -> None:
    low = place * span
    found = ticks(low, low + span, wanted)
    assert 0 <= len(found) <= wanted + 1
    assert all(low - 1e-6 * span <= one <= low + span * (1 + 1e-6) for one in found)
    if len(found) > 2:
        assert np.allclose(np.diff(found), found[1] - found[0])


def test_columns_of_a_table_stand_below_each_other() -> None:
    lines = table(["what", "ms"], [["a longer name", "1.5"], ["b", "12.25"]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].endswith(":|")


def test_markdown_says_where_it_was_measured() -> None:
    text = markdown(made_report())
    for words in ("machine: ", "versions: posewire", "command: ", "a note <b>", "Kane et al. 2020"):
        assert words in text


@pytest.mark.parametrize("name", PRESETS)
def test_every_published_row_has_a_figure_for_every_size(name: str) -> None:
    found = published(name)
    assert found["sizes"] == [str(size) for size in preset_sizes(name)]
    assert all(len(row["fps"]) == len(found["sizes"]) for row in found["rows"])


def test_a_preset_or_plan_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'kane2020'"):
        preset_sizes("kane2002")
    with pytest.raises(InputError, match="--rounds 0"):
        checked_plan(0, 1)
    with pytest.raises(InputError, match="--seconds"):
        checked_plan(3, 0)
