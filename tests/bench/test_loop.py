"""`bench loop`: answers are matched with events, and the whole program is measured from outside."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_bench.loop import LoopSettings, bench_loop, match
from posewire_bench.loop_hardware import HardwareSettings, bench_hardware
from posewire_models.errors import InputError
from program import posewire

# A quarter of a second and more from event to event: a machine that is busy meanwhile answers in time all the same.
SLOW = "synthetic:size=256x256,fps=30"

times = st.lists(st.integers(0, 200), max_size=20, unique=True).map(sorted)


def plain_match(events: list[int], answers: list[int]) -> tuple[list[int], int, int]:
    """One event after the other."""
    taken, missed, false = [], 0, sum(1 for answer in answers if not events or answer < events[0])
    for n, event in enumerate(events):
        until = events[n + 1] if n + 1 < len(events) else 10**9
        came = [answer for answer in answers if event <= answer < until]
        if came:
            taken.append(came[0] - event)
            false += len(came) - 1
        else:
            missed += 1
    return taken, missed, false


@given(times, times)
def test_the_first_answer_to_an_event_counts(events: list[int], answers: list[int]) -> None:
    taken, missed, false = match(np.array(events, np.int64), np.array(answers, np.int64))
    assert (taken.tolist(), missed, false) == plain_match(events, answers)


def test_events_are_answered_by_a_light(tmp_path: Path) -> None:
    ended = posewire("bench", "loop", "--events", 10, "--source", SLOW, "--out", tmp_path / "figures", "--json")
    assert ended.status == 0, ended.stderr
    outcome = ended.report["loop"]
    assert (outcome["events"], outcome["missed"], outcome["false"]) == (10, 0, 0)
    figure = ended.report["figures"][0]
    assert figure["name"] == "event to output"
    # Between the frame before it and the pose: never sooner than the network, the machine permitting not much later.
    assert figure["p50"] > outcome["run"]["latency_ms"]["infer"]["p50"]
    assert "event to output" in (tmp_path / "figures" / "FIGURES.md").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")
def test_events_are_answered_by_a_board_by_its_own_record() -> None:
    ended = posewire("bench", "loop", "--events", 10, "--source", SLOW, "--output", "serial", "--json")
    assert ended.status == 0, ended.stderr
    assert (ended.report["loop"]["missed"], ended.report["loop"]["false"]) == (0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")
def test_a_board_times_the_loop_by_an_led_that_the_camera_sees(tmp_path: Path) -> None:
    from posewire_bench.simulated_firmware import SimulatedFirmware

    led = tmp_path / "led.bin"
    with SimulatedFirmware(led=(13, led)) as board:
        ended = posewire(
            "bench", "loop", "--events", 13, "--hardware", f"serial:{board.port}", "--place", "8,8,32,32",
            "--source", f"marked:led={led}|synthetic:size=256x256,fps=100", "--json",
        )  # fmt: skip
    assert ended.status == 0, ended.stderr
    figure = ended.report["figures"][0]
    assert figure["count"] >= 10
    assert figure["p50"] > ended.report["loop"]["run"]["latency_ms"]["infer"]["p50"]


@pytest.mark.parametrize(
    ("settings", "board", "says"),
    [
        (LoopSettings(events=3), None, "10 to 2000"),
        (LoopSettings(output="laser"), None, "virtual-led or serial"),
        (LoopSettings(), HardwareSettings("COM3", "0,0,9,9"), "serial:PORT"),
        (LoopSettings(), HardwareSettings("serial:/dev/null", "3"), "X,Y,W,H"),
    ],
)
def test_wrong_settings_are_named(settings: LoopSettings, board: HardwareSettings | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        bench_loop(settings) if board is None else bench_hardware(settings, board)
