"""Who is who from frame to frame."""

from posewire.track.colours import CHANNELS, Colours
from posewire.track.rules import TrackRules
from posewire.track.tracker import Tracker

__all__ = ["CHANNELS", "Colours", "TrackRules", "Tracker"]
