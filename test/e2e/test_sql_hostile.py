"""Queries made to hurt: they end with a reason, and the server serves everyone else meanwhile."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import sql_client  # noqa: E402
from millstream_server import BINARY, Server  # noqa: E402

ROWS = 5000
MEMORY = "512MiB"
# Of a call that isn't the hostile query's, on a machine that shares its cores with it.
SLOWEST_S = 3

TABLE = """
CREATE TABLE {table} (id BIGINT, k STRING, v INT, s STRING, ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector' = 'kinesis', 'stream' = '{stream}', 'format' = 'json',
      'scan.stream.initpos' = 'TRIM_HORIZON'{options});
"""
ENDLESS = """
CREATE TABLE g (id BIGINT, s STRING) WITH ('connector' = 'datagen',
  'rows-per-second' = '10000000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1',
  'fields.id.end' = '1000000000', 'fields.s.length' = '100');
"""


def put(kinesis, stream, datas):
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    for first in range(0, len(datas), 500):
        records = [{"Data": data, "PartitionKey": "key"} for data in datas[first : first + 500]]
        assert kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0


def row(number, **changes):
    second = f"2025-11-25 00:{number // 60 % 60:02d}:{number % 60:02d}.000"
    values = {"id": number, "k": f"key-{number % 7}", "v": number % 100, "s": "a" * 30}
    return json.dumps({**values, "ts": second, **changes}).encode()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A server whose queries have little memory, with a stream of rows."""
    folder = tmp_path_factory.mktemp("hostile")
    server = Server(folder / "data", "--analytics-worker-memory", MEMORY).start()
    put(server.client("kinesis"), "rows", [row(number) for number in range(ROWS)])
    server.client("kinesis").create_stream(StreamName="others", ShardCount=1)
    yield server
    assert server.stop() == 0, server.log.read_text()[-3000:]


@pytest.fixture(autouse=True)
def others_are_served(hostile):
    """While a test runs, somebody else puts records and looks at /health."""
    stop, calls, failures = threading.Event(), [], []
    kinesis = hostile.client("kinesis", connect_timeout=10, read_timeout=30)

    def others():
        while not stop.is_set():
            begin = time.monotonic()
            try:
                kinesis.put_record(StreamName="others", Data=b"x", PartitionKey="x")
                with urllib.request.urlopen(f"{hostile.endpoint}/health", timeout=30) as answer:
                    assert answer.status == 200
            except Exception as error:
                failures.append(error)
            calls.append(time.monotonic() - begin)
            stop.wait(0.05)

    thread = threading.Thread(target=others)
    thread.start()
    yield
    stop.set()
    thread.join()
    assert not failures
    assert max(calls) < SLOWEST_S
    assert hostile.process.poll() is None


def run(server, tmp_path, script, timeout=120):
    """The rows and the error of a bounded query, whatever its length."""
    file = tmp_path / "query.sql"
    file.write_text(script)
    command = [BINARY, "sql", "--output", "json", "--endpoint", server.endpoint, "--bounded"]
    ended = subprocess.run(
        [*command, "-f", str(file)], capture_output=True, text=True, timeout=timeout
    )
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    return rows, ended.stderr if ended.returncode else ""


ROWS_TABLE = TABLE.format(table="t", stream="rows", options="")

# name: (query over t, what comes out)
ANSWERED = {
    "sums of 350 terms": (f"SELECT id{'+1' * 350} AS x FROM t WHERE id = 1", [{"x": 351}]),
    "CASE in CASE": (
        f"SELECT {'CASE WHEN v = 1 THEN 1 ELSE ' * 120}0{' END' * 120} AS x FROM t WHERE id = 1",
        [{"x": 1}],
    ),
    "a literal of half a megabyte": (
        f"SELECT CHAR_LENGTH('{'x' * 500_000}') AS x FROM t WHERE id = 1",
        [{"x": 500_000}],
    ),
    "10,000 numbers in IN": (
        f"SELECT id FROM t WHERE id IN ({','.join(str(n) for n in range(3, 20_003, 2))}) "
        "AND id < 10",
        [{"id": 3}, {"id": 5}, {"id": 7}, {"id": 9}],
    ),
    "10,000 texts in IN": (
        f"SELECT id FROM t WHERE k IN ({','.join(repr(f'key-{n}') for n in range(6, 10_006))}) "
        "AND id < 20",
        [{"id": 6}, {"id": 13}],
    ),
    "3,000 columns": (
        f"SELECT {','.join(f'id + {n} AS c{n}' for n in range(3000))} FROM t WHERE id = 1",
        [{f"c{n}": n + 1 for n in range(3000)}],
    ),
    "a regex that backtracks": ("SELECT id FROM t WHERE REGEXP(s, '(a+)+$b')", []),
    "a regex that replaces": (
        "SELECT REGEXP_REPLACE(s, '(x+x+)+y', 'z') AS x FROM t WHERE id = 1",
        [{"x": "a" * 30}],
    ),
    "LIKE of many %": (f"SELECT id FROM t WHERE s LIKE '{'%a' * 25}%b'", []),
    "SIMILAR TO": ("SELECT id FROM t WHERE s SIMILAR TO '(a|aa)*b'", []),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_is_answered(hostile, tmp_path, name):
    query, expected = ANSWERED[name]
    rows, error = run(hostile, tmp_path, ROWS_TABLE + query + ";")
    assert error == ""
    assert rows == expected


# name: (query over t, parts of the error)
REFUSED = {
    "100,000 parentheses": (
        f"SELECT {'(' * 100_000}id{')' * 100_000} AS x FROM t",
        ["line ", "nests deeper than 200 levels", "names of their own"],
    ),
    "a thousand subqueries": (
        f"SELECT * FROM {'(SELECT * FROM ' * 1000}t{')' * 1000}",
        ["nests deeper than 200 levels"],
    ),
    "a script of 20 MB": (f"SELECT '{'x' * 20_000_000}' AS x FROM t", ["at most 1048576"]),
    "a number of 5,000 digits": (f"SELECT {'9' * 5000} AS x FROM t", ["more than 38 digits"]),
    "a number out of range": ("SELECT 1e400 AS x FROM t", ["1e400 is out of range"]),
    "20,000 columns": (
        f"SELECT {','.join(f'id AS c{n}' for n in range(20_000))} FROM t",
        ["at most 10000 are allowed"],
    ),
    "a regex of a billion states": (
        "SELECT id FROM t WHERE REGEXP(s, '((a{0,1000}){0,1000}){0,1000}')",
        ["regular expression", "invalid repetition size"],
    ),
    "a regex that is none": ("SELECT id FROM t WHERE REGEXP(s, '(')", ["missing )"]),
    "REPEAT": ("SELECT REPEAT('abcdefgh', 2147483647) AS x FROM t", ["longer than 16 MiB"]),
    "LPAD": ("SELECT LPAD('x', 2147483647, 'y') AS x FROM t", ["longer than 16 MiB"]),
    "REPLACE that grows": (
        "SELECT REPLACE(REPEAT('a', 1000000), 'a', REPEAT('b', 1000000)) AS x FROM t WHERE id < 9",
        ["longer than 16 MiB"],
    ),
    "texts of gigabytes": (
        f"SELECT CHAR_LENGTH({' || '.join(['REPEAT(s, 10000)'] * 50)}) AS x FROM t",
        ["out of memory", "--analytics-worker-memory"],
    ),
    "division by zero": (
        "SELECT 1 / (v - v) AS x FROM t",
        ["division by zero in 1 / (v - v)", "the row was", "Correct the data"],
    ),
    "MOD by zero": ("SELECT MOD(v, 0) AS x FROM t", ["division by zero"]),
    "a cast that fails": (
        "SELECT CAST(k AS INT) AS x FROM t",
        ["cannot cast 'key-0' to INT", "TRY_CAST"],
    ),
    "a cross join of everything": (
        "SELECT a.id, b.id AS other, c.id AS third FROM t a CROSS JOIN t b CROSS JOIN t c",
        ["--analytics-worker-memory", "expire"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_with_a_reason(hostile, tmp_path, name):
    query, reasons = REFUSED[name]
    _, error = run(hostile, tmp_path, ROWS_TABLE + query + ";")
    for reason in reasons:
        assert reason in error


def test_an_unbounded_group_by_ends_at_its_memory(hostile, tmp_path):
    """Every row is a new key, for ever."""
    script = ENDLESS + "INSERT INTO h SELECT s, COUNT(*) FROM g GROUP BY s, id;"
    sink = "CREATE TABLE h (s STRING, n BIGINT) WITH ('connector' = 'blackhole');"
    _, error = run(hostile, tmp_path, sink + script, timeout=200)
    assert "out of memory" in error or "beyond its limit" in error
    assert "table.exec.state.ttl" in error


BROKEN = [
    row(1),
    b'{"id":',
    b"\xff\xfe\x00",
    b"[1,2",
    row(2, id="abc"),
    b'{"id":4' + b"," * 100_000,
    b"[" * 200_000,
    row(3),
]


def test_broken_records_fail_a_query_that_does_not_ignore_them(hostile, tmp_path):
    put(hostile.client("kinesis"), "broken", BROKEN)
    table = TABLE.format(table="t", stream="broken", options="")
    _, error = run(hostile, tmp_path, table + "SELECT id FROM t;")
    assert "no JSON at byte 6" in error
    assert "ignore-parse-errors" in error
    options = ", 'json.ignore-parse-errors' = 'true'"
    table = TABLE.format(table="t", stream="broken", options=options)
    rows, error = run(hostile, tmp_path, table + "SELECT id FROM t;")
    assert error == ""
    assert rows == [{"id": 1}, {"id": None}, {"id": 3}]


def test_a_time_column_without_time_fails_the_query(hostile, tmp_path):
    put(hostile.client("kinesis"), "timeless", [row(1), row(2, ts=None), row(3)])
    table = TABLE.format(table="t", stream="timeless", options="")
    _, error = run(hostile, tmp_path, table + "SELECT id FROM t;")
    assert "RowTime field should not be null" in error
    assert "the row was" in error


def workers(server):
    """Processes of the server's queries."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except (OSError, NotADirectoryError):
            continue
        if process.name.isdigit() and int(fields[1]) == server.process.pid and fields[0] != "Z":
            found.append(int(process.name))
    return found


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


@pytest.mark.parametrize(
    "query", ["SELECT id, s FROM g", "SELECT id FROM g WHERE id < 0", "SELECT COUNT(*) AS n FROM g"]
)
def test_the_worker_of_a_client_that_goes_away_ends(hostile, query):
    command = [BINARY, "sql", "--output", "json", "--endpoint", hostile.endpoint]
    client = subprocess.Popen(
        [*command, "-e", f"{ENDLESS}{query};"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert wait_until(lambda: workers(hostile), 20)
        (worker,) = workers(hostile)
        time.sleep(1)  # in the middle of its rows, of which nobody reads more than a pipe's
        os.kill(worker, 0)
    finally:
        client.kill()
        client.communicate()
    assert wait_until(lambda: not workers(hostile), 15), "the worker runs on"


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_client_that_does_not_read_holds_up_only_its_query(hostile):
    """The worker waits; neither it nor the server gathers rows without bound."""
    body = json.dumps({"sql": f"{ENDLESS}SELECT id, s FROM g;", "bounded": False}).encode()
    url = f"{hostile.endpoint}/_millstream/sql"
    request = AWSRequest("POST", url, {"content-type": "application/json"}, body)
    SigV4Auth(Credentials("test", "test"), "kinesisanalytics", "us-east-1").add_auth(request)
    before = resident_bytes(hostile.process.pid)
    with socket.create_connection(("127.0.0.1", hostile.port)) as client:
        head = f"POST /_millstream/sql HTTP/1.1\r\nhost: 127.0.0.1:{hostile.port}\r\n"
        for name, value in request.headers.items():
            head += f"{name}: {value}\r\n"
        client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert b" 200 " in client.recv(100)
        assert wait_until(lambda: workers(hostile), 20)
        (worker,) = workers(hostile)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            assert resident_bytes(hostile.process.pid) - before < 100_000_000
            assert resident_bytes(worker) < 300_000_000
            time.sleep(0.1)
    assert wait_until(lambda: not workers(hostile), 15), "the worker runs on"


def test_thirty_queries_at_once(hostile):
    """Each is right, though together they want far more than the machine has."""
    results, errors = {}, []

    def ask(number):
        query = f"{ROWS_TABLE}SELECT v, COUNT(*) AS n FROM t WHERE v = {number} GROUP BY v;"
        try:
            results[number] = sql_client.rows(hostile, query, timeout=250)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert results == {number: {(number, ROWS // 100): 1} for number in range(30)}
    assert wait_until(lambda: not workers(hostile), 15)
