"""PutRecords, PutRecord, GetRecords, and the tokens that clients hand back."""

import base64
import json
import struct

from .common import ARN, Open, cbor, open_map, with_first, write


def puts() -> None:
    batches = {
        "batch": {"StreamName": "s", "Records": [{"Data": b"ABC", "PartitionKey": "a"}]},
        "batch-arn": {
            "StreamARN": ARN,
            "Records": [
                {"Data": b"", "PartitionKey": "ключ", "ExplicitHashKey": "0"},
                {"PartitionKey": "b", "Data": bytes(range(40)), "ExplicitHashKey": str(2**128 - 1)},
            ],
        },
        "batch-none": {"StreamName": "s", "Records": []},
        "batch-null": {"StreamName": "s", "Records": [{"Data": b"A", "PartitionKey": None}]},
        "batch-unknown": {"StreamName": "s", "X": [1, {}], "Records": [{"Data": b"A", "Y": 1.5}]},
    }
    ones = {
        "one": {"StreamName": "s", "Data": b"AB", "PartitionKey": "k", "ExplicitHashKey": "12"},
        "one-ordering": {
            "StreamARN": ARN,
            "PartitionKey": "k",
            "Data": b"AB",
            "SequenceNumberForOrdering": "49546986683135544286507457936321625675",
        },
    }

    def in_json(value) -> str:
        return json.dumps(value, ensure_ascii=False, default=lambda b: base64.b64encode(b).decode())

    write("put_json_fuzz", with_first(0, {n: in_json(v) for n, v in batches.items()}))
    write("put_json_fuzz", with_first(1, {n: in_json(v) for n, v in ones.items()}))
    odd = {
        "escapes": r'{"StreamName":"s","Records":[{"D\u0061ta":"QQ\u003d=",'
        r'"PartitionKey":"\u00fc"}]}',
        "blanks": ' {\n "Records" : [ { "Data" : "QQ==" ,\t"PartitionKey" : "a" } ] ,'
        '"StreamName":"s"}',
        "twice": '{"StreamName":"s","StreamName":"t",'
        '"Records":[{"Data":"QQ==","PartitionKey":"a"}]}',
        "padding": '{"StreamName":"s","Records":[{"Data":"QQ=","PartitionKey":"a"}]}',
        "cut": '{"StreamName":"s","Records":[{"Data":"QQ==","Parti',
    }
    write("put_json_fuzz", with_first(0, odd))
    write("put_cbor_fuzz", with_first(0, {n: cbor(v) for n, v in batches.items()}))
    write("put_cbor_fuzz", with_first(1, {n: cbor(v) for n, v in ones.items()}))
    records = Open([{"Data": b"A", "PartitionKey": "a"}, {"Data": b"B", "PartitionKey": "b"}])
    java = open_map({"Records": records, "StreamName": "s"})
    parts = (
        b"\xa2"
        + cbor("StreamName")
        + b"\x7f\x61s\xff"
        + cbor("Records")
        + b"\x81"
        + cbor({"Data": b"A", "PartitionKey": "a"})
    )
    write("put_cbor_fuzz", with_first(0, {"java": java, "parts": parts, "cut": java[:30]}))

    get = {"ShardIterator": "AAAAAAAAAAE=", "Limit": 100, "StreamARN": ARN}
    write("get_records_fuzz", with_first(0, {"json": json.dumps(get)}))
    write("get_records_fuzz", with_first(2, {"cbor": cbor(get)}))
    text = lambda b: bytes([len(b)]) + b  # noqa: E731
    record = lambda key, data: text(key) + text(data)  # noqa: E731
    answer = b"\x07\x05\x03\x09\x02\x11\x01" + b"\x00"
    wide = b"\xff" + struct.pack(">Q", 1_764_000_000_123)
    one = b"\x10" + wide + b"\x02" + record(b"key", b"data")
    one += record("ключ".encode(), b"\xff\x00")
    two = b"\x00" + wide + b"\x01" + record(b'"\\\n\x01\x7f/<', bytes(range(100)))
    write("get_records_fuzz", with_first(1, {"records": answer + one + two, "none": answer}))
    write("get_records_fuzz", with_first(1, {"end": b"\x07\x05\x03\x09\x02\x11\x01\x01\x01" + two}))


def tokens() -> None:
    write(
        "token_fuzz",
        with_first(0, {"text": "AAAAAAAAAAE" + "A" * 200, "empty": "", "odd": "AAAAAAAAAAF="}),
    )
    write("token_fuzz", with_first(1, {"bytes": bytes(144), "short": bytes(27)}))
    numbers = {
        "number": "49546986683135544286507457936321625675700192471156785154",
        "small": "5",
        "zeros": "0" * 56,
        "long": "9" * 129,
        "old": "49537279973004700513262647537344055618854783392043532290",
    }
    write("token_fuzz", with_first(2, numbers))
    wide = b"\xff" + bytes(range(1, 9))
    write("token_fuzz", with_first(3, {"iterator": b"\x05" + wide + b"\x02\x07\x00\x06clicks\x09"}))
    write("token_fuzz", with_first(3, {"foreign": wide * 3 + b"\x07\x01\x80" + b"n" * 128}))
    write("token_fuzz", with_first(4, {"page": wide + b"\x05\x03\x09\x04\x04name"}))


def make() -> None:
    puts()
    tokens()
