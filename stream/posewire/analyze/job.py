"""One video from start to outputs: find what is done already, work through the rest, write the files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posewire import __version__
from posewire.analyze.crew import Crew
from posewire.analyze.engine import Engine
from posewire.analyze.identities import refined
from posewire.analyze.journal import Found, Journal, look_into, read_blocks
from posewire.analyze.outputs import endings, write_outputs
from posewire.analyze.pages import Pages
from posewire.analyze.progress import Progress
from posewire.analyze.results import Result, Subject, gather, keep_names
from posewire.analyze.targets import Target
from posewire.clock import now_ns
from posewire.frame import SourceInfo
from posewire.sources.video import VideoFile
from posewire_models.errors import WorkError
from posewire_models.files import folder_beside, write_whole

_ENDS_BYTES = 1 << 20
_MANY = 32  # animals, more than which somebody should be told of


@dataclass
class Done:
    """What became of a video: ``state`` is done, skipped (it was done before) or stopped; ``said`` is the metadata."""

    state: str
    frames: int
    resumed: int = 0
    seconds: float = 0.0
    write_seconds: float = 0.0
    said: dict[str, Any] | None = None

    @property
    def worked(self) -> int:
        """Frames that went through the network this time."""
        return self.frames - self.resumed if self.state != "skipped" else 0


class Job:
    """The analysis of one video. Built and run once, by one thread, which must hold the target's claim.

    ``again``: whatever is there of an earlier analysis is replaced. ``say`` receives one-line remarks.
    """

    def __init__(
        self,
        engine: Engine,
        target: Target,
        formats: tuple[str, ...],
        again: bool,
        progress: Progress,
        say: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._engine, self._target, self._formats = engine, target, formats
        self._again, self._progress, self._say, self._stop = again, progress, say, stop
        self._keypoints = len(engine.model.contract.keypoints)
        self._key = {**engine.key(), "video": target.video.name, "content": fingerprint(target.video)}

    def run(self, begun: Callable[[], None] = lambda: None) -> Done:
        """Do what is left to do; ``begun`` is called when frames are about to come.

        Raises PosewireError; what was done by then is kept in the journal.
        """
        target = self._target
        try:
            if not self._again and (said := self._finished()) is not None:
                return Done("skipped", said["frames"]["decoded"], said=said)
            found = self._left()
            resumed = found.frames if found else 0
            seconds = 0.0
            if found is None or found.end is None:
                found, seconds = self._work_through(found, begun)
            if found.end is None:
                return Done("stopped", found.frames, resumed, seconds)
            began_ns = now_ns()
            self._progress.phase = "writing"
            try:
                said = self._write(found)
            except WorkError as error:
                raise WorkError(f"{error} (what was found is kept: the next call writes it)") from None
            target.journal.unlink(missing_ok=True)
            return Done("done", found.frames, resumed, seconds, (now_ns() - began_ns) * 1e-9, said)
        except OSError as error:
            raise WorkError(f"{target.video}: {error.filename or target.folder}: {error.strerror or error}") from None

    def _finished(self) -> dict[str, Any] | None:
        """What is said of an analysis that was finished before, with all files. Raises WorkError if it is another."""
        target = self._target
        outputs = [target.output(ending) for ending in endings(self._formats)]
        try:
            said = json.loads(target.output("json").read_bytes())
            key, refine = said["key"], said["options"]["refine"]
        except (OSError, ValueError, KeyError, TypeError):
            there = [path for path in outputs if path.exists()]
            if there and not target.journal.exists():
                raise WorkError(
                    f"{target.video}: {there[0]} is there already, and nothing says what made it; "
                    "move it away, or give --again to replace it"
                ) from None
            return None
        # Another version of Posewire is no reason to do it anew unasked.
        mine = {**self._key, "refine": self._engine.refine, "posewire": key.get("posewire")}
        if different := _difference({**key, "refine": refine}, mine):
            raise WorkError(
                f"{target.video}: was analysed before with {different}; give --again to replace it, or another --out"
            )
        return said if all(path.exists() for path in outputs) else None

    def _left(self) -> Found | None:
        """What an analysis that did not come to its end left. Raises WorkError if it was another."""
        target = self._target
        if self._again:
            target.journal.unlink(missing_ok=True)
            return None
        found = look_into(target.journal, self._keypoints)
        if found is not None and (different := _difference(found.key, self._key)):
            raise WorkError(
                f"{target.video}: an analysis with {different} was left at frame {found.frames}; "
                "finish it with the options it had, or give --again to begin anew"
            )
        return found

    def _work_through(self, found: Found | None, begun: Callable[[], None]) -> tuple[Found, float]:
        """Every frame through the network and into the journal, up to the end of the video or the stop; and how many
        seconds that took.
        """
        engine, target = self._engine, self._target
        resumed = found.frames if found else 0
        with closing(VideoFile(target.video, threads=engine.layout.decoders)) as video:
            info = video.open()
            engine.fit(info.width, info.height)
            if resumed:
                self._say(f"{target.video}: goes on from frame {resumed}")
            self._progress.begin(info.frames, resumed)
            began_ns = now_ns()
            begun()
            with closing(Journal(target.journal, self._key, found)) as journal:
                tracker = engine.make_tracker()
                pages = Pages(journal, self._keypoints, info.fps, tracker, found)
                with closing(
                    Crew(
                        video,
                        info,
                        engine.look,
                        self._keypoints,
                        workers=engine.layout.workers,
                        batch=engine.layout.batch,
                        skip=resumed,
                        stop=self._stop,
                    )
                ) as crew:
                    try:
                        for batch in crew.batches(lambda: self._progress.passed(crew.skipped)):
                            pages.add(batch)
                            crew.recycle(batch)
                            self._progress.at(pages.frames)
                    finally:
                        pages.flush()
                seconds = (now_ns() - began_ns) * 1e-9
                if crew.complete:
                    journal.end(self._ending(video, info, pages))
        left = look_into(target.journal, self._keypoints)
        assert left is not None
        return left, seconds

    def _ending(self, video: VideoFile, info: SourceInfo, pages: Pages) -> dict[str, Any]:
        return {
            "promised": video.promised,
            "decoded": pages.frames,
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
        }

    def _write(self, found: Found) -> dict[str, Any]:
        """All files from the journal; what is said of the analysis comes last, as the sign that it is finished."""
        engine, target = self._engine, self._target
        assert found.end is not None

        def blocks() -> Any:
            return read_blocks(target.journal, self._keypoints)

        with folder_beside(target.work) as folder:
            names = None
            if engine.refine:
                names = keep_names(folder, refined(blocks(), engine.model.contract.skeleton, engine.animals))
            subject = self._subject(found.end, found.most if names is None else names.most)
            if len(subject.animals) > _MANY and engine.animals is None:
                self._say(
                    f"{target.video}: {len(subject.animals)} animals were told apart; if there were fewer, say how "
                    "many: --animals N"
                )
            result, nobody = gather(folder, subject, found.frames, blocks(), names)
            write_outputs(result, target, self._formats)
            said = self._metadata(found, result, nobody)
            write_whole(target.output("json"), (json.dumps(said, indent=1) + "\n").encode())
            del result, names  # Windows removes no file that is mapped
        return said

    def _subject(self, end: dict[str, Any], most: int) -> Subject:
        engine, video = self._engine, self._target.video
        contract = engine.model.contract
        count = (engine.animals or max(1, most)) if engine.several else 0
        return Subject(
            video=video,
            size=(end["width"], end["height"]),
            fps=end["fps"],
            keypoints=contract.keypoints,
            skeleton=contract.skeleton,
            symmetric=contract.symmetric,
            animals=tuple(f"animal{n + 1}" for n in range(count)),
            scorer=f"posewire_{contract.name}_{engine.model.sha256[:8]}",
            min_score=engine.min_score,
            identifier=hashlib.sha256(json.dumps([self._key, engine.refine]).encode()).hexdigest(),
            recorded_s=video.stat().st_mtime,
        )

    def _metadata(self, found: Found, result: Result, nobody: int) -> dict[str, Any]:
        assert found.end is not None
        end, engine, subject = found.end, self._engine, result.subject
        contract = engine.model.contract
        said: dict[str, Any] = {
            "posewire": __version__,
            "model": {"name": contract.name, "sha256": engine.model.sha256},
            "video": {
                "name": subject.video.name,
                "bytes": subject.video.stat().st_size,
                "size": list(subject.size),
                "fps": subject.fps,
            },
            "frames": {"promised": end["promised"], "decoded": end["decoded"]},
            "mismatch": mismatch(end["promised"], end["decoded"]),
            "times": {
                "from": "the container" if found.guessed < max(1, found.frames) else "the frame rate",
                "guessed": found.guessed,
                "last_s": found.last_s,
            },
            "keypoints": list(contract.keypoints),
            "skeleton": [list(pair) for pair in contract.skeleton],
            "scorer": subject.scorer,
            "options": {**engine.options(), "refine": engine.refine},
            "key": self._key,
        }
        if engine.several:
            said["animals"] = list(subject.animals)
            said["nobody"] = nobody
        return said


def mismatch(promised: int | None, decoded: int) -> str | None:
    """In words, how the frames that came differ from those that the header promises; None if they do not."""
    if promised is None or promised == decoded:
        return None
    if decoded < promised:
        return (
            f"{decoded} of the {promised} frames that the file promises could be decoded; it may be cut off or damaged"
        )
    return f"{decoded} frames were decoded, {decoded - promised} more than the file promises; its header is wrong"


def fingerprint(video: Path) -> str:
    """Size and SHA-256 of the first and the last MiB of a file. Raises WorkError if it cannot be read."""
    try:
        size = video.stat().st_size
        with video.open("rb") as file:
            digest = hashlib.sha256(file.read(_ENDS_BYTES))
            file.seek(max(0, size - _ENDS_BYTES))
            digest.update(file.read(_ENDS_BYTES))
    except OSError as error:
        raise WorkError(f"{video}: cannot be read ({error.strerror})") from None
    return f"{size}-{digest.hexdigest()[:32]}"


def _difference(theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """The first thing in which two keys differ, in words; None if they are the same."""
    for name in {**mine, **theirs}:
        if theirs.get(name) != mine.get(name):
            return f"{name} {theirs.get(name)} (now {mine.get(name)})"
    return None
