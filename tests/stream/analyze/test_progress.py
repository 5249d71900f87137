"""The live line: which video, how far, how fast, how long still."""

from __future__ import annotations

from posewire.analyze.progress import Progress, duration


class Clock:
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


def test_it_tells_rate_and_time_left():
    clock, told = Clock(), []
    progress = Progress(3, told.append, clock)
    assert progress.text() == ""
    progress.video(2, "b.mp4")
    assert progress.text() == "2/3 b.mp4: opening"
    progress.begin(1000, 100)
    assert progress.text() == "2/3 b.mp4: passing over what is done, 0 of 100 frames"
    progress.passed(50)
    assert "50 of 100" in progress.text()
    for n in range(1, 11):
        clock.now += 500_000_000
        progress.at(100 + 20 * n)
    assert progress.text() == "2/3 b.mp4: 300 of 1000 frames (30 %), 40.0 frames/s, 18 s left"
    progress.begin(None, 0)
    progress.at(7)
    assert progress.text().startswith("2/3 b.mp4: 7 frames")


def test_without_a_terminal_a_line_comes_now_and_then():
    clock, told = Clock(), []
    progress = Progress(1, told.append, clock)
    progress._plain = True
    progress.video(1, "a.mp4")
    progress.begin(10_000, 0)
    for n in range(130):
        clock.now += 500_000_000
        progress.at(n)
    assert len(told) == 2
    assert "1/1 a.mp4: 59 of 10000" in told[0]


def test_durations():
    assert [duration(s) for s in (0.4, 59, 61, 3599, 7620)] == [
        "0 s",
        "59 s",
        "1 min 01 s",
        "59 min 59 s",
        "2 h 07 min",
    ]
