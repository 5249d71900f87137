"""What the tests of the wire share: contents to send, and waiting for something without guessing how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from posewire.clock import clock_info, now_ns
from posewire.message import MetaContent, ModelMeta, PoseContent, Stamps, pack_pose
from posewire.publish import Publisher

SESSION = bytes(range(16))
OTHER_SESSION = bytes(range(16, 32))
ANY_PORT = "tcp://127.0.0.1:*"


def meta(stream: str = "main", **changes: Any) -> MetaContent:
    """A session of this very machine with two keypoints."""
    content = MetaContent(
        session=SESSION,
        stream=stream,
        keypoints=("snout", "tail"),
        skeleton=((0, 1),),
        size=(640, 480),
        model=ModelMeta("m", "ab", "CPUExecutionProvider", 0.5),
        clock=clock_info(),
        source="synthetic",
        config_sha256="cd",
        posewire="0.1.0",
    )
    return replace(content, **changes)


def payload(seq: int, *, session: bytes = SESSION, stream: str = "main", grabbed: int = 1, frame: int = 0) -> bytes:
    """One packed pose message of one animal with two keypoints: (seq, 1, 0.5) and (2, 3, 0.9)."""
    poses = np.array([[[seq, 1, 0.5], [2, 3, 0.9]]], np.float32)
    return pack_pose(PoseContent(session, stream, seq, frame, Stamps(*[grabbed] * 6), poses))


def wait_until(
    holds: Callable[[], bool], *, meanwhile: Callable[[], object] = lambda: None, limit_s: float = 10
) -> None:
    """Returns once ``holds()``; fails the test after ``limit_s``."""
    deadline = now_ns() + int(limit_s * 1e9)
    while not holds():
        assert now_ns() < deadline, "what the test waits for did not come"
        meanwhile()
        time.sleep(0.001)


def wait_for_subscriptions(publisher: Publisher, n: int) -> None:
    """Serves the publisher until exactly ``n`` subscriptions would match a pose message."""
    wait_until(lambda: publisher.subscriptions == n, meanwhile=lambda: publisher.service(now_ns()))
