"""Which frames are looked at, and what is kept of them."""

from __future__ import annotations

import numpy as np
import pytest

from filmed import walk, write_video
from posewire_models.errors import InputError
from posewire_training.frames.candidates import appearance, frame_counts, survey
from posewire_training.frames.choose import DUPLICATE, distances
from posewire_training.images import video_frames


def test_candidates_are_frames_of_the_video_evenly_spaced(tmp_path) -> None:
    long, short = write_video(tmp_path / "long.avi", walk(90)), write_video(tmp_path / "short.avi", walk(7), 140)
    counts = frame_counts([long, short])
    assert counts.tolist() == [90, 7]
    seen: list[None] = []
    found = survey([long, short], counts, 5, advance=lambda: seen.append(None), most=20)
    assert len(seen) == 97
    assert found.lengths.tolist() == [90, 7]
    assert found.frame[found.video == 1].tolist() == list(range(7))  # a short one is looked at whole
    steps = np.diff(found.frame[found.video == 0])
    assert len(set(steps.tolist())) == 1
    images = dict(video_frames(long))
    for row in np.flatnonzero(found.video == 0):
        np.testing.assert_array_equal(found.appearance[row], appearance(images[found.frame[row]]))


def test_light_alone_makes_no_new_frame_but_a_moved_dot_does(tmp_path) -> None:
    film = write_video(tmp_path / "a.avi", [(20, 20), (20, 20), (40, 30)])
    still, same, moved = (image for _, image in video_frames(film))
    look = appearance(still)[None]
    assert distances(look, appearance(same))[0] < DUPLICATE
    assert distances(look, appearance(np.clip(same.astype(int) + 5, 0, 255).astype(np.uint8)))[0] < DUPLICATE
    assert distances(look, appearance(moved))[0] > 5 * DUPLICATE


def test_every_unreadable_video_is_named(tmp_path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    good = write_video(tmp_path / "good.avi", walk(3))
    with pytest.raises(InputError) as caught:
        frame_counts([tmp_path / "absent.mp4", good, tmp_path / "text.mp4"])
    message = str(caught.value)
    assert "absent.mp4" in message
    assert "text.mp4" in message
    assert "good.avi" not in message
