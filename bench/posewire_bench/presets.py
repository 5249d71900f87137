"""Sets of picture sizes that others have published figures for, with those figures.

Published figures stand here as their source has them, to be read beside one's own: they were taken on other machines,
with other networks, and are no comparison.
"""

from __future__ import annotations

from typing import Any

from posewire_bench.sizes import Size
from posewire_models.errors import InputError, nearest

# Kane et al. 2020, "Real-time, low-latency closed-loop feedback using markerless posture tracking", eLife 9:e61909,
# doi:10.7554/eLife.61909. Sizes and frames/s (mean, standard deviation) of its two videos as its authors list them in
# the benchmark that belongs to it, https://deeplabcut.github.io/DLC-inferencespeed-benchmark/ (files _data/mouse.yml
# and _data/dog.yml of the repository DeepLabCut/DLC-inferencespeed-benchmark); they time `DLCLive.get_pose`.
_SOURCE = (
    "Kane et al. 2020, eLife 9:e61909 (DeepLabCut-Live): mean ± standard deviation of frames/s as its authors list "
    "them in the benchmark of the paper, deeplabcut.github.io/DLC-inferencespeed-benchmark, {video}. Other machines "
    "and other networks: to be read beside the figures above, not divided by them."
)
_MOUSE = [Size(115, 87), Size(229, 174), Size(459, 349), Size(649, 493), Size(917, 698)]
_DOG = [Size(150, 267), Size(300, 533), Size(424, 754), Size(600, 1067)]
_MOUSE_ROWS = [
    ("MobileNetV2-0.35", "Linux, Intel Xeon CPU 3.1 GHz", [(61, 4), (32, 1), (15, 0), (8, 0), (4, 0)]),
    ("ResNet-50", "Linux, Intel Xeon CPU 3.1 GHz", [(28, 1), (11, 0), (4, 0), (2, 0), (1, 0)]),
    ("MobileNetV2-0.35", "Linux, GeForce GTX 1080", [(285, 24), (209, 23), (134, 9), (86, 2), (44, 1)]),
    ("MobileNetV2-0.35", "Linux, TITAN RTX", [(169, 28), (145, 19), (152, 15), (124, 9), (78, 3)]),
    ("ResNet-50", "Linux, TITAN RTX", [(149, 16), (119, 11), (92, 3), (58, 2), (35, 1)]),
    ("MobileNetV2-0.35", "Linux, Tesla V100-SXM2-16GB", [(260, 12), (218, 9), (180, 18), (121, 8), (68, 3)]),
    ("ResNet-50", "Linux, Tesla V100-SXM2-16GB", [(184, 6), (151, 5), (111, 6), (75, 3), (47, 2)]),
    ("MobileNetV2-0.35", "Linux, Tesla T4", [(242, 21), (197, 16), (156, 14), (101, 6), (56, 2)]),
    ("ResNet-50", "Linux, Tesla T4", [(141, 7), (102, 5), (57, 3), (34, 1), (20, 0)]),
    ("MobileNetV2-0.35", "Jetson Xavier", [(79, 9), (68, 9), (59, 5), (44, 2), (27, 1)]),
    ("ResNet-50", "Jetson Xavier", [(46, 2), (36, 1), (19, 0), (12, 0), (7, 0)]),
]
_DOG_ROWS = [
    ("MobileNetV2-0.35", "Linux, Intel Xeon CPU 3.1 GHz", [(31, 1), (14, 0), (8, 0), (4, 0)]),
    ("ResNet-50", "Linux, Intel Xeon CPU 3.1 GHz", [(11, 0), (3, 0), (2, 0), (1, 0)]),
    ("MobileNetV2-0.35", "Linux, GeForce GTX 1080", [(208, 46), (124, 19), (80, 9), (43, 1)]),
    ("MobileNetV2-0.35", "Linux, TITAN RTX", [(144, 20), (133, 14), (115, 9), (71, 3)]),
    ("ResNet-50", "Linux, TITAN RTX", [(113, 11), (82, 4), (56, 2), (33, 1)]),
    ("MobileNetV2-0.35", "Linux, Tesla T4", [(166, 13), (117, 10), (86, 5), (49, 2)]),
    ("ResNet-50", "Linux, Tesla T4", [(99, 5), (51, 3), (33, 1), (18, 0)]),
]
PRESETS = {
    "kane2020": (_MOUSE, _MOUSE_ROWS, "mouse video"),
    "kane2020-dog": (_DOG, _DOG_ROWS, "dog video"),  # its smallest size is left out: the list has it as 75 x 33
}


def preset_sizes(name: str | None) -> list[Size]:
    """The picture sizes of a preset, none of none. Raises InputError for an unknown one."""
    return [] if name is None else list(_preset(name)[0])


def published(name: str) -> dict[str, Any]:
    """The published figures of a preset: ``sizes``, ``rows`` of frames/s (mean, standard deviation), ``source``."""
    sizes, rows, video = _preset(name)
    return {
        "preset": name,
        "sizes": [str(size) for size in sizes],
        "rows": [{"network": network, "processor": processor, "fps": fps} for network, processor, fps in rows],
        "source": _SOURCE.format(video=video),
    }


def _preset(name: str) -> Any:
    if name not in PRESETS:
        raise InputError(f"--preset {name}: expected one of {', '.join(PRESETS)}{nearest(name, PRESETS)}")
    return PRESETS[name]
