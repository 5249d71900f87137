"""Which videos are meant, and where what is found in each of them lies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from posewire.sources import missing_path
from posewire.sources.images import natural_order
from posewire_models.errors import InputError, WorkError
from posewire_models.files import lock_file

VIDEO_ENDINGS = (
    ".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv", ".mts", ".m2ts", ".ts", ".h264", ".mjpeg",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A video, and the folder and the start of the names of what is written for it."""

    video: Path
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.video.stem}.posewire"

    def output(self, ending: str) -> Path:
        """The file of a format, or with ``json`` what is said of the analysis, with ``times.csv`` the frames' times."""
        return self.folder / f"{self.name}.{ending}"

    @property
    def journal(self) -> Path:
        return self.folder / f".{self.name}.journal"

    @property
    def work(self) -> Path:
        """Stands for the folder in which tables are put together."""
        return self.folder / f"{self.name}.tables"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep the outputs for this process alone; the system ends the claim with the process, however that ends.

        Raises WorkError if another process has them, or nothing can be written there.
        """
        claim = self.folder / f".{self.name}.lock"
        try:
            file = claim.open("ab")
        except OSError as error:
            raise WorkError(
                f"{self.folder}: cannot be written ({error.strerror}); give another folder: --out"
            ) from None
        with file:
            if not lock_file(file) or not _same(file.fileno(), claim):
                raise WorkError(f"{self.video}: another analysis is writing {self.output('*')}; wait for its end")
            try:
                yield
            finally:
                file.close()  # Windows removes no open file
                with suppress(OSError):
                    claim.unlink()


def _same(descriptor: int, path: Path) -> bool:
    """Whether an open file still has its name: the one who held it before us may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def find_targets(paths: Sequence[Path], out: Path | None) -> list[Target]:
    """The videos among ``paths`` and in the folders among them (not in folders inside), each once, in that order.

    Raises InputError for what is not there, a folder without videos, two videos whose outputs would have one name,
    and an ``out`` that cannot be made.
    """
    videos: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            found = natural_order(
                file
                for file in path.iterdir()
                if file.suffix.lower() in VIDEO_ENDINGS and file.is_file() and not file.name.startswith(".")
            )
            if not found:
                raise InputError(
                    f"{path}: no video in this folder; expected files ending in {', '.join(VIDEO_ENDINGS)}"
                )
        elif path.exists():
            found = [path]
        else:
            raise missing_path(path, "video file or folder")
        for file in found:
            videos.setdefault(file.resolve(), file)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {out}: cannot be made ({error.strerror}); expected a folder") from None
    targets = [Target(video, video.parent if out is None else out) for video in videos.values()]
    taken: dict[Path, Path] = {}
    for target in targets:
        place = target.folder.resolve() / target.name
        if place in taken:
            raise InputError(
                f"{taken[place]} and {target.video} would both be written to {target.output('*')}; "
                "rename one, or analyse them one by one with another --out"
            )
        taken[place] = target.video
    return targets
