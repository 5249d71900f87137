"""Settings of `bench` that cannot be are refused before anything is measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from posewire_bench.decode import bench_decode
from posewire_bench.frames import read_frames
from posewire_bench.model import bench_model
from posewire_bench.peer import check_peer
from posewire_bench.pipeline import PipelineSettings, bench_pipeline
from posewire_bench.rounds import Plan
from posewire_bench.sizes import Size
from posewire_bench.wire import WireSettings, bench_wire
from posewire_models.errors import InputError

PLAN = Plan(1, 0.1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stuck": 1}, "--stuck 1: expected 0 to 0"),
        ({"subscribers": 0}, "--subscribers 0"),
        ({"rate": 0.1}, "--rate 0.1"),
        ({"place": "frist"}, "did you mean 'first'"),
        ({"keypoints": 0}, "--keypoints"),
        ({"endpoint": "tcp://0.0.0.0:*"}, "--insecure"),
    ],
)
def test_wire(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        bench_wire(WireSettings(**changes), PLAN)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crops": ["auto"]}, "--crop auto: chooses by itself"),
        ({"crops": ["0,0,64,64"], "sizes": ["64x64"]}, "give one of them"),
        ({"crops": ["0,0,900,64"]}, "reaches outside"),
        ({"sizes": ["64"]}, "--size 64"),
        ({"frame_size": "640"}, "--frame-size 640"),
        ({"frames": 0}, "--frames 0"),
        ({"threads": 999}, "--threads 999"),
        ({"against": "dlc"}, "did you mean 'dlclive'"),
    ],
)
def test_pipeline(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        bench_pipeline(PipelineSettings(**changes), PLAN)


def test_model_and_decode() -> None:
    with pytest.raises(InputError, match="--batch 0"):
        bench_model(["mouse-topview"], [], PLAN, batch=0)
    for animals, keypoints, cells, words in (
        ([0], 5, Size(64, 64), "--animals 0"),
        ([1], 1, Size(64, 64), "--keypoints 1"),
        ([1], 5, Size(8, 64), "--cells 8x64"),
    ):
        with pytest.raises(InputError, match=words):
            bench_decode(animals, keypoints, cells, PLAN)


def test_peer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such program"):
        check_peer("dlclive", tmp_path / "python", None)
    with pytest.raises(InputError, match=r"no pose_cfg\.yaml"):
        check_peer("dlclive", Path(sys.executable), tmp_path)
    (tmp_path / "pose_cfg.yaml").touch()
    check_peer("dlclive", Path(sys.executable), tmp_path)


def test_frames_lie_in_memory_of_their_own() -> None:
    images, info = read_frames("synthetic:size=64x48,frames=5", 9, Size(32, 24))
    assert [image.shape for image in images] == [(24, 32, 3)] * 5
    assert (info.width, info.height) == (64, 48)
    assert not (images[0] == images[-1]).all()
    with pytest.raises(InputError, match="would take"):
        read_frames("synthetic:size=800x600", 9999)
