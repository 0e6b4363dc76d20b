"""LZF decompression, as PCD files use it."""

from __future__ import annotations

from scene3d.errors import InputError


def decompress(data: bytes, *, size: int, where: str) -> bytes:
    """Unpack one LZF block.

    A control byte below 32 announces that many literal bytes plus one; otherwise its upper three bits are a length
    (7: one more byte follows) and its lower five bits, with the next byte, a distance back into what is unpacked.

    Args:
        data: The packed block.
        size: Length of the unpacked block, bytes; it never grows beyond.
        where: The file, for messages.

    Raises:
        InputError: The block is damaged.

    Source: the LZF format of liblzf (Lehmann), as PCD's specification names it.
    """
    out = bytearray()
    at, end = 0, len(data)
    try:
        while at < end and len(out) <= size:  # one step per run of bytes, each of which depends on those before
            control = data[at]
            at += 1
            if control < 32:
                out += data[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[at]
                at += 1
            start = len(out) - ((control & 31) << 8) - data[at] - 1
            at += 1
            if start < 0:
                raise InputError(f"{where}: the compressed block refers to bytes before its start; copy the file again")
            length += 2
            piece = out[start : start + length]
            out += piece if len(piece) == length else (piece * (length // len(piece) + 1))[:length]
    except IndexError as error:
        raise InputError(f"{where}: the compressed block ends early; the file is truncated, copy it again") from error
    if len(out) != size:
        raise InputError(
            f"{where}: the block unpacks to {len(out):,} bytes, {size:,} were announced; copy the file again"
        )
    return bytes(out)
