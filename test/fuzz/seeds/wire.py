"""The codecs of all operations, event streams, and PutMetricData."""

import gzip
import json
import struct
import zlib

from .common import ARN, Open, cbor, open_map, with_first, write


def codecs() -> None:
    # The first byte picks the operation by its place in the models: several of each kind of body.
    bodies = [
        {"StreamName": "s", "ShardCount": 3},
        {"StreamARN": ARN, "Tags": {"a": "b"}},
        {"TableName": "t", "Item": {"k": {"S": "x"}, "l": {"L": [{"N": "1"}, {"BOOL": True}]}}},
        {"DeliveryStreamName": "d", "Records": [{"Data": "QQ=="}]},
        {"ApplicationName": "a", "RuntimeEnvironment": "SQL-1_0", "InputParallelism": {"Count": 1}},
        {"Timestamp": 1764000000.123, "Limit": 5, "ShardFilter": {"Type": "AT_LATEST"}},
    ]
    for i, body in enumerate(bodies):
        for place in (i * 7, 40 + i * 9):
            write("json_decode_fuzz", with_first(place, {f"body-{i}-{place}": json.dumps(body)}))
            write("cbor_decoder_fuzz", with_first(place, {f"body-{i}-{place}": cbor(body)}))
    odd = {
        "deep": "[" * 200,
        "escapes": r'{"StreamName":"\ud83d\ude00\n\u0000"}',
        "numbers": '{"Limit":1e400,"ShardCount":-0,"X":12345678901234567890}',
    }
    write("json_decode_fuzz", with_first(3, odd))
    write(
        "cbor_decoder_fuzz",
        with_first(
            3,
            {
                "deep": b"\x81" * 200,
                "open": open_map({"StreamName": "s", "X": Open([1, -5, 1.5, None, True])}),
                "tag": b"\xa1" + cbor("Timestamp") + b"\xc1" + cbor(1764000000.5),
                "half": b"\xa1" + cbor("Limit") + b"\xf9\x3c\x00",
                "huge": b"\xa1" + cbor("Records") + b"\x9b" + b"\xff" * 8,
            },
        ),
    )
    forms = {
        "metric": "Action=PutMetricData&Version=2010-08-01&Namespace=N"
        "&MetricData.member.1.MetricName=m"
        "&MetricData.member.1.Value=1.5&MetricData.member.1.Dimensions.member.1.Name=d"
        "&MetricData.member.1.Dimensions.member.1.Value=v",
        "identity": "Action=GetCallerIdentity&Version=2011-06-15",
        "escapes": "Namespace=%41+b%zz&MetricData.member.1.MetricName=%",
        "gap": "MetricData.member.1.MetricName=a&MetricData.member.3.MetricName=b",
        "huge": "MetricData.member.4294967296.MetricName=a&MetricData.member.0.Unit=None",
    }
    for place in (0, 110, 115, 120, 125):
        write("query_decode_fuzz", with_first(place, {f"{n}-{place}": f for n, f in forms.items()}))


def event_streams() -> None:
    def message(headers: bytes, payload: bytes) -> bytes:
        size = 16 + len(headers) + len(payload)
        prelude = struct.pack(">II", size, len(headers))
        start = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
        return start + struct.pack(">I", zlib.crc32(start))

    def header(name: bytes, kind: int, value: bytes) -> bytes:
        return bytes([len(name)]) + name + bytes([kind]) + value

    text = lambda b: struct.pack(">H", len(b)) + b  # noqa: E731
    every = b"".join(
        [
            header(b":event-type", 7, text(b"SubscribeToShardEvent")),
            header(b"t", 0, b"") + header(b"f", 1, b"") + header(b"b", 2, b"\x7f"),
            header(b"s", 3, b"\x01\x02") + header(b"i", 4, b"\x01\x02\x03\x04"),
            header(b"l", 5, bytes(8)) + header(b"x", 6, text(b"\x00\xff")),
            header(b"d", 8, bytes(8)) + header(b"u", 9, bytes(16)),
        ]
    )
    write(
        "event_stream_fuzz",
        {
            "empty": message(b"", b""),
            "every": message(every, b'{"Records":[]}'),
            "cut": message(every, b"payload")[:-5],
        },
    )


def cloudwatch() -> None:
    datum = {
        "MetricName": "m",
        "Dimensions": [{"Name": "d", "Value": 'v"\\\n'}],
        "Values": [1.0, 2.5],
        "Counts": [1.0, 3.0],
        "Unit": "Count",
        "Timestamp": 1764000000.0,
    }
    statistics = {"SampleCount": 2.0, "Sum": 3.0, "Minimum": 1.0, "Maximum": 2.0}
    puts = {
        "values": {"Namespace": "N", "MetricData": [datum]},
        "statistics": {
            "Namespace": "N",
            "MetricData": [{"MetricName": "s", "StatisticValues": statistics}],
        },
        "entity": {
            "Namespace": "N",
            "EntityMetricData": [{"MetricData": [{"MetricName": "e", "Value": -1e300}]}],
        },
        "many": {
            "Namespace": "N",
            "MetricData": [{"MetricName": f"m{i}", "Value": float(i)} for i in range(6)],
        },
        "infinite": {
            "Namespace": "N",
            "MetricData": [{"MetricName": "m", "Value": float("inf")}],
        },
    }
    form = (
        "Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&"
        "MetricData.member.1.Values.member.1=1&MetricData.member.1.Counts.member.1=2"
    )
    write("cloudwatch_fuzz", with_first(0, {"form": form}))
    write("cloudwatch_fuzz", with_first(1, {"form-gzip": gzip.compress(form.encode(), mtime=0)}))
    write("cloudwatch_fuzz", with_first(2, {f"cbor-{n}": cbor(p) for n, p in puts.items()}))
    packed = {f"cbor-gzip-{n}": gzip.compress(cbor(p), mtime=0) for n, p in puts.items()}
    write("cloudwatch_fuzz", with_first(3, packed))
    write("cloudwatch_fuzz", with_first(4, {f"json-{n}": json.dumps(p) for n, p in puts.items()}))
    bomb = gzip.compress(bytes((1 << 20) + 1), mtime=0)
    write("cloudwatch_fuzz", with_first(1, {"bomb": bomb, "bomb-cut": bomb[:500]}))


def make() -> None:
    codecs()
    event_streams()
    cloudwatch()
