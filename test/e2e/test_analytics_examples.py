"""The example applications of the Kinesis Analytics developer guide, with data and names of our
own, through the real API: what each writes to its output stream. (Reference data is joined in
test_analytics_api.py.)
"""

import pytest
from test_analytics_api import Application, row, schema, stream_arn

COLUMNS = [
    ("device", "VARCHAR(8)", "$.device"),
    ("kind", "VARCHAR(8)", "$.kind"),
    ("zone", "VARCHAR(20)", "$.zone"),
    ("temperature", "DOUBLE", "$.temperature"),
    ("drift", "DOUBLE", "$.drift"),
    ("measured_at", "TIMESTAMP", "$.measured_at"),
]


def measured(number, device, temperature, drift=0.5, kind="Order"):
    return {
        "device": device,
        "kind": kind,
        "zone": "the north wing" if number % 2 else "cellar",
        "temperature": temperature,
        "drift": drift,
        "measured_at": f"2026-11-25 10:00:{number:02d}.000",
    }


DATA = [
    measured(1, "a-1", 20.0),
    measured(2, "b-1", 30.0, drift=6.0),
    measured(3, "a-1", 26.0, drift=2.0),
    measured(4, "b-1", 10.0, kind="Parcel"),
    measured(5, "a-1", 23.0, drift=3.0, kind="Parcel"),
]


def pump(columns, query):
    return (
        f'CREATE OR REPLACE STREAM "OUT" ({columns});\n'
        f'CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT" {query};\n'
    )


SOURCE = '"SOURCE_SQL_STREAM_001"'
WINDOW = f"STEP({SOURCE}.ROWTIME BY INTERVAL '2' SECOND)"

# name: (code, rows written as lists of values)
EXAMPLES = {
    "getting started: a filter": (
        pump(
            '"device" VARCHAR(8), "temperature" DOUBLE',
            f'SELECT STREAM "device", "temperature" FROM {SOURCE} WHERE "temperature" > 22',
        ),
        [["b-1", 30.0], ["a-1", 26.0], ["a-1", 23.0]],
    ),
    "alerts": (
        pump(
            '"device" VARCHAR(8)',
            f'SELECT STREAM "device" FROM {SOURCE} '
            'WHERE (ABS("drift" / ("temperature" - "drift")) * 100) > 15',
        ),
        [["b-1"]],
    ),
    "throttled alerts": (
        """
        CREATE OR REPLACE STREAM "DRIFTS" ("device" VARCHAR(8), "drift" DOUBLE);
        CREATE OR REPLACE PUMP "D" AS INSERT INTO "DRIFTS"
          SELECT STREAM "device", "drift" FROM "SOURCE_SQL_STREAM_001" WHERE "drift" > 1;
        CREATE OR REPLACE STREAM "OUT" ("device" VARCHAR(8), "drift" DOUBLE, "n" INTEGER);
        CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
          SELECT STREAM "device", "drift", "n" FROM (
            SELECT STREAM "device", "drift", COUNT(*) OVER W AS "n" FROM "DRIFTS"
            WINDOW W AS (PARTITION BY "device" RANGE INTERVAL '1' MINUTE PRECEDING))
          WHERE "n" <= 1;
        """,
        [["b-1", 6.0, 1], ["a-1", 2.0, 1]],
    ),
    "two record types": (
        """
        CREATE OR REPLACE STREAM "ORDERS" ("device" VARCHAR(8));
        CREATE OR REPLACE PUMP "O" AS INSERT INTO "ORDERS"
          SELECT STREAM "device" FROM "SOURCE_SQL_STREAM_001" WHERE "kind" = 'Order';
        CREATE OR REPLACE STREAM "OUT" ("device" VARCHAR(8), "kind" VARCHAR(8));
        CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
          SELECT STREAM "device", 'parcel' FROM "SOURCE_SQL_STREAM_001" WHERE "kind" = 'Parcel';
        CREATE OR REPLACE PUMP "Q" AS INSERT INTO "OUT"
          SELECT STREAM "device", 'order' FROM "ORDERS";
        """,
        [
            ["b-1", "parcel"],
            ["a-1", "parcel"],
            ["a-1", "order"],
            ["b-1", "order"],
            ["a-1", "order"],
        ],
    ),
    "stagger window": (
        pump(
            '"device" VARCHAR(8), "n" INTEGER',
            f'SELECT STREAM "device", COUNT("device") AS "n" FROM {SOURCE} WINDOWED BY STAGGER '
            '(PARTITION BY FLOOR("measured_at" TO MINUTE), "device" RANGE INTERVAL \'2\' SECOND)',
        ),
        [["a-1", 3], ["b-1", 2]],
    ),
    "sliding windows": (
        pump(
            '"device" VARCHAR(8), "last" DOUBLE, "all" DOUBLE',
            f'SELECT STREAM "device", AVG("temperature") OVER LAST, AVG("temperature") OVER ALL_ '
            f'FROM {SOURCE} WINDOW LAST AS (PARTITION BY "device" ROWS 1 PRECEDING), '
            "ALL_ AS (PARTITION BY \"device\" RANGE INTERVAL '1' HOUR PRECEDING)",
        ),
        [
            ["a-1", 20.0, 20.0],
            ["b-1", 30.0, 30.0],
            ["a-1", 23.0, 23.0],
            ["b-1", 20.0, 20.0],
            ["a-1", 24.5, 23.0],
        ],
    ),
    "dates and strings": (
        pump(
            '"d" VARCHAR(8), "t" TIMESTAMP, "u" BIGINT, "s" INTEGER, "z" VARCHAR(20)',
            'SELECT STREAM SUBSTRING("device", 1, POSITION(\'-\' IN "device") - 1), '
            '"measured_at" - INTERVAL \'5\' MINUTE, UNIX_TIMESTAMP("measured_at"), '
            'EXTRACT(SECOND FROM "measured_at"), '
            f"REGEX_REPLACE(\"zone\", 'north', 'south', 1, 0) FROM {SOURCE} "
            'WHERE "zone" SIMILAR TO \'%north%\' AND "drift" < 1',
        ),
        [["a", "2026-11-25 09:55:01.0", 1795600801000, 1, "the south wing"]],
    ),
}


@pytest.fixture
def application(server, name):
    made = Application(server, name)
    yield made
    made.delete()


def run(application, code, count):
    application.create_sql(
        code,
        Inputs=[
            {
                "NamePrefix": "SOURCE_SQL_STREAM",
                "KinesisStreamsInput": {"ResourceARN": stream_arn(application.source)},
                "InputSchema": schema(COLUMNS),
            }
        ],
    )
    application.start("TRIM_HORIZON")
    application.put(DATA)
    return application.wait_for_rows(count)


def in_order(rows):
    return sorted(rows, key=str)


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(application, example):
    code, expected = EXAMPLES[example]
    rows = [list(row.values()) for row in run(application, code, len(expected))]
    assert in_order(rows) == in_order(expected)


@pytest.mark.parametrize("by", ["ROWTIME", "event time"])
def test_tumbling_windows_add_up(application, by):
    """The rows may fall into two windows of the clock; what they add up to is known."""
    keys = f'"device", {WINDOW}'
    if by == "event time":
        keys += ", STEP(\"measured_at\" BY INTERVAL '1' MINUTE)"
    code = pump(
        '"device" VARCHAR(8), "n" INTEGER, "least" DOUBLE',
        f'SELECT STREAM "device", COUNT(*), MIN("temperature") FROM {SOURCE} GROUP BY {keys}',
    )
    rows = run(application, code, 2)
    for device, count, least in (("a-1", 3, 20.0), ("b-1", 2, 10.0)):
        own = [row for row in rows if row["device"] == device]
        assert sum(row["n"] for row in own) == count
        assert min(row["least"] for row in own) == least


def test_records_that_can_not_be_read_go_to_the_error_stream(application):
    code = """
    CREATE OR REPLACE STREAM "OUT" ("name" VARCHAR(64), "message" VARCHAR(1000));
    CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
      SELECT STREAM "ERROR_NAME", "MESSAGE" FROM "error_stream";
    CREATE OR REPLACE PUMP "Q" AS INSERT INTO "OUT"
      SELECT STREAM "city", 'read' FROM "SOURCE_SQL_STREAM_001" WHERE "price" > 0;
    """
    application.create_sql(code)
    application.start("TRIM_HORIZON")
    application.put([{"id": 1, "at": {"city": "Oslo"}, "price": "much"}, row(2, "Bergen")])
    rows = application.wait_for_rows(2)
    errors = [each for each in rows if each["message"] != "read"]
    assert len(rows) == 2 and len(errors) == 1, rows
    assert "much" in errors[0]["message"] or "price" in errors[0]["message"].lower(), errors
