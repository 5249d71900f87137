"""What a tracker may assume of the animals; nothing is in pixels, so the same rules fit mice and flies."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TrackRules:
    """Settings of a `Tracker`. A body length is the animals' own, learnt from their poses as they come.

    Motion: ``velocity_memory_s`` is how long an animal goes on as it went; ``max_speed_body_lengths_per_s`` bounds how
    far it can have come; ``speed_floor_body_lengths_per_s`` is assumed of animals that have only rested so far;
    ``centre_noise_body_lengths`` is the error of one measured displacement.

    Pose: ``sigma_body_lengths`` is what a keypoint is off by from one frame to the next until that has been learnt,
    ``pose_sigma_body_lengths`` what it is off by in an unrelated pose; ``independent_keypoints`` says how many
    keypoints' worth of evidence a whole pose can be, since neighbours move together; ``sudden`` is the weight (natural
    logarithm) against a pose that has nothing to do with the last one.

    Identity: what an animal keeps for life. ``size_sigma`` is the relative error of a size measured in one frame;
    ``appearance_sigma`` what a number of its appearance may be off by for seconds, since light is not the same
    everywhere, and ``independent_limbs`` says how many limbs' worth of evidence a whole appearance can be.
    ``exchange_at``: ids of two animals are exchanged when the traits of both say at these odds (natural logarithm)
    that each is the other.

    Life: a new animal gets an id after ``confirm_frames`` frames and ``confirm_s`` seconds; one that has not been seen
    for ``forget_after_s`` of watched time is forgotten where the number of animals is not known. Where it is known, a
    new animal that has been seen for that long takes the id of one that has been missing for ``takeover_after_s``.
    ``detected`` is the probability that an animal seen in the last frame is found in this one, ``reappears_per_s`` the
    rate at which a missing one comes back, ``clutter`` the weight (natural logarithm) against matching at all.

    Score: ``recovery_s`` is the time constant with which `id_scores` rise again after a doubtful moment; in
    ``turning_s`` an animal that nobody sees may have turned round, ``contact_body_lengths`` is how far it may then be
    off.
    """

    velocity_memory_s: float = 0.2
    max_speed_body_lengths_per_s: float = 40.0
    speed_floor_body_lengths_per_s: float = 0.5
    centre_noise_body_lengths: float = 0.03
    sigma_body_lengths: float = 0.1
    pose_sigma_body_lengths: float = 0.25
    independent_keypoints: float = 4.0
    sudden: float = 4.0
    size_sigma: float = 0.15
    appearance_sigma: float = 0.15
    independent_limbs: float = 6.0
    exchange_at: float = 8.0
    confirm_frames: int = 3
    confirm_s: float = 0.02
    takeover_after_s: float = 0.3
    forget_after_s: float = 60.0
    detected: float = 0.95
    reappears_per_s: float = 2.0
    clutter: float = 6.0
    recovery_s: float = 0.1
    turning_s: float = 0.15
    contact_body_lengths: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            at_once = field.name == "confirm_s" and value == 0.0
            if not (np.isfinite(value) and (value > 0.0 or at_once)):
                raise ValueError(f"{field.name} is {value}: expected a number above 0")
        if self.detected >= 1.0:
            raise ValueError(f"detected is {self.detected}: expected a probability below 1")


RULES = np.dtype([(field.name, np.float64) for field in fields(TrackRules)])


def as_record(rules: TrackRules) -> npt.NDArray[np.void]:
    """``rules`` as an array of one record, for kernels."""
    return np.array([tuple(float(getattr(rules, name)) for name in RULES.names or ())], RULES)
