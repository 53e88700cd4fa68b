"""Reads the few bodies that kubectl sends as protobuf: all other clients here send JSON."""

from __future__ import annotations

from collections.abc import Iterator

from tests.kubesim.objects import ApiError, Object

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _BYTES = 0, 2


def read(body: bytes) -> Object:
    """
    Read an object.

    :raises ApiError: 415: it is of a kind that is not known here.
    """
    if body.startswith(_MAGIC):
        envelope = _messages(body.removeprefix(_MAGIC))
        kind = _messages(envelope[1]).get(2, b"").decode()
        metadata = _messages(_messages(envelope.get(2, b"")).get(1, b""))
        if kind in {"Namespace", "TokenRequest"}:  # whose names alone are asked for
            name = metadata.get(1, b"").decode()
            return {"kind": kind, "metadata": {"name": name} if name else {}}
    raise ApiError(415, "UnsupportedMediaType", f"of {CONTENT_TYPE} only a few kinds are known here")


def _messages(data: bytes) -> dict[int, bytes]:
    """Give a message's fields of bytes by number; the last of several."""
    return {number: value for number, value in _fields(data) if value is not None}


def _fields(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            _, at = _varint(data, at)
            yield number, None
        elif wire == _BYTES:
            length, at = _varint(data, at)
            yield number, data[at : at + length]
            at += length
        else:
            raise ApiError(415, "UnsupportedMediaType", f"wire type {wire} is not known here")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
