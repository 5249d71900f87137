"""Change is told from noise on made-up figures whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_bench.compare import FASTER, FEW, SAME, SLOWER, compare, read_report, readable
from posewire_bench.outcome import figure
from posewire_bench.rounds import Series
from posewire_models.errors import InputError


def report(factor: float = 1.0, *, rounds: int = 15, noise: float = 0.01, seed: int = 0, **changes):
    """A report whose one figure lies at 5 ms times ``factor``; rounds differ by ``noise``."""
    rng = np.random.default_rng(seed)
    series = [5 * factor * (1 + noise * rng.normal()) * rng.uniform(0.9, 1.1, 50) for _ in range(rounds)]
    return {
        "bench": "model",
        "format": 1,
        "time": "2026-01-01T00:00:00Z",
        "command": "posewire bench model",
        "machine": {"processor": "a", "usable_cores": 2, "system": "s", "governor": None},
        "versions": {"numpy": "2"},
        "gpus": {"before": None, "after": None},
        "figures": [figure("network", Series(series, 20))],
        "notes": [],
        **changes,
    }


def verdicts(result) -> list[str]:
    return [row["p50"]["verdict"] for row in result["rows"]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.8, 0.9, 1.1, 1.25, 2.0]))
def test_a_real_change_is_told_and_the_other_way_round_the_opposite(seed: int, factor: float) -> None:
    old, new = report(seed=seed), report(factor, seed=seed + 1)
    expected = (FASTER, SLOWER) if factor < 1 else (SLOWER, FASTER)
    assert (verdicts(compare(old, new)), verdicts(compare(new, old))) == ([expected[0]], [expected[1]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_a_run_against_itself_shows_no_difference(seed: int) -> None:
    one = report(seed=seed, noise=0.2)
    row = compare(one, one)["rows"][0]
    assert {row[key]["verdict"] for key in ("p50", "p95", "p99")} == {SAME}
    assert row["p50"]["ratio"]["value"] == 1


def test_runs_of_the_same_thing_seldom_show_a_difference() -> None:
    shown = sum(verdicts(compare(report(seed=n), report(seed=n + 500))) != [SAME] for n in range(100))
    assert shown <= 5


def test_a_change_below_the_least_one_counts_as_none_however_sure() -> None:
    old, new = report(noise=0.0, seed=3), report(1.05, noise=0.0, seed=3)
    assert verdicts(compare(old, new)) == [SLOWER]
    assert verdicts(compare(old, new, least=0.1)) == [SAME]


def test_too_few_rounds_have_no_verdict_and_are_told() -> None:
    result = compare(report(rounds=4), report(2, rounds=20))
    assert verdicts(result) == [FEW]
    assert "fewer than 5 rounds" in readable(result)


def test_other_kinds_and_other_figures_are_refused() -> None:
    with pytest.raises(InputError, match="bench model and bench wire"):
        compare(report(), report(bench="wire"))
    with pytest.raises(InputError, match="no figure of the same name"):
        compare(report(), report(figures=[figure("another", Series([np.ones(5)], 1))]))


def test_another_machine_other_versions_and_a_busy_machine_are_told() -> None:
    other = report(
        machine={"processor": "b", "usable_cores": 2, "system": "s", "governor": None},
        versions={"numpy": "3", "new": "1"},
        gpus={"before": [{"name": "H200"}], "after": None},
        notes=["Other programs kept 2.0 cores busy before the measurement: figures are too high."],
    )
    warned = " ".join(compare(report(), other)["warnings"])
    for words in ("another processor: a before, b now", "another numpy", "H200", "the new measurement"):
        assert words in warned
    assert compare(report(), report())["warnings"] == []


def test_a_report_is_read_from_a_folder_a_file_or_what_was_printed(tmp_path) -> None:
    (tmp_path / "FIGURES.json").write_text(json.dumps(report(), indent=1))
    printed = tmp_path / "printed.txt"
    printed.write_text("some words\n" + json.dumps(report()) + "\n")
    assert read_report(tmp_path) == read_report(tmp_path / "FIGURES.json") == read_report(printed)


@pytest.mark.parametrize("text", ["", "words", "[]", '{"bench": "model"}', json.dumps(report(format=2))])
def test_what_is_no_report_is_refused(tmp_path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"other\.json"):
        read_report(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_report(tmp_path / "absent.json")
