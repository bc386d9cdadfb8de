"""Outlook's compressed RTF, unpacked.

Source:
    [MS-OXRTFCP] "Rich Text Format (RTF) Compression Algorithm": LZ77 with a dictionary of 4,096
    bytes that begins with 207 known ones.
"""

from __future__ import annotations

import struct

_COMPRESSED, _STORED = 0x75465A4C, 0x414C454D
_HEADER = struct.Struct("<IIII")
_KNOWN = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_DICTIONARY = 4096
_MOST_BYTES = 64 * 1024 * 1024


def unpacked(data: bytes) -> bytes:
    """The RTF text; what comes behind damage is missing; empty if it is none at all."""
    if len(data) < _HEADER.size:
        return b""
    _, size, kind, _ = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if kind == _STORED:
        return body[:size]
    return _decompressed(body)[: min(size, _MOST_BYTES)] if kind == _COMPRESSED else b""


def _decompressed(body: bytes) -> bytes:
    window = bytearray(_KNOWN.ljust(_DICTIONARY, b"\x00"))
    write = len(_KNOWN)
    out = bytearray()
    position = 0
    while position < len(body) and len(out) < _MOST_BYTES:
        control = body[position]
        position += 1
        for bit in range(8):
            if position >= len(body):
                break
            if control >> bit & 1:
                if position + 2 > len(body):
                    return bytes(out)
                reference = int.from_bytes(body[position : position + 2], "big")
                position += 2
                offset, length = reference >> 4, (reference & 0xF) + 2
                if offset == write % _DICTIONARY:
                    return bytes(out)
                piece = bytearray()
                for step in range(length):
                    byte = window[(offset + step) % _DICTIONARY]
                    piece.append(byte)
                    window[(write + step) % _DICTIONARY] = byte
                write += length
                out += piece
            else:
                window[write % _DICTIONARY] = body[position]
                out.append(body[position])
                write += 1
                position += 1
    return bytes(out)
