"""Where the poses of a dry run come from: a video and a network, a file of poses, or both a video and a file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from posewire.config import read_toml
from posewire.dryrun.poses import Ids, Poses, is_poses_file, keep, read_poses, time_of
from posewire.frame import Floats, Image
from posewire_models.errors import InputError, WorkError
from posewire_models.zoo import zoo_names

if TYPE_CHECKING:
    from posewire.dryrun.recorded_frames import RecordedFrames
    from posewire.session import Model


@dataclass(frozen=True)
class Options:
    """What `posewire rules dry-run` can be told; see its help."""

    rules: Path
    on: str
    model: str | None = None
    poses: Path | None = None
    fps: float | None = None
    frames: int | None = None
    latency_ms: float = 20.0
    animals: int | None = None
    min_score: float | None = None
    lead_ms: float | None = None


class Moment(NamedTuple):
    """One frame; arrays as of `posewire.dryrun.poses.Poses`, overwritten once the next one is asked for."""

    number: int
    time_ns: int
    poses: Floats
    ids: Ids | None
    id_scores: Floats | None
    image: Image | None


class Supply:
    """Opened, then asked for its `moments`, then closed. ``say`` hears one-line remarks.

    ``poses``: from `open` on what is known of them (keypoints, size, rate), and the frames once they have come.
    ``model``: the network that they are of, if one is named. ``video``: the source that shows the frames, or None.
    """

    poses: Poses

    def __init__(self, options: Options, say: Callable[[str], None], stop: threading.Event) -> None:
        """Raises InputError for options that do not go together."""
        self._options, self._say, self._stop = options, say, stop
        own_model, own_fps = _own_words(options.rules)
        self._model_name = options.model or own_model
        self._fps = options.fps or own_fps
        file = is_poses_file(options.on)
        if file and options.poses is not None:
            raise InputError(f"--poses {options.poses}: is for poses of a video, and --on is a file of poses already")
        self.video = None if file else options.on
        self.model: Model | None = None
        self._frames: RecordedFrames | None = None
        self._known = file

    def open(self) -> None:
        """Find out what the poses are of. Raises PosewireError."""
        options = self._options
        if self.video is None:
            self.poses = self._read(Path(options.on))
            return
        from posewire.dryrun.recorded_frames import RecordedFrames

        self._known = options.poses is not None and options.poses.exists()
        if not self._known:
            self.model = self._load_model()
        self._frames = RecordedFrames(options.on, options.frames, self._stop)
        info = self._frames.open()
        for note in info.notes:
            self._say(note)
        fps = options.fps or info.fps or self._fps
        if not fps:
            raise InputError(f"--on {options.on}: has no frame rate; give --fps, its frames per second")
        if options.poses is not None and self._known:
            self.poses = self._read(options.poses, fps)
            self._check_kept(options.poses)
            self._say(f"{options.poses}: these poses are taken; without the file they are found anew")
        else:
            assert self.model is not None
            contract = self.model.contract
            self.poses = Poses(contract.keypoints, contract.skeleton, fps, animals=contract.animals)
        self.poses.size = info.width, info.height

    def moments(self, images: bool) -> Iterator[Moment]:
        """The frames in order, with ``images`` if they are wanted. What can be refused is refused at once."""
        if self._known:
            return self._with_images() if images else self._of_poses()
        return self._finding()

    def close(self) -> None:
        """May be called at any time."""
        if self._frames is not None:
            for remark in self._frames.close():
                self._say(remark)

    # Frames ----------------------------------------------------------------------------------------------------------

    def _finding(self) -> Iterator[Moment]:
        """By the network, added to ``poses`` as they come, and kept at the end if that was asked for."""
        from posewire.dryrun.finding import Finder

        options, poses, frames = self._options, self.poses, self._frames
        assert self.model is not None
        assert frames is not None
        assert poses.size is not None
        finder = Finder(self.model, options.min_score, options.animals)
        for remark in finder.fit(*poses.size):
            self._say(remark)

        def found() -> Iterator[Moment]:
            for frame in frames:
                time_ns = time_of(frame.number, poses.fps)
                pose, ids, id_scores = finder.step(frame.image, time_ns, frames.let_in)
                poses.add(frame.number, time_ns, pose, ids, id_scores)
                yield Moment(frame.number, time_ns, pose, ids, id_scores, frame.image)
            self._keep(finder.min_score)

        return found()

    def _of_poses(self) -> Iterator[Moment]:
        poses = self.poses
        for row in zip(poses.frames, poses.times_ns, poses.poses, poses.ids, poses.id_scores, strict=True):
            if self._stop.is_set():
                return
            yield Moment(*row, None)

    def _with_images(self) -> Iterator[Moment]:
        assert self._frames is not None
        poses = self.poses
        place = {number: n for n, number in enumerate(poses.frames)}
        for frame in self._frames:
            self._frames.let_in()
            n = place.get(frame.number)
            if n is not None:
                about = poses.times_ns[n], poses.poses[n], poses.ids[n], poses.id_scores[n]
                yield Moment(frame.number, *about, frame.image)

    # Poses that are there already ------------------------------------------------------------------------------------

    def _read(self, path: Path, fps: float | None = None) -> Poses:
        """Poses of a file, its keypoints those of the model by name, and as many frames as are asked for."""
        options = self._options
        try:
            poses = read_poses(path, options.fps or fps)
        except InputError:
            if options.fps or fps or not self._fps:
                raise
            poses = read_poses(path, self._fps)  # a file without times: what the rules file says of the camera
        min_score = options.min_score
        if self._model_name is not None:
            self.model = self._load_model()
            contract = self.model.contract
            poses.named(contract.keypoints, path)
            poses.skeleton = contract.skeleton or poses.skeleton
            poses.animals = poses.animals or contract.animals
            min_score = contract.min_score if min_score is None else min_score
        if poses.about:  # kept ones are as a run made them
            if self.video is None and options.min_score is not None:
                poses.hide(options.min_score)
        elif min_score:
            poses.hide(min_score)
            self._say(f"{path}: keypoints of a score below {min_score:g} count as unknown, as in a run (--min-score)")
        if options.frames is not None:
            poses.cut(options.frames)
        return poses

    def _check_kept(self, path: Path) -> None:
        """That kept poses are those that would be found. Raises InputError."""
        kept = self.poses.about
        if not kept:
            return
        now = {"recording": fingerprint(self._options.on), **self._found_with(self._options.min_score)}
        for name, value in now.items():
            if value is not None and kept.get(name) not in (None, value):
                raise InputError(
                    f"--poses {path}: is of another {name} ({kept[name]}, now {value}); remove it, or give another file"
                )
        most = kept.get("frames")
        if most is not None and (self._options.frames is None or self._options.frames > most):
            raise InputError(
                f"--poses {path}: holds the first {most} frames only; give --frames {most}, or another file"
            )

    def _found_with(self, min_score: float | None) -> dict[str, Any]:
        sha256 = None if self.model is None else self.model.sha256
        return {"model": sha256, "min_score": min_score, "animals": self._options.animals}

    def _keep(self, min_score: float) -> None:
        path = self._options.poses
        if path is None:
            self._say("to try other rules in seconds, keep the poses: --poses FILE.npz")
            return
        if self._stop.is_set():
            self._say(f"--poses {path}: not written, since the run was stopped")
            return
        about = {"recording": fingerprint(self._options.on), **self._found_with(min_score)}
        self.poses.about = {**about, "frames": self._options.frames}
        try:
            keep(path, self.poses)
        except OSError as error:
            raise WorkError(f"--poses {path}: cannot be written ({error.strerror})") from None
        self._say(f"poses kept in {path}: the same call with other rules takes seconds")

    def _load_model(self) -> Model:
        from posewire.session import load_model

        options = self._options
        if self._model_name is None:
            raise InputError(f"{options.rules}: names no model; give --model, the network that finds the poses")
        beside = options.rules.parent / self._model_name
        taken = options.model is None and self._model_name not in zoo_names() and beside.is_file()
        return load_model(str(beside) if taken else self._model_name)


def _own_words(path: Path) -> tuple[str | None, float | None]:
    """What a rules file says of the model and the frame rate; its reader tells what is wrong with it."""
    try:
        told = read_toml(path)
    except InputError:
        return None, None
    model, fps = told.get("model"), told.get("fps")
    rate = float(fps) if isinstance(fps, (int, float)) and not isinstance(fps, bool) and fps > 0 else None
    return model if isinstance(model, str) else None, rate


def fingerprint(on: str) -> str:
    """What a recording is known by: a file's size and parts of its content, else the words that it was given by."""
    path = Path(on)
    if not path.is_file():
        return on
    from posewire.analyze.job import fingerprint as of_file

    return of_file(path)
