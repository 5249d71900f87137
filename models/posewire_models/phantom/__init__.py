"""Drawn test animals with exact ground truth: the `synthetic` source, training without a camera, and tests.

`Scene` moves and draws rodent-like animals seen from above; a seed gives the same frames for ever.
"""

from posewire_models.phantom.anatomy import KEYPOINTS, SKELETON, SYMMETRIC
from posewire_models.phantom.scene import Drawn, Scene

__all__ = ["KEYPOINTS", "SKELETON", "SYMMETRIC", "Drawn", "Scene"]
