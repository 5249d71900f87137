"""A map of a received message, looked into with the type that each key must hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from posewire_models.errors import InputError

_MISSING = object()  # of no kind that a message holds


class MessageError(InputError):
    """Bytes that are no message of wire format 1: of another version, or broken."""


@dataclass(slots=True)
class MessageMap:
    """A map of a message on its way in, with the name it goes by in an error."""

    name: str
    map: dict[Any, Any] = field(repr=False)

    def get(self, key: str, kind: type | tuple[type, ...]) -> Any:
        value = self.map.get(key, _MISSING)
        if isinstance(value, kind):
            return value
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join("nil" if one is NoneType else one.__name__ for one in kinds)
        found = f"found {type(self.map[key]).__name__}" if key in self.map else "it is missing"
        raise MessageError(f"{self.name}: expected the key {key!r} to hold {expected}, {found}")

    def integers(self, key: str) -> list[int]:
        return self._all(key, int, "whole numbers")

    def numbers(self, key: str) -> list[float]:
        return [float(value) for value in self._all(key, (int, float), "numbers")]

    def texts(self, key: str) -> list[str]:
        return self._all(key, str, "names")

    def _all(self, key: str, kind: type | tuple[type, ...], expected: str) -> list[Any]:
        values: list[Any] = self.get(key, list)
        for value in values:
            if not isinstance(value, kind):
                raise MessageError(f"{self.name}: expected the key {key!r} to hold {expected}, found {values!r}")
        return values

    def raw(self, key: str, length: int) -> bytes:
        """Exactly so many bytes."""
        value: bytes = self.get(key, bytes)
        if len(value) != length:
            raise MessageError(f"{self.name}: expected the key {key!r} to hold {length} bytes, found {len(value)}")
        return value
