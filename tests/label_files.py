"""Label files of other programs, for tests, and what one is refused with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sleap_io as sio

from posewire_models.errors import InputError
from posewire_training.labels import load_labels


def refused(path: Path, **options: Any) -> str:
    """The one line that reading a file ends with."""
    with pytest.raises(InputError) as caught:
        load_labels(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def video_entry(name: str = "/home/author/clip.mp4") -> sio.Video:
    """A video as SLEAP files name it: where it lay on the author's machine."""
    return sio.Video(filename=name, open_backend=False, backend_metadata={"type": "MediaVideo", "filename": name})


def coco(root: Path, **changes: Any) -> Path:
    """A small COCO keypoint file; ``changes`` replace its parts."""
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "annotations": [
            {"image_id": 9, "category_id": 2, "keypoints": [1, 2, 2, 3, 4, 1, 5, 6, 0]},
            {"image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1]},
        ],
        "categories": [
            {"id": 1, "name": "box"},
            {"id": 2, "name": "mouse", "keypoints": ["x", "y", "z"], "skeleton": [[1, 2], [2, 3]]},
        ],
    }
    path = root / "coco.json"
    path.write_text(json.dumps({**content, **changes}))
    return path
