"""What a dry run's decisions looked like: frames before, at and after each, with poses and zones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from posewire.colours import identity_colour
from posewire.draw import keypoint_colours
from posewire.dryrun.poses import Poses
from posewire.dryrun.summary import clock_text
from posewire.frame import Floats, Image
from posewire.preprocess import Crop
from posewire.triggers.possible import animals_of, conditions
from posewire.triggers.rules import SELF, Rule, Zone

MOST = 24  # pictures of a rule
APART_S = 0.5  # from the frame at which it would have fired to those beside it
_PANE = 320  # px, width of one of the three
_GAP, _BAR = 4, 22
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FINE = 4  # bits of a px that OpenCV draws with
_ZONE = (60, 220, 255)
_DARK, _LIGHT = (24, 24, 24), (235, 235, 235)
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Shot:
    """One decision: ``about`` as in the report; ``places`` are indices into the poses of the frames before (None:
    there is none), at, and after; ``area`` is the part of the frame that is shown."""

    about: Mapping[str, Any]
    places: tuple[int | None, int, int | None]
    area: Crop


def shots_of(rule: Rule, times: Sequence[Mapping[str, Any]], poses: Poses, size: tuple[int, int]) -> list[Shot]:
    """`MOST` decisions at most, evenly chosen from the first to the last."""
    count = min(MOST, len(times))
    found = []
    for n in np.rint(np.linspace(0, len(times) - 1, count)).astype(int) if count else ():
        about = times[n]
        at = bisect_left(poses.frames, about["frame"])
        places = _beside(poses, at)
        others = bool(animals_of(rule.when, rule.value) - {SELF})
        found.append(Shot(about, places, _area(poses, places, about["animal"], others, size)))
    return found


def frames_of(shots: Sequence[Shot], poses: Poses) -> set[int]:
    """The numbers of the frames that are shown."""
    return {poses.frames[place] for shot in shots for place in shot.places if place is not None}


def _beside(poses: Poses, at: int) -> tuple[int | None, int, int | None]:
    times, apart = poses.times_ns, round(APART_S * 1e9)
    before, after = _nearest(times, times[at] - apart), _nearest(times, times[at] + apart)
    return before if before < at else None, at, after if after > at else None


def _nearest(times: Sequence[int], time_ns: int) -> int:
    after = min(bisect_left(times, time_ns), len(times) - 1)
    return after - 1 if after and time_ns - times[after - 1] < times[after] - time_ns else after


def _area(poses: Poses, places: Sequence[int | None], animal: int, others: bool, size: tuple[int, int]) -> Crop:
    """A part of the frame, of its proportions, about the animal in all three frames; all of it if that is little more.

    At least half of the frame's width is shown, so that one sees where it is.
    """
    width, height = size
    points = [np.zeros((0, 2), np.float32)]
    for place in places:
        if place is not None:
            ids = poses.ids[place]
            rows = [n for n in range(len(poses.poses[place])) if others or ids is None or ids[n] == animal]
            points.append(poses.poses[place][rows, :, :2].reshape(-1, 2))
    known = np.concatenate(points)
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        return Crop(0, 0, width, height)
    low, high = known.min(axis=0), known.max(axis=0)
    share = max(0.5, 1.5 * float(high[0] - low[0]) / width, 1.5 * float(high[1] - low[1]) / height)
    if share > 0.8 or width <= _PANE:
        return Crop(0, 0, width, height)
    wide, high_px = round(width * share), round(height * share)
    x, y = (low + high) / 2
    left = min(max(round(float(x) - wide / 2), 0), width - wide)
    top = min(max(round(float(y) - high_px / 2), 0), height - high_px)
    return Crop(left, top, wide, high_px)


def zones_of(rule: Rule) -> list[Zone]:
    """The zones of a rule, each once."""
    found = [part.zone for part in conditions(rule.when) if part.zone is not None] if rule.when is not None else []
    return list(dict.fromkeys(found))


def picture(shot: Shot, rule: Rule, poses: Poses, images: Mapping[int, Image]) -> Image:
    """The three frames side by side, uint8 [H, W, 3] BGR, the one at which it was decided framed. ``images`` by number
    of frame."""
    high = max(1, round(_PANE * shot.area.height / shot.area.width))
    panes = []
    at_ns = poses.times_ns[shot.places[1]]
    for n, place in enumerate(shot.places):
        image = None if place is None else images.get(poses.frames[place])
        if place is None or image is None:
            pane: Image = np.full((high, _PANE, 3), _DARK, np.uint8)
            _text(pane, "no frame", (10, 20))
        else:
            pane = _pane(image, shot.area, high, rule, poses, place)
            apart = (poses.times_ns[place] - at_ns) / 1e9
            _text(pane, f"{apart:+.2f} s" if n != 1 else clock_text(shot.about["seconds"]), (8, high - 8))
        if n == 1:
            colour = (150, 150, 150) if shot.about["kind"] == "sham" else (80, 255, 80)
            cv2.rectangle(pane, (0, 0), (_PANE - 1, high - 1), colour, 3)
        panes += [pane, np.full((high, _GAP, 3), 255, np.uint8)]
    return np.concatenate(panes[:-1], axis=1)


def words_of(shot: Shot, poses: Poses) -> str:
    """What stands beside a picture."""
    animal = shot.about["animal"]
    who = f", animal {animal}" if animal >= 0 and poses.animals != "one" else ""
    return f"{clock_text(shot.about['seconds'])}, frame {shot.about['frame']}: {shot.about['kind']}{who}"


def strip(rows: Sequence[tuple[str, Sequence[tuple[str, Image]]]]) -> Image:
    """All pictures of all rules in one: of each rule a line of text, then its (words, picture), two beside each other.
    uint8 [H, W, 3] BGR."""
    width = 2 * (3 * _PANE + 2 * _GAP) + 3 * _GAP
    parts: list[Image] = []
    for title, pictures in rows:
        parts.append(_bar(title, width, _DARK))
        for n in range(0, len(pictures), 2):
            pair = pictures[n : n + 2]
            high = max(len(image) for _, image in pair)
            line: Image = np.full((high + _BAR + _GAP, width, 3), 255, np.uint8)
            for side, (words, image) in enumerate(pair):
                left = _GAP + side * (image.shape[1] + _GAP)
                line[_BAR : _BAR + len(image), left : left + image.shape[1]] = image
                cv2.putText(line, words, (left, _BAR - 7), _FONT, 0.45, _DARK, 1, cv2.LINE_AA)
            parts.append(line)
        if not pictures:
            parts.append(_bar("nothing to show", width, (255, 255, 255)))
    return np.concatenate(parts)


# Drawing -------------------------------------------------------------------------------------------------------------


def _pane(image: Image, area: Crop, high: int, rule: Rule, poses: Poses, place: int) -> Image:
    view = image[area.y : area.y + area.height, area.x : area.x + area.width]
    factor = _PANE / area.width
    colour = view if view.ndim == 3 else cv2.cvtColor(view, cv2.COLOR_GRAY2BGR)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pane: Image = np.array(cv2.resize(colour, (_PANE, high), interpolation=way), np.uint8)
    corner = np.array([area.x, area.y], np.float32)
    for zone in zones_of(rule):
        _zone(pane, zone, corner, factor)
    colours = keypoint_colours(len(poses.keypoints))
    ids = poses.ids[place]
    several = poses.animals != "one" and ids is not None
    for n, pose in enumerate(poses.poses[place]):
        own = identity_colour(int(ids[n])) if several and ids is not None else None
        _animal(pane, (pose[:, :2] - corner + 0.5) * factor - 0.5, poses.skeleton, colours, own)
    return pane


def _animal(
    pane: Image, points: Floats, skeleton: Sequence[tuple[int, int]], colours: Sequence[Colour], own: Colour | None
) -> None:
    for i, j in skeleton:
        if np.isfinite(points[[i, j]]).all():
            for colour, thick in (((0, 0, 0), 3), (own or _LIGHT, 1)):
                cv2.line(pane, _fine(points[i]), _fine(points[j]), colour, thick, cv2.LINE_AA, _FINE)
    for k, point in enumerate(points):
        if np.isfinite(point).all():
            cv2.circle(pane, _fine(point), 5 << _FINE, (0, 0, 0), -1, cv2.LINE_AA, _FINE)
            cv2.circle(pane, _fine(point), 4 << _FINE, own or colours[k], -1, cv2.LINE_AA, _FINE)


def _zone(pane: Image, zone: Zone, corner: Floats, factor: float) -> None:
    places = (np.array(zone.points, np.float32) - corner + 0.5) * factor - 0.5
    layer = pane.copy()
    if zone.radius > 0:
        radius = round(zone.radius * factor * (1 << _FINE))
        cv2.circle(layer, _fine(places[0]), radius, _ZONE, -1, cv2.LINE_AA, _FINE)
        cv2.circle(pane, _fine(places[0]), radius, _ZONE, 2, cv2.LINE_AA, _FINE)
    else:
        outline = [np.array([_fine(place) for place in places], np.int32)]
        cv2.fillPoly(layer, outline, _ZONE, cv2.LINE_AA, _FINE)
        cv2.polylines(pane, outline, True, _ZONE, 2, cv2.LINE_AA, _FINE)
    cv2.addWeighted(layer, 0.15, pane, 0.85, 0.0, pane)


def _fine(place: Floats) -> tuple[int, int]:
    fixed = np.clip(np.rint(np.asarray(place) * (1 << _FINE)), -(1 << 20), 1 << 20)
    return int(fixed[0]), int(fixed[1])


def _text(pane: Image, text: str, at: tuple[int, int]) -> None:
    (wide, high), _ = cv2.getTextSize(text, _FONT, 0.45, 1)
    cv2.rectangle(pane, (at[0] - 4, at[1] - high - 4), (at[0] + wide + 4, at[1] + 5), _DARK, -1)
    cv2.putText(pane, text, at, _FONT, 0.45, (255, 255, 255), 1, cv2.LINE_AA)


def _bar(text: str, width: int, colour: Colour) -> Image:
    bar: Image = np.full((_BAR + 6, width, 3), colour, np.uint8)
    ink = (255, 255, 255) if sum(colour) < 300 else _DARK
    cv2.putText(bar, text[:220], (_GAP + 4, 19), _FONT, 0.5, ink, 1, cv2.LINE_AA)
    return bar
