"""Structures and folders of the shard log. Checksums are made by the targets."""

import struct

from .common import with_first, write


def formats() -> None:
    def choice(kind: int) -> int:
        return kind * 2  # with right checksums

    pack = lambda form, *values: struct.pack("<" + form, *values)  # noqa: E731
    # Checksums are made by the target: zeroes here.
    header = b"MSJH" + pack("IIIQQQQ", 0, 1, 1, 5, 6, 7, 8)
    write("log_formats_fuzz", with_first(choice(0), {"journal-header": header}))

    def frame(entries: int, table: bytes, body: int) -> bytes:
        return b"MSJF" + pack("IQQQII", 0, 77, 3, body, len(table), entries) + table

    run = b"\x03" + pack("QQqIIIIIII", 1, 2, 3, 2, 1, 20, 99, 2, 30, 98)
    tables = {
        "frame-run": frame(1, run, 50),
        "frame-all": frame(
            8,
            b"\x01"
            + pack("Q", 4)
            + b"\x02"
            + pack("QqqQ", 1, 86400000, 0, 5)
            + b"\x04"
            + pack("QQ", 1, 9)
            + b"\x05"
            + pack("Q", 2)
            + b"\x06"
            + pack("QQ", 1, 3)
            + b"\x07"
            + pack("Qq", 1, 1000)
            + b"\x08"
            + pack("QQ", 7, 1)
            + b"\x09"
            + pack("QQQIQQIq", 7, 1, 1, 1, 1, 5, 2, 3),
            0,
        ),
    }
    write("log_formats_fuzz", with_first(choice(1), tables))
    shard = pack("QqqQQqBI", 3, 1000, 17, 500, 20, 999, 1, 1) + pack("QQqI", 30, 40, 900, 2) + b"at"
    file = pack("QBBIQqQqqQQ", 70, 2, 1, 2, 3, 1000, 4096, 1, 2, 20, 500)
    writer = pack("QQQI", 8, 2, 6, 1) + pack("QQIq", 3, 1, 2, 3)
    parts = pack("QQQQ", 5, 123, 9, 77) + pack("I", 1) + shard + pack("I", 1) + file + pack("I", 1)
    manifest = b"MSJM" + pack("IIIQ", 0, 1, 0, 0) + parts + writer
    write("log_formats_fuzz", with_first(choice(2), {"manifest": manifest}))

    def block(shard_id: int, first: int, bodies: list[bytes]) -> bytes:
        batches = b"".join(
            pack("QqII", first + i, 5000 + i, 1, len(b)) for i, b in enumerate(bodies)
        )
        payload = batches + b"".join(bodies)
        head = b"MSJB" + pack(
            "IBBHIQQQqq", 0, 0, 0, 0, 0, shard_id, first, first + len(bodies), 5000, 5001
        )
        return head + pack("IIII", len(bodies), len(payload), len(payload), 0) + payload

    write("log_formats_fuzz", with_first(choice(3), {"block": block(9, 100, [b"abc", b"", b"de"])}))
    data_header = b"MSJD" + pack("IIIQ", 0, 1, 1, 17)
    write("log_formats_fuzz", with_first(choice(4), {"data-header": data_header}))

    def index(entries: list[tuple]) -> bytes:
        body = b"".join(pack("QQQqqQII", *entry) for entry in entries)
        return b"MSJI" + pack("IQQ", 0, len(entries), 0) + body

    two = index([(1, 1, 5, 10, 11, 64, 300, 4), (2, 7, 9, 12, 13, 364, 200, 2)])
    write("log_formats_fuzz", with_first(choice(5), {"index": two, "index-empty": index([])}))
    write(
        "log_formats_fuzz",
        with_first(choice(6), {"trailer": b"MSJT" + pack("IQQQ", 0, 64, 564, len(two))}),
    )

    def part(offset: int, blocks: list[bytes], broken: int = 0) -> bytes:
        entries, at = [], offset
        for i, one in enumerate(blocks):
            entries.append((1, i * 10, i * 10 + 2, 5000, 5001, at, len(one), 2))
            at += len(one)
        listed = index(entries)
        copies = [b"x" * len(listed) if i < broken else listed for i in range(2)]
        trailer = b"MSJT" + pack("IQQQ", 0, offset, at, len(listed))
        return b"".join(blocks) + b"".join(copies) + trailer.ljust(64, b"\0")

    start = data_header.ljust(64, b"\0")
    blocks = [block(1, 0, [b"ab", b"c"]), block(1, 10, [b"d", b"e"])]
    one = start + part(64, blocks)
    files = {
        "file": one,
        "file-parts": one + part(len(one), blocks),
        "file-scan": start + part(64, blocks, 2),
        "file-copy": start + part(64, blocks, 1),
        "file-cut": one[:-1],
        "file-points-out": start
        + part(64, blocks).replace(pack("QII", 64, len(blocks[0]), 2), pack("QII", 64, 1 << 31, 2)),
    }
    write("log_formats_fuzz", with_first(choice(7), files))


def recovery() -> None:
    no_manifest_shards = b"\x00\x00\x00\x00"  # epoch, position, closed generation, shards
    new_file = b"\x00\x00\x00\x00\x00"
    create = b"\x01"  # of the next id; shards are counted from 0 here
    run = lambda shard: b"\x0a" + bytes([shard, 0, 5, 0, 2])  # noqa: E731
    sealed = lambda shard: b"\x02" + bytes([shard, 9])  # noqa: E731

    def frame(*entries: bytes) -> bytes:
        return b"\x01\x00" + bytes([len(entries) - 1]) + b"".join(entries)

    start = no_manifest_shards + new_file
    shard = b"\x00\x40\x00\x01\x00"  # next counter (epoch, number), trimmed, arrival, sealed
    # A pack of one block with three records.
    data_file = b"\x07\x00\x00" + b"\x00\x05" + b"\x00\x00\x00\x02\x01\x00"
    inputs = {
        "empty": b"",
        "frames": start + frame(create, run(0)) + frame(run(0), run(0)),
        "two-files": start + frame(create, run(1)) + new_file + frame(run(1)) + frame(sealed(1)),
        "trims": start
        + frame(create, run(0), b"\x04\x00\x01")
        + frame(b"\x05\x00\xf0", b"\x03\x00", b"\x06\x07\x01", b"\x07\x07\x01\x01\x00"),
        "damage": start
        + frame(create, run(0))
        + frame(run(0))
        + b"\x05\x00\x40\x08\x03"
        + frame(run(0)),
        "torn": start + frame(create, run(0)) + b"\x04\x10torn-torn-torn-!",
        "jump": start + frame(create, run(0)) + b"\x01\xfc\x00" + run(0) + frame(run(0)),
        "os-durability": no_manifest_shards + b"\x00\x07\x00\x00\x00" + frame(create, run(0)),
        "manifest": b"\x02\x01\x00\x02"
        + shard
        + b"\x01\x20\x03\x05\x07"
        + new_file
        + frame(run(0)),
        "pack": b"\x02\x00\x00\x03" + shard * 3 + data_file + b"\x00\x00" + new_file,
        "pack-damaged": b"\x02\x00\x00\x02" + shard * 2 + data_file + b"\x01\x10\x02\x03\x00",
        "table": start + frame(create) + b"\x03\x00\x01\x09\x01" + bytes(8) + b"\x00",
        "zeroes": start + frame(create, run(0)) + b"\x06\x02" + frame(run(0)),
    }
    write("log_recovery_fuzz", inputs)


def make() -> None:
    formats()
    recovery()
