"""A rodent-like animal seen from above: its keypoints and the parts it is drawn from.

Lengths are shares of the body length (snout to tail base). A part is a capsule whose radius changes along its
axis; a row of `CAPSULE_FIELDS` describes it.
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

# Along the back from the tail base (0) to the snout (1): place and radius.
STATIONS = (0.0, 0.07, 0.16, 0.26, 0.36, 0.46, 0.56, 0.64, 0.70, 0.77, 0.84, 0.93, 1.0)
RADII = (0.045, 0.105, 0.150, 0.172, 0.172, 0.158, 0.136, 0.115, 0.102, 0.104, 0.098, 0.058, 0.026)
SPINE_STATION, NECK_STATION = 4, 8
SPINE, NECK = STATIONS[SPINE_STATION], STATIONS[NECK_STATION]
EARS, EYES, SHOULDERS, HIPS = 0.80, 0.895, 0.62, 0.20

TAIL_PARTS = 10

CAPSULE_FIELDS = ("x0", "y0", "r0", "x1", "y1", "r1", "row0", "row1")

# Layers from the ground up, and how many parts each has; decoration (eyes, nose) hides nothing.
TAIL, PAWS, BACK, EARLOBES, DECORATION = range(5)
LAYER_SIZES = (TAIL_PARTS, 8, len(STATIONS) - 1, 2, 5)
LAYER_STARTS = (0, 10, 18, 30, 32, 37)
KEYPOINT_LAYERS = (BACK, EARLOBES, EARLOBES, BACK, BACK, BACK, TAIL, TAIL, PAWS, PAWS, PAWS, PAWS)

# Rows of the coat atlas: the back from tail base to snout, the tail from base to tip, then plain colours.
ATLAS_ROWS, ATLAS_COLUMNS = 192, 48
BACK_ROWS = (0.0, 127.0)
TAIL_ROWS = (128.0, 159.0)
PAW_ROW, EAR_ROW, INNER_EAR_ROW, EYE_ROW, NOSE_ROW = 162.0, 168.0, 174.0, 180.0, 186.0
