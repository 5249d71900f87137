"""What the two kinds of label files in JSON share: reading, checking, and sizes of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from posewire_models.errors import InputError
from posewire_training.images import ImageRef, read_image

Model = TypeVar("Model", bound=BaseModel)
Name = int | str
"""COCO files number things, or name them."""


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises InputError, with the line, if it is none."""
    try:
        return json.loads(path.read_bytes())
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a JSON text file ({error.reason})") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: not JSON: {error.msg} in line {error.lineno}") from None
    except RecursionError:
        raise InputError(f"{path}: not a label file: nested too deep") from None


def checked(path: Path, content: Any, kind: type[Model]) -> Model:
    """``content`` as ``kind``. Raises InputError that tells the first wrong key and how many more there are."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first, more = error.errors()[0], error.error_count() - 1
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        rest = f" (and {more} more)" if more else ""
        raise InputError(f"{path}: {where}: {first['msg'][0].lower()}{first['msg'][1:]}{rest}") from None


def json_bytes(content: Any) -> bytes:
    """``content`` as the bytes of a JSON file, one line for each entry of the lists at its top."""
    if isinstance(content, list):
        return b"[\n" + b",\n".join(_line(entry) for entry in content) + b"\n]\n"
    parts = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            parts.append(_line(key) + b": [\n" + b",\n".join(_line(entry) for entry in value) + b"\n]")
        else:
            parts.append(_line(key) + b": " + _line(value))
    return b"{\n" + b",\n".join(parts) + b"\n}\n"


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def image_size(image: ImageRef) -> tuple[int, int] | None:
    """Width and height of an image file; None if there is none. Raises InputError for a broken one."""
    if not image.path.is_file():
        return None
    height, width = read_image(image.path).shape[:2]
    return width, height
