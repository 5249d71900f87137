"""Who is who from frame to frame."""

from posewire.track.rules import TrackRules
from posewire.track.tracker import Tracker

__all__ = ["TrackRules", "Tracker"]
