"""Scripts and records of continuous SQL."""

from .common import with_first, write


def scripts_and_records() -> None:
    kinesis = (
        'CREATE OR REPLACE STREAM "OUT" (a INTEGER, b VARCHAR(8));\nCREATE OR REPLACE PUMP p AS '
        'INSERT INTO "OUT" SELECT STREAM COUNT(*), "b" FROM "SOURCE_SQL_STREAM_001" '
        'GROUP BY "b", STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL \'10\' SECOND);'
    )
    flink = (
        "CREATE TABLE t (a INT, ts TIMESTAMP(3), "
        "WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH "
        "('connector'='kinesis');\nINSERT INTO o SELECT a, COUNT(*) FROM TABLE(TUMBLE(TABLE t, "
        "DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY a, window_start HAVING SUM(a) > 1e3;"
    )
    write("sql_parser_fuzz", with_first(0, {"kinesis": kinesis}) | with_first(1, {"flink": flink}))
    record = '{"i":1,"d":1.5e3,"n":"12.345","s":"text","t":"2026-11-24 10:00:00.123",'
    record += '"b":true,"o":{"x":7}}'
    line = '1,1.5,12.345,"a ""b""",2026-11-24 10:00:00,true,QQ,2026-11-24,9'
    for choice in range(16):
        write(
            "row_decoder_fuzz",
            with_first(choice, {f"row-{choice}": record if choice & 2 else line}),
        )


def make() -> None:
    scripts_and_records()
