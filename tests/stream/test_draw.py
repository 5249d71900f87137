"""Annotated frames show the pose where it is."""

from __future__ import annotations

import cv2
import numpy as np

from posewire.draw import annotate, keypoint_colours, write_picture
from posewire.preprocess import Crop


def test_keypoints_are_drawn_at_their_place_in_their_colour():
    image = np.zeros((480, 640, 3), np.uint8)
    poses = np.array([[[300.0, 200.0, 0.9], [400.0, 300.0, 0.8]]], np.float32)
    drawn = annotate(image, poses, ["a", "b"], [(0, 1)], "text")
    for (x, y), colour in zip([(300, 200), (400, 300)], keypoint_colours(2), strict=True):
        assert tuple(int(c) for c in drawn[y, x]) == colour
    assert drawn[250, 350].min() > 150  # the edge between them
    assert image.sum() == 0


def test_keypoints_that_are_nan_and_their_edges_are_left_out():
    image = np.full((480, 640, 3), 90, np.uint8)
    poses = np.full((1, 2, 3), np.nan, np.float32)
    poses[0, 0] = 300, 200, 0.9
    drawn = annotate(image, poses, ["a", "b"], [(0, 1)], "", scores=False)
    changed = (drawn != 90).any(axis=2)
    changed[:60, :120] = changed[-20:] = False  # legend, text bar
    ys, xs = np.nonzero(changed)
    assert np.hypot(xs - 300, ys - 200).max() < 8


def test_a_line_leads_to_where_a_keypoint_will_be():
    image = np.zeros((480, 640, 3), np.uint8)
    poses = np.array([[[300.0, 200.0, 0.9], [400.0, 300.0, 0.9]]], np.float32)
    ahead = poses + np.array([[[40, 0, 0], [np.nan, 0, 0]]], np.float32)
    changed = annotate(image, poses, ["a", "b"], [], "", predicted=ahead) != annotate(image, poses, ["a", "b"], [], "")
    ys, xs = np.nonzero(changed.any(axis=2))
    assert 338 <= xs.max() <= 343
    assert np.abs(ys - 200).max() <= 4


def test_small_gray_images_are_enlarged_with_their_poses():
    image = np.zeros((120, 160), np.uint8)
    drawn = annotate(image, np.array([[[80.0, 60.0, 1.0]]], np.float32), ["a"], [], "")
    assert drawn.shape == (500, 640, 3)
    assert tuple(int(c) for c in drawn[round(60.5 * 4), round(80.5 * 4)]) == keypoint_colours(1)[0]


def test_a_keypoint_far_outside_the_frame_does_not_break_the_drawing():
    poses = np.array([[[1e9, -1e9, 1.0], [5.0, 5.0, 1.0]]], np.float32)
    assert annotate(np.zeros((480, 640, 3), np.uint8), poses, ["a", "b"], [(0, 1)], "").shape == (500, 640, 3)


def test_what_lies_outside_the_crop_is_darker():
    image = np.full((480, 640, 3), 200, np.uint8)
    drawn = annotate(image, np.empty((0, 1, 3), np.float32), ["a"], [], "", crop=Crop(400, 200, 100, 50))
    assert (drawn[210:240, 410:490] == 200).all()
    assert (drawn[260:480, :640] == 100).all()
    assert (drawn[200, 400:500] == 235).all()


def test_a_picture_gets_its_name_when_it_is_whole(tmp_path):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_picture(tmp_path / "mäuse.png", image)
    assert [path.name for path in tmp_path.iterdir()] == ["mäuse.png"]
    data = np.frombuffer((tmp_path / "mäuse.png").read_bytes(), np.uint8)
    assert np.array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR), image)
