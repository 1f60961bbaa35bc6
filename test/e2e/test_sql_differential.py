"""Every continuous query's end result equals a batch query of DuckDB over the same rows."""

import datetime
import json
import random
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import sql_client  # noqa: E402

ROWS = 4000
BASE_MS = 1_764_028_800_000  # 2025-11-25T00:00:00Z

EVENTS = """
CREATE TABLE {table} (
  id BIGINT, k STRING, g INT, v INT, price DOUBLE, amount DECIMAL(10, 2), note STRING,
  ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = '{stream}', 'format' = 'json',
        'scan.stream.initpos' = 'TRIM_HORIZON');
"""
DUCK_EVENTS = """
CREATE TABLE {table} (id BIGINT, k VARCHAR, g INT, v INT, price DOUBLE, amount DECIMAL(10, 2),
                      note VARCHAR, ts TIMESTAMP)
"""


def random_events(seed, count, step_ms):
    """Times grow with jumps back of less than five seconds, gaps and equal times."""
    random_ = random.Random(seed)
    now, events = 0, []
    for number in range(count):
        if random_.random() < 0.01:
            now += random_.randrange(20_000, 90_000)
        if random_.random() < 0.8:
            now += random_.randrange(0, 2 * step_ms)
        late = random_.randrange(0, 4900) if random_.random() < 0.3 else 0
        events.append(
            {
                "id": number,
                "k": None if random_.random() < 0.02 else f"key-{random_.randrange(12)}",
                "g": random_.randrange(5),
                "v": None if random_.random() < 0.05 else random_.randrange(-1000, 1000),
                "price": random_.randrange(0, 4000) / 4,
                "amount": f"{random_.randrange(0, 100000) / 100:.2f}",
                "note": random_.choice(["", "alpha", "Beta beta", "ünï", "a,b;c", None]),
                "ts": BASE_MS + max(0, now - late),
            }
        )
    return events


def sql_time(ms):
    moment = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{ms % 1000:03d}"


@pytest.fixture(scope="module")
def data(server):
    kinesis = server.client("kinesis")
    duck = duckdb.connect()
    tables = {}
    for table, seed, count, step in (("a", 1, ROWS, 100), ("b", 2, ROWS // 4, 400)):
        stream = f"differential-{table}"
        kinesis.create_stream(StreamName=stream, ShardCount=3)
        events = random_events(seed, count, step)
        for first in range(0, count, 500):
            records = [
                {
                    "Data": json.dumps({**event, "ts": sql_time(event["ts"])}),
                    "PartitionKey": str(event["id"] * 7919),
                }
                for event in events[first : first + 500]
            ]
            assert kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0
        duck.execute(DUCK_EVENTS.format(table=table))
        duck.executemany(
            f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*list(e.values())[:-1], sql_time(e["ts"])) for e in events],
        )
        tables[table] = EVENTS.format(table=table, stream=stream)
    return duck, "".join(tables.values())


def normal(value):
    """One form for both sides: times as text of milliseconds, numbers rounded to ten digits."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return float(f"{float(value):.10g}")
    return value


def tumbled(seconds, column="ts"):
    return f"time_bucket(INTERVAL '{seconds} seconds', {column})"


# name: (query of Flink SQL, the same in DuckDB's words or None if they are equal)
QUERIES = {
    "filter": ("SELECT id, k, v * 2 AS w FROM a WHERE v > 100 AND k <> 'key-3'", None),
    "case": (
        "SELECT id, CASE WHEN v < 0 THEN 'negative' WHEN v IS NULL THEN 'none' ELSE note END AS c, "
        "COALESCE(note, k, '?') AS d, NULLIF(g, 2) AS e FROM a",
        None,
    ),
    "strings": (
        "SELECT id, UPPER(note) AS u, CHAR_LENGTH(note) AS n, SUBSTRING(note, 2, 3) AS s, "
        "REPLACE(note, 'a', 'oo') AS r, note || '-' || k AS c, TRIM(note) AS t FROM a "
        "WHERE note LIKE '%a%' OR k LIKE 'key-1_'",
        "SELECT id, UPPER(note), LENGTH(note), SUBSTRING(note, 2, 3), REPLACE(note, 'a', 'oo'), "
        "note || '-' || k, TRIM(note) FROM a WHERE note LIKE '%a%' OR k LIKE 'key-1_'",
    ),
    "times": (
        "SELECT id, EXTRACT(HOUR FROM ts) AS h, EXTRACT(MINUTE FROM ts) AS m, "
        "FLOOR(ts TO MINUTE) AS f, ts + INTERVAL '90' SECOND AS p, CAST(ts AS DATE) AS d FROM a",
        "SELECT id, EXTRACT(HOUR FROM ts), EXTRACT(MINUTE FROM ts), date_trunc('minute', ts), "
        "ts + INTERVAL 90 SECOND, CAST(ts AS DATE) FROM a",
    ),
    "group": (
        "SELECT k, COUNT(*) AS n, SUM(v) AS s, MIN(v) AS lo, MAX(price) AS hi, "
        "COUNT(DISTINCT g) AS d, COUNT(*) FILTER (WHERE v > 0) AS p, SUM(amount) AS t "
        "FROM a GROUP BY k",
        None,
    ),
    "group of everything": ("SELECT COUNT(*) AS n, SUM(v) AS s FROM a", None),
    "having": ("SELECT k, g, COUNT(*) AS n FROM a GROUP BY k, g HAVING COUNT(*) > 60", None),
    "group of a group": (
        "SELECT n, COUNT(*) AS c FROM (SELECT k, g, COUNT(*) AS n FROM a GROUP BY k, g) GROUP BY n",
        None,
    ),
    "min and max with retraction": (
        "SELECT MAX(s) AS hi, MIN(s) AS lo FROM (SELECT k, SUM(v) AS s FROM a GROUP BY k)",
        None,
    ),
    "distinct": ("SELECT DISTINCT k, g FROM a", None),
    "tumble": (
        "SELECT window_start, window_end, k, COUNT(*) AS n, SUM(v) AS s, AVG(price) AS p, "
        "MAX(note) AS m, COUNT(DISTINCT g) AS d FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k",
        f"SELECT {tumbled(10)} AS w, w + INTERVAL 10 SECOND, k, COUNT(*), SUM(v), AVG(price), "
        "MAX(note), COUNT(DISTINCT g) FROM a GROUP BY w, k",
    ),
    "hop": (
        "SELECT window_start, k, COUNT(*) AS n, SUM(v) AS s, MIN(v) AS m FROM TABLE(HOP(TABLE a, "
        "DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, k",
        f"SELECT {tumbled(2)} - i * INTERVAL 2 SECOND AS w, k, COUNT(*), SUM(v), MIN(v) "
        "FROM a, range(5) r(i) GROUP BY w, k",
    ),
    "cumulate": (
        "SELECT window_start, window_end, COUNT(*) AS n, SUM(v) AS s FROM TABLE(CUMULATE(TABLE a, "
        "DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end",
        f"SELECT w, w + (i + 1) * INTERVAL 2 SECOND AS e, COUNT(*), SUM(v) FROM (SELECT *, "
        f"{tumbled(10)} AS w FROM a), range(5) r(i) WHERE ts < w + (i + 1) * INTERVAL 2 SECOND "
        "GROUP BY w, i",
    ),
    "session": (
        "SELECT window_start, window_end, k, COUNT(*) AS n, SUM(v) AS s FROM TABLE(SESSION("
        "TABLE a PARTITION BY k, DESCRIPTOR(ts), INTERVAL '3' SECOND)) "
        "GROUP BY window_start, window_end, k",
        "WITH m AS (SELECT *, CASE WHEN ts - LAG(ts) OVER p <= INTERVAL 3 SECOND THEN 0 ELSE 1 END "
        "AS f FROM a WINDOW p AS (PARTITION BY k ORDER BY ts, id)), "
        "n AS (SELECT *, SUM(f) OVER (PARTITION BY k ORDER BY ts, id) AS s FROM m) "
        "SELECT MIN(ts), MAX(ts) + INTERVAL 3 SECOND, k, COUNT(*), SUM(v) FROM n GROUP BY k, s",
    ),
    "windows of windows": (
        "SELECT window_start, COUNT(*) AS n, MAX(c) AS m FROM (SELECT window_start, window_end, "
        "k, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, k) GROUP BY window_start, window_end",
        f"SELECT w, COUNT(*), MAX(c) FROM (SELECT {tumbled(10)} AS w, k, COUNT(*) AS c FROM a "
        "GROUP BY w, k) GROUP BY w",
    ),
    "over range": (
        "SELECT id, COUNT(*) OVER w AS n, SUM(v) OVER w AS s, MIN(price) OVER w AS m FROM a "
        "WINDOW w AS (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING "
        "AND CURRENT ROW)",
        None,
    ),
    "over unbounded": (
        "SELECT id, SUM(v) OVER (PARTITION BY g ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING "
        "AND CURRENT ROW) AS s FROM a",
        None,
    ),
    "join": (
        "SELECT a.id, b.id AS other, a.v, b.price FROM a JOIN b ON a.k = b.k AND a.g = b.g "
        "WHERE a.v > b.v",
        None,
    ),
    "left join": (
        "SELECT a.id, b.id AS other FROM a LEFT JOIN b ON a.k = b.k AND a.v = b.v",
        None,
    ),
    "full join": (
        "SELECT a.id, b.id AS other FROM a FULL JOIN b ON a.k = b.k AND a.v = b.v",
        None,
    ),
    "join of groups": (
        "SELECT x.k, x.n, y.m FROM (SELECT k, COUNT(*) AS n FROM a GROUP BY k) x "
        "JOIN (SELECT k, MAX(v) AS m FROM b GROUP BY k) y ON x.k = y.k",
        None,
    ),
    "semi join": ("SELECT id FROM a WHERE v IN (SELECT v FROM b)", None),
    "anti join": (
        "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.v = a.v AND b.k = a.k)",
        None,
    ),
    "interval join": (
        "SELECT a.id, b.id AS other FROM a, b WHERE a.k = b.k AND "
        "a.ts BETWEEN b.ts - INTERVAL '10' SECOND AND b.ts + INTERVAL '5' SECOND",
        None,
    ),
    "left interval join": (
        "SELECT a.id, b.id AS other FROM a LEFT JOIN b ON a.k = b.k AND a.g = b.g AND "
        "a.ts >= b.ts - INTERVAL '10' SECOND AND a.ts < b.ts + INTERVAL '5' SECOND",
        None,
    ),
    "window join": (
        "SELECT x.window_start, x.id, y.id AS other FROM (SELECT * FROM TABLE(TUMBLE(TABLE a, "
        "DESCRIPTOR(ts), INTERVAL '10' SECOND))) x JOIN (SELECT * FROM TABLE(TUMBLE(TABLE b, "
        "DESCRIPTOR(ts), INTERVAL '10' SECOND))) y ON x.k = y.k AND "
        "x.window_start = y.window_start AND x.window_end = y.window_end",
        f"SELECT {tumbled(10, 'a.ts')}, a.id, b.id FROM a JOIN b ON a.k = b.k AND "
        f"{tumbled(10, 'a.ts')} = {tumbled(10, 'b.ts')}",
    ),
    "top 3": (
        "SELECT k, id, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price "
        "DESC, id) AS r FROM a) WHERE r <= 3",
        None,
    ),
    "top 3 with rank": (
        "SELECT k, id, price, r FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price "
        "DESC, id) AS r FROM a) WHERE r <= 3",
        None,
    ),
    "top of groups": (
        "SELECT k, n FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY n DESC, k) AS r FROM "
        "(SELECT k, COUNT(*) AS n FROM a GROUP BY k)) WHERE r <= 5",
        "SELECT k, n FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY n DESC, k NULLS FIRST) AS r FROM "
        "(SELECT k, COUNT(*) AS n FROM a GROUP BY k)) WHERE r <= 5",
    ),
    "last per key": (
        "SELECT v, MAX(t) AS t FROM (SELECT v, ts AS t, ROW_NUMBER() OVER (PARTITION BY v "
        "ORDER BY ts DESC) AS r FROM a) WHERE r = 1 GROUP BY v",
        "SELECT v, MAX(ts) FROM a GROUP BY v",
    ),
    "window top 2": (
        "SELECT window_start, k, s FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, "
        "window_end ORDER BY s DESC, k) AS r FROM (SELECT window_start, window_end, k, "
        "SUM(price) AS s FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, k)) WHERE r <= 2",
        f"SELECT w, k, s FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY w ORDER BY s DESC, "
        f"k NULLS FIRST) AS r FROM (SELECT {tumbled(10)} AS w, k, SUM(price) AS s FROM a "
        "GROUP BY w, k)) WHERE r <= 2",
    ),
    "union": ("SELECT id, k FROM a WHERE g = 1 UNION ALL SELECT id, k FROM b", None),
    "union distinct": ("SELECT k FROM a UNION SELECT k FROM b", None),
    "values": ("SELECT x, y FROM (VALUES (1, 'a'), (2, 'b')) AS t (x, y)", None),
    "sorted": ("SELECT id, price FROM a ORDER BY price DESC, id LIMIT 10", None),
}


@pytest.mark.parametrize("query", QUERIES)
def test_equals_duckdb(server, data, query):
    duck, tables = data
    flink, batch = QUERIES[query]
    expected = Counter(
        tuple(normal(value) for value in row) for row in duck.execute(batch or flink).fetchall()
    )
    found = sql_client.rows(server, tables + flink + ";")
    found = Counter({tuple(normal(v) for v in row): n for row, n in found.items()})
    missing, extra = expected - found, found - expected
    assert not missing and not extra, (
        f"{sum(missing.values())} missing of {sum(expected.values())}: "
        f"{sorted(map(str, missing))[:3]}; {sum(extra.values())} extra: "
        f"{sorted(map(str, extra))[:3]}"
    )
    assert expected, "the query is no test: it has no rows"
