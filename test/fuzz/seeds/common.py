"""What the modules of this folder share: writing inputs, and a CBOR encoder."""

import struct
from pathlib import Path

CORPUS = Path(__file__).parent.parent / "corpus"
ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/s"


def write(target: str, inputs: dict[str, bytes]) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in inputs.items():
        (folder / name).write_bytes(content)


def with_first(byte: int, texts: dict[str, str | bytes]) -> dict[str, bytes]:
    """The inputs of targets whose first byte is a choice."""
    return {
        name: bytes([byte]) + (text.encode() if isinstance(text, str) else text)
        for name, text in texts.items()
    }


class Open(list):
    """A map or list of open length, as the SDK for Java writes them."""


def cbor(value) -> bytes:
    def head(major: int, number: int) -> bytes:
        if number < 24:
            return bytes([major << 5 | number])
        if number < 256:
            return bytes([major << 5 | 24, number])
        if number < 65536:
            return bytes([major << 5 | 25]) + struct.pack(">H", number)
        return bytes([major << 5 | 27]) + struct.pack(">Q", number)

    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case None:
            return b"\xf6"
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case str():
            return head(3, len(value.encode())) + value.encode()
        case bytes():
            return head(2, len(value)) + value
        case Open():
            return b"\x9f" + b"".join(map(cbor, value)) + b"\xff"
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            pairs = b"".join(cbor(k) + cbor(v) for k, v in value.items())
            return head(5, len(value)) + pairs
    raise TypeError(type(value))


def open_map(value: dict) -> bytes:
    return b"\xbf" + b"".join(cbor(k) + cbor(v) for k, v in value.items()) + b"\xff"
