"""Where the pictures of a label file lie, and how a label file written here names them."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

WHOLE = 1_000
"""For `Lookup.find`: no part of a path may be dropped."""


class Lookup:
    """Finds files that a label file names, from its folder and each folder above it."""

    def __init__(self, label_file: Path) -> None:
        self.folder = label_file.absolute().parent
        self._folders = [self.folder, *self.folder.parents]
        self._found: dict[tuple[str, int], Path | None] = {}

    def find(self, told: str, least: int = WHOLE) -> Path | None:
        """The file ``told``, or None.

        Label files name paths of their author's machine: leading folders are dropped one after the other, as long as
        ``least`` parts of the path remain.
        """
        key = (told, least)
        if key not in self._found:
            found = self._look(told.replace("\\", "/"), least)
            self._found[key] = found.resolve() if found and ".." in found.parts else found
        return self._found[key]

    def nominal(self, told: str) -> Path:
        """The path of a file that is nowhere: as told, from the label file's folder."""
        return self.folder / told.replace("\\", "/")

    def _look(self, told: str, least: int) -> Path | None:
        parts = PurePosixPath(told).parts
        if not parts:
            return None
        for dropped in range(max(1, len(parts) - least + 1)):
            for folder in self._folders:
                if _is_file(found := folder.joinpath(*parts[dropped:])):
                    return found
        return None

    def told(self, file: Path) -> str:
        """How a label file in this folder names ``file``, with ``/``: so that `find` gives the same file again."""
        file = file.absolute()
        parts = file.parts
        there = file.is_file()
        candidates = []
        if "labeled-data" in parts:
            # DeepLabCut looks for images by this path from its project's folder.
            last = len(parts) - 1 - parts[::-1].index("labeled-data")
            candidates.append("/".join(parts[last:]))
        try:
            candidates.append(Path(os.path.relpath(file, self.folder)).as_posix())
        except ValueError:
            pass  # another drive
        candidates.append(file.as_posix())
        for candidate in candidates:
            if not there or self._same(candidate, file):
                return candidate
        return candidates[-1]

    def _same(self, told: str, file: Path) -> bool:
        found = Lookup(self.folder / "x").find(told)
        return found is not None and os.path.samefile(found, file)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a name too long for this system, or a folder that may not be looked into
