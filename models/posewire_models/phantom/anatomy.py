"""A rodent-like animal seen from above: its keypoints and the parts it is drawn from.

Lengths are shares of the body length (snout to tail base). A part is a capsule whose radius changes along its
axis; a row of `CAPSULE_FIELDS` describes it: ends and radii in px, rows of the atlas, and how round it looks (0..1).
"""

from __future__ import annotations

from posewire_models.skeleton import Skeleton

KEYPOINTS = (
    "snout",
    "left_ear",
    "right_ear",
    "neck",
    "spine",
    "tail_base",
    "tail_mid",
    "tail_tip",
    "left_front_paw",
    "right_front_paw",
    "left_hind_paw",
    "right_hind_paw",
)
SKELETON = (
    (0, 3),
    (1, 3),
    (2, 3),
    (3, 4),
    (4, 5),
    (5, 6),
    (6, 7),
    (3, 8),
    (3, 9),
    (5, 10),
    (5, 11),
)
SYMMETRIC = ((1, 2), (8, 9), (10, 11))
BODY = Skeleton(KEYPOINTS, SKELETON, SYMMETRIC)

# Along the back from the tail base (0) to the snout (1): radii at even distances.
STATIONS = tuple(i / 24.0 for i in range(25))
RADII = (
    *(0.050, 0.090, 0.118, 0.139, 0.155, 0.166, 0.172, 0.175, 0.175, 0.172),
    *(0.167, 0.160, 0.151, 0.140, 0.128, 0.116, 0.106, 0.102, 0.103, 0.104),
    *(0.098, 0.084, 0.066, 0.047, 0.027),
)
SPINE_STATION, NECK_STATION = 9, 17
SPINE, NECK = STATIONS[SPINE_STATION], STATIONS[NECK_STATION]
EARS, EYES, SHOULDERS, HIPS = 0.79, 0.895, 0.60, 0.17

TAIL_PARTS = 10

CAPSULE_FIELDS = ("x0", "y0", "r0", "x1", "y1", "r1", "row0", "row1", "dome")

# Layers from the ground up and where each one's parts start; decoration (inner ears, eyes, nose) hides nothing.
TAIL, PAWS, BACK, EARLOBES, DECORATION = range(5)
LAYER_STARTS = (0, 10, 18, 42, 44, 49)
KEYPOINT_LAYERS = (BACK, EARLOBES, EARLOBES, BACK, BACK, BACK, TAIL, TAIL, PAWS, PAWS, PAWS, PAWS)

# Rows of the coat atlas: the back from tail base to snout, the tail from base to tip, then plain colours.
ATLAS_ROWS, ATLAS_COLUMNS = 208, 48
BACK_ROWS = (0.0, 127.0)
TAIL_ROWS = (128.0, 159.0)
PAW_ROW, EAR_ROW, INNER_EAR_ROW, EYE_ROW, NOSE_ROW = 162.0, 168.0, 174.0, 180.0, 186.0
LEG_ROWS = (192.0, 207.0)
