"""An ONNX file without the parts that only unwanted outputs need.

ONNX Runtime computes every node of a file, whatever outputs are asked for, and the base install has no `onnx`. So the
few fields that matter are read from the protobuf encoding itself, and all others are passed on as they are: an encoded
message is a row of fields, each a key (number and type) and its content (Google, "Protocol Buffers encoding").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

# Field numbers of onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR = 1, 2, 4
_TENSOR_NAME, _PORT_NAME = 8, 1
_WITH_GRAPHS_INSIDE = {"If", "Loop", "Scan", "SequenceMap"}  # these read tensors that they do not list
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_Field = tuple[int, memoryview, memoryview]  # number, content (empty unless of type _BYTES), the whole field


def only_outputs(data: bytes, names: Collection[str]) -> bytes:
    """An ONNX model file with the outputs ``names`` alone, and without the nodes, constants and inputs with defaults
    that only the others need. What is kept stays byte for byte. Files that have no other output, or nodes with graphs
    inside (If, Loop), come back unchanged. Raises ValueError for bytes that are no protobuf.
    """
    parts = []
    for number, content, whole in _fields(memoryview(data)):
        if number == _MODEL_GRAPH:
            graph = _pruned(content, names)
            if graph is None:
                return data
            parts += [_key(_MODEL_GRAPH), _varint(len(graph)), graph]
        else:
            parts.append(bytes(whole))
    return b"".join(parts)


def _pruned(graph: memoryview, names: Collection[str]) -> bytes | None:
    """The graph for ``names`` alone; None where nothing can be left out."""
    fields = list(_fields(graph))
    outputs = _names(fields, _GRAPH_OUTPUT, _PORT_NAME)
    if set(outputs.values()) <= set(names):
        return None
    needed = set(names)
    dropped = {n for n, name in outputs.items() if name not in needed}
    nodes = [n for n, (number, _, _) in enumerate(fields) if number == _GRAPH_NODE]
    for n in reversed(nodes):  # ONNX keeps nodes in the order of computation
        content = fields[n][1]
        if _WITH_GRAPHS_INSIDE.intersection(_texts(content, _NODE_OPERATOR)):
            return None
        if needed.intersection(_texts(content, _NODE_OUTPUT)):
            needed.update(_texts(content, _NODE_INPUT))
        else:
            dropped.add(n)
    constants = _names(fields, _GRAPH_INITIALIZER, _TENSOR_NAME)
    unused = set(constants.values()) - needed
    for named in (constants, _names(fields, _GRAPH_INPUT, _PORT_NAME)):
        dropped |= {n for n, name in named.items() if name in unused}
    return b"".join(bytes(whole) for n, (_, _, whole) in enumerate(fields) if n not in dropped)


def _names(fields: list[_Field], wanted: int, name: int) -> dict[int, str]:
    """Of each field ``wanted``, by its place: the text in its own field ``name``."""
    return {n: _texts(content, name)[0] for n, (number, content, _) in enumerate(fields) if number == wanted}


def _texts(message: memoryview, wanted: int) -> list[str]:
    return [str(content, "utf-8") for number, content, _ in _fields(message) if number == wanted]


def _fields(message: memoryview) -> Iterator[_Field]:
    """The fields of an encoded message, in order."""
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        kind, content = key & 7, message[:0]
        if kind == _BYTES:
            size, place = _read_varint(message, place)
            content = message[place : place + size]
            if len(content) != size:
                raise ValueError("an ONNX file that ends too early")
            place += size
        elif kind == _VARINT:
            _, place = _read_varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"no protobuf: a field of type {kind}")
        yield key >> 3, content, message[start:place]


def _read_varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of 7 bits a byte, lowest first, and the place behind it."""
    value = shift = 0
    while place < len(message) and shift < 70:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("no protobuf: a number without an end")


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _key(number: int) -> bytes:
    return _varint(number << 3 | _BYTES)
