"""What a rules file says once it has been read: a tree of plain records, with keypoints as indices and times in ns.

`posewire.triggers.file` makes it from TOML, `posewire.triggers.sentences` puts it into words,
`posewire.triggers.program` lays it out for the kernel. docs/rules.md says in prose what stands here.

How time, unknown values and identities count
---------------------------------------------
- Time is that of the frames: `exposed`, else `grabbed`. A frame that is not later than the one before counts as 1 ns
  later.
- A keypoint is *known* in a frame if its animal is there, x and y are finite and its score reaches the rule's
  ``min_score``.
- A quantity with a keypoint that is not known is unknown (NaN), and so is one that would not be finite. A condition on
  it is *unknown*: neither true nor false (Kleene's logic: ``not`` unknown is unknown; ``all`` is false if one is false,
  else unknown if one is; ``any`` is true if one is true, else unknown if one is).
- A frame without the animal gives its conditions nothing: as unknown.
- Memory (positions, hysteresis, sides, dwell) belongs to a rule's condition and an animal. An animal is its id; of a
  model of one animal the id is 0. A new id begins with an empty memory. An animal of unknown id (-1, and any row whose
  id stands in an earlier row already) has an empty memory in every frame, so that only conditions of a single frame can
  be true of it. Twice as many animals are remembered as a frame may have; for one more, the one that was seen longest
  ago is forgotten.
- ``gap_ns`` is the longest time between two frames in which a thing is known for it to be continuous. After a longer
  one its memory is empty: dwell starts anew, speed is unknown until there is a new past, ``enter`` needs a new outside.
  Only the baseline of ``zscore`` outlives gaps.
- A rule *holds* of an animal once its condition has been true, without a gap and without being false, for ``dwell_ns``
  (with 0: in that very frame), until it is false, or not known to be true for more than ``gap_ns`` (also because the
  animal is gone). An unknown frame is like one that was skipped: time goes on and nothing breaks, but nothing fires.
- Every stretch of holding is an *episode*. Animals of unknown id have one in common: as long as it holds of one of them
  in every frame, and these are no more than ``gap_ns`` apart; a rule that dwells never holds of them. A rule fires once
  in an episode, in its first frame in which the condition is true and nothing forbids it; what forbids it is, the first
  one counting: the arming window (time since the first frame is not in ``armed_from_ns`` <= t < ``armed_until_ns``);
  the age of the pose (> ``max_age_ns``); with a ``min_id_score``, an unknown id or an ``id_score`` below it, of the
  animal itself or of one whose role the rule's points name and that is there; the refractory time (less than
  ``refractory_ns`` since the rule last fired, of any animal; animals count in the order of their rows). With
  ``repeat_ns`` it fires again that long after it last did, as long as it holds. What forbids it is told once in an
  episode for each reason.
- Low scores are told as well: a second reading of each rule with a ``min_score``, for which any finite keypoint is
  known, has memory and episodes of its own. Where that one would fire (true, holding, nothing forbids it) while the
  rule itself does not hold, this is told once in an episode of the second reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from posewire.outputs.spec import OutputSpec

SELF = "self"  # the animal that the rule is tried on
# The other animal whose centre (mean of the known keypoints) is nearest to that of `SELF`; the earlier row of two.
OTHER = "other"
FIXED = -1  # `Point.keypoint` of a point of the frame
CENTRE = -2  # `Point.keypoint` of the mean of an animal's known keypoints
ANY = "any"  # `Rule.animal`: tried on each animal, each with a memory of its own


@dataclass(frozen=True)
class Point:
    """A keypoint (index) of an animal (`SELF`, `OTHER` or a role), its `CENTRE`, or a `FIXED` place x, y in px."""

    keypoint: int
    animal: str = SELF
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Zone:
    """A polygon ``points`` ((x, y) px, even-odd rule) or, with ``radius`` > 0, a circle about points[0].

    A circle's edge counts as inside (distance <= radius). Polygons use the half-open rule of ray casting: an edge is
    passed if one end's y is greater than the point's and the other's is not, and the point lies left of it.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    radius: float = 0.0


@dataclass(frozen=True)
class Quantity:
    """A number of a frame and an animal, NaN if unknown. ``points``, ``window_ns`` and ``numbers`` by ``kind``:

    ============== ======================= =========================================================================
    kind           from                    value
    ============== ======================= =========================================================================
    x, y           points[0]               px
    score          points[0]               score of the keypoint, 0..1 (known also below ``min_score``; unknown of a
                                           centre and of a fixed place)
    distance       points[0..1]            px
    angle          points[0..2]            angle at points[1], 0..180 degrees; unknown if a side is shorter than
                                           1e-6 px
    heading        points[0..1]            direction from the first to the second, -180..180: 0 is +x, 90 is +y
                                           (down); unknown if they are nearer than 1e-6 px
    bearing        points[0..2]            direction from points[1] to points[2] minus heading points[0] ->
                                           points[1], wrapped to -180..180; above 0: the target is to the right (y
                                           is down); unknown as heading
    speed          points[0], window_ns    px/s: distance of the present place from the newest earlier place known
                                           at least window_ns ago, over the time between; unknown without one
    acceleration   points[0], window_ns    px/s per s: the same difference of the speed (of the same window)
    approach       points[0..1], window_ns px/s: the same difference of the distance, with the sign turned: above 0
                                           is nearer
    posture        points[0..n-1], numbers template = numbers, x0, y0, x1, y1, ...: root mean square distance of
                                           the n points from the template after the best shift, turn and scaling of
                                           the *template* (no mirror), over the root mean square distance of the
                                           points from their mean (0 is equal, 1 nothing in common); unknown if
                                           that is below 1e-6 px
    gray           numbers = x, y, w, h    mean gray 0..255 of a part of the frame in whole px (BGR: 0.114, 0.587,
                                           0.299); what lies outside of the frame is left out; unknown without image
    zscore         inner[0], window_ns     (value - mean) / standard deviation before this frame, both exponential
                                           with time constant window_ns: weight a = 1 - exp(-dt / window_ns) of the
                                           newest; unknown until values have come for window_ns in all, and while
                                           the deviation is 0. Its memory is not emptied by a gap: dt is then gap_ns
    phase          inner[0], window_ns     degrees 0..360 of a cycle: time since the last upward crossing of the
                                           series' mean (exponential, window_ns), times 360 over the last full
                                           period, at most 360. A crossing: the value is above the mean before it,
                                           and was not in the last frame it was known in; none before values have
                                           come for window_ns. Unknown before the first full period, and once the
                                           crossing is more than 1.5 periods ago; the next one then begins anew
    classifier     file, numbers =         output ``out`` of an ONNX network for the last ``window`` poses of the
                   window, out             animal (`posewire.triggers.classifier`); unknown until that many frames
                                           of it have come without a gap
    number         numbers[0]              itself
    add, subtract, inner[0], inner[1]      divide by 0: unknown
    multiply,
    divide,
    minimum,
    maximum
    negate,        inner[0]                degrees; square root of less than 0: unknown
    absolute,
    square_root,
    sine, cosine
    ============== ======================= =========================================================================

    The memory of speed, acceleration and approach is also empty when the id of `OTHER` in their points is another than
    when they were last known, or is unknown. It holds as many places as come in the window at twice the expected frame
    rate (64 to 8192): where more come in the window, the oldest one kept counts as window_ns ago.
    """

    kind: str
    points: tuple[Point, ...] = ()
    inner: tuple[Quantity, ...] = ()
    numbers: tuple[float, ...] = ()
    window_ns: int = 0
    file: str = ""


@dataclass(frozen=True)
class Condition:
    """True, false or unknown, of a frame and an animal. What is used of the fields, by ``kind``:

    ========= ======================================================================================================
    compare   above < quantity < below (either may be missing: -inf, inf). Once true it stays true until the
              quantity is <= above - hysteresis or >= below + hysteresis
    inside    points[0] lies in ``zone``. Once true it stays true until the point is more than ``hysteresis`` px away
              from the zone
    enter     points[0] is inside now (with hysteresis) and was outside in the last frame it was known in
    leave     the opposite
    rising    the quantity passes ``level`` upwards: now >= level, and it was < level - hysteresis since it last did
              so
    falling   likewise downwards: now <= level, and > level + hysteresis since
    peak      the quantity has just fallen by ``hysteresis`` (prominence, > 0) below the highest value since the last
              trough; true in that frame
    trough    the opposite. (``peak`` and ``trough`` keep each their own highest and lowest; a series begins looking
              for both)
    all, any  of ``inner``
    not       of inner[0]
    sequence  inner[0] became true, then inner[1] became true in a later frame, and so on; true in the frame in which
              the last one becomes true, if that is no more than ``within_ns`` after the first one did; unknown if the
              last one is. The newest beginning counts. Became true: is true, and was not in the last frame it was
              known in (if there was one, no more than gap_ns ago). What became true is remembered while the animal
              is there
    ========= ======================================================================================================
    """

    kind: str
    quantity: Quantity | None = None
    points: tuple[Point, ...] = ()
    zone: Zone | None = None
    inner: tuple[Condition, ...] = ()
    above: float = float("-inf")
    below: float = float("inf")
    level: float = 0.0
    hysteresis: float = 0.0
    within_ns: int = 0


@dataclass(frozen=True)
class Control:
    """What stands between a decision and its output, drawn with the file's ``seed`` (see `posewire.triggers.controls`).

    ``sham``: share of decisions, in every block of ``block`` of them, that are told and logged but not sent.
    ``yoked``: a log whose times are replayed in place of decisions; ``random_per_minute``: random times at that rate
    in place of decisions, or with ``matched`` (a log) as many random times as that log has, over the same time.
    """

    sham: float = 0.0
    block: int = 10
    yoked: str = ""
    random_per_minute: float = 0.0
    matched: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule. ``outputs``: names. Exactly one of ``when`` and ``value`` is given.

    A value is sent to outputs of mode ``follow`` in every frame, scaled from ``value_from`` to ``value_to`` and
    clamped: that of the first row for which it is known and nothing forbids it (arming window, age, ``min_id_score``);
    unknown if there is none.
    """

    name: str
    outputs: tuple[str, ...]
    when: Condition | None = None
    value: Quantity | None = None
    value_from: tuple[float, float] = (0.0, 1.0)
    value_to: tuple[float, float] = (0.0, 1.0)
    animal: str = ANY  # or a role
    predicted: bool = False  # on predicted keypoints rather than measured ones
    dwell_ns: int = 0
    gap_ns: int = 100_000_000
    refractory_ns: int = 0
    repeat_ns: int = 0  # 0: once in an episode
    min_score: float = 0.0
    min_id_score: float = 0.0
    max_age_ns: int = 100_000_000
    armed_from_ns: int = 0  # after the first frame of the session
    armed_until_ns: int = 2**62
    control: Control = field(default_factory=Control)


@dataclass(frozen=True)
class Rules:
    """A rules file. ``keypoints`` are the names that indices stand for; ``roles`` name ids; ``outputs`` are
    `posewire.outputs.spec.OutputSpec`; ``sha256`` is that of the file's bytes, ``text`` what it says."""

    keypoints: tuple[str, ...]
    rules: tuple[Rule, ...]
    roles: dict[str, int]
    outputs: tuple[OutputSpec, ...]
    seed: int = 0
    blind: bool = False
    sha256: str = ""
    path: str = ""
    text: str = ""
