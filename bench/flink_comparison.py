"""Runs the same SQL over the same events on Millstream and on real Flink 2.2.

--check: small inputs; every query's result, row by row, and those of the queries that the tests
         compare with DuckDB; exit code 1 if any differs.
--bench: larger inputs; the same, and the speed of both; writes docs/benchmarks-sql.md.

The queries are bench/flink/*.sql; Flink runs in one JVM (script/flink) and reads a file,
Millstream a stream of eight shards that holds the same lines.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "test"))
import flink_events  # noqa: E402
import flink_suite  # noqa: E402
from millstream_server import BINARY, Server  # noqa: E402

QUERIES = ROOT / "bench/flink"
WORK = ROOT / "build/flink-comparison"
RUN = WORK / f"run-{os.getpid()}"  # scripts, and the server's data while it runs
DOCUMENT = ROOT / "docs/benchmarks-sql.md"
SHARDS = 8
GENERATORS = {"events": flink_events.plain_events, "nexmark": flink_events.nexmark_events}
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d+)?")
# Flink 2.2 plans these as insert-only (EXPLAIN CHANGELOG_MODE says [I]), yet emits +U without -U:
# the rows of a key replace each other. The number of leading columns that are the key.
FLINK_UPSERTS = {"q9": 1}
FRACTION = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")


class Query:
    """A file of bench/flink: the table that it writes to, and what it writes."""

    is_suite = False

    def __init__(self, path):
        self.name = path.stem
        self.source = "nexmark" if re.fullmatch(r"q\d+", self.name) else "events"
        self.script = path.read_text()
        sink, self.select = re.split(r"INSERT INTO \w+\n", self.script)
        self.sink = sink.strip()
        self.insert = self.script[len(sink) :]


class SuiteQuery:
    """A query of the tests: has results only."""

    is_suite = True

    def __init__(self, name, select):
        self.name, self.select = name, select + ";"


def suite_queries():
    return [SuiteQuery(name, select) for name, select in flink_suite.queries()]


def all_queries():
    """Our own in the order of the issue, then Nexmark's by number."""
    own = ["filter", "tumble", "hop", "group", "over", "join"]
    nexmark = sorted(QUERIES.glob("q*.sql"), key=lambda path: int(path.stem[1:]))
    return [Query(QUERIES / f"{name}.sql") for name in own] + [Query(path) for path in nexmark]


def tables(source, options):
    connector = ", ".join(f"'{name}' = '{value}'" for name, value in options.items())
    if source in flink_suite.TABLES:
        return flink_suite.definition(source).replace("{connector}", connector)
    return (QUERIES / f"{source}.sql").read_text().replace("{connector}", connector)


def input_file(source, count):
    """Made once: the same lines each time."""
    if source in flink_suite.TABLES:
        return written(WORK / source / "events.json", flink_suite.events(source))
    path = WORK / f"{source}-{count}" / "events.json"
    return path if path.exists() else written(path, GENERATORS[source](count))


def written(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent.with_suffix(".part")  # not in the folder that Flink reads
    with part.open("w") as file:
        file.writelines(line + "\n" for line in lines)
    return part.rename(path)


def normal(cell):
    """One text for both sides: times in full, numbers with a fraction to twelve digits."""
    if match := TIME.fullmatch(cell):
        day, minute, second, fraction = match.groups()
        return f"{day} {minute}{second or ':00'}{(fraction or '.').rstrip('0').ljust(4, '0')}"
    if ("." in cell or "E" in cell) and FRACTION.fullmatch(cell):
        number = Decimal(cell) if len(cell) <= 16 else Decimal(f"{Decimal(cell):.12g}")
        return f"{number.normalize():f}"
    return cell


def text(value):
    """A cell of Millstream's JSON as Flink prints it."""
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def materialize(changes):
    """The multiset of rows that a changelog leaves, and how often it took back what was not there.

    Judged at the end: changes of one key come in order, those of several inputs in any.
    """
    rows = Counter()
    for kind, row in changes:
        rows[row] += 1 if kind in ("+I", "+U") else -1
    return +rows, sum((-rows).values())


def upserts(changes, key_columns):
    """The changelog with the -U that each +U leaves out."""
    last = {}
    for kind, row in changes:
        key = row[:key_columns]
        if kind == "+U":
            yield "-U", last[key]
        last[key] = row
        yield kind, row


class Flink:
    """Scripts on Flink, the tables' file in the place of the stream."""

    def __init__(self, files):
        self.tables = "\n".join(
            tables(
                source, {"connector": "filesystem", "path": path.parent.as_uri(), "format": "json"}
            )
            for source, path in files.items()
        )

    def run(self, name, statements, parallelism):
        RUN.mkdir(parents=True, exist_ok=True)
        script = RUN / f"{name}.sql"
        script.write_text(self.tables + "\n" + "\n".join(statements))
        run = subprocess.run(
            [ROOT / "script/flink", script, str(parallelism)], capture_output=True, text=True
        )
        if run.returncode != 0:
            raise RuntimeError(f"Flink failed on {script}:\n{run.stderr[-3000:]}")
        return run.stdout

    def results(self, queries):
        """All in one JVM: one result for each query."""
        out = self.run("check", [query.select for query in queries], 1)
        for query, answer in zip(queries, out.split("# end\n"), strict=False):
            lines = (line.split("\t") for line in answer.splitlines())
            changes = [(kind, tuple(map(normal, cells))) for kind, *cells in lines]
            key_columns = FLINK_UPSERTS.get(query.name)
            yield list(upserts(changes, key_columns)) if key_columns else changes

    def seconds(self, query, runs, parallelism):
        """One JVM: later runs find compiled code."""
        statements = [query.sink, *[query.insert] * runs]
        out = self.run(query.name, statements, parallelism)
        return [float(found) for found in re.findall(r"^# done ([\d.]+)$", out, re.MULTILINE)]


class Millstream:
    """Scripts on a server of its own, the input in streams."""

    def __init__(self):
        self.server = Server(RUN / "data").start()
        self.tables = ""

    def stop(self):
        self.server.stop()
        shutil.rmtree(RUN)

    def fill(self, source, path):
        kinesis = self.server.client("kinesis")
        kinesis.create_stream(StreamName=source, ShardCount=SHARDS)
        subprocess.run(
            [BINARY, "put", source, path, "--endpoint", self.server.endpoint],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        options = {
            "connector": "kinesis",
            "stream": source,
            "format": "json",
            "scan.stream.initpos": "TRIM_HORIZON",
        }
        self.tables += tables(source, options)

    def run(self, script):
        command = [BINARY, "sql", "--endpoint", self.server.endpoint, "--bounded"]
        run = subprocess.run(
            [*command, "--output", "json", "-e", self.tables + script],
            capture_output=True,
            text=True,
            timeout=600,
        )
        if run.returncode != 0:
            raise RuntimeError(run.stderr[-3000:])
        return run.stdout

    def result(self, query):
        changes = []
        for line in self.run(query.select).splitlines():
            row = json.loads(line, parse_float=str)
            kind = row.pop("op", "+I")
            changes.append((kind, tuple(normal(text(value)) for value in row.values())))
        return changes

    def seconds(self, query):
        start = time.monotonic()
        self.run(query.script)
        return time.monotonic() - start


def some(rows):
    """A few of them, long cells cut."""
    return [tuple(cell[:40] for cell in row) for row in sorted(rows)[:3]]


def difference(query, ours, flinks):
    """None if both changelogs leave the same rows, else what differs."""
    (our_rows, our_excess), (flink_rows, flink_excess) = materialize(ours), materialize(flinks)
    if not flink_rows:
        return f"{query.name}: Flink has no rows: the query is no test"
    if our_rows == flink_rows and our_excess == flink_excess:
        return None
    missing, extra = flink_rows - our_rows, our_rows - flink_rows
    return (
        f"{query.name}: {sum(missing.values())} missing of {sum(flink_rows.values())}: "
        f"{some(missing)}; {sum(extra.values())} extra: {some(extra)}; "
        f"{our_excess} taken back that were not there (Flink: {flink_excess})"
    )


def compare(millstream, flink, queries):
    """For each query how many rows are equal, or None; prints what differs."""
    equal = {}
    for query, flinks in zip(queries, flink.results(queries), strict=True):
        try:
            ours = millstream.result(query)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            equal[query.name] = None
            print(f"{query.name}: failed: {error}", flush=True)
            continue
        found = difference(query, ours, flinks)
        equal[query.name] = None if found else sum(materialize(flinks)[0].values())
        print(found or f"{query.name}: {equal[query.name]} rows equal", flush=True)
    return equal


def opened(queries, count):
    """Both sides with the inputs that the queries read."""
    sources = {query.source for query in queries if not query.is_suite}
    if any(query.is_suite for query in queries):
        sources |= set(flink_suite.TABLES)
    files = {source: input_file(source, count) for source in sorted(sources)}
    millstream = Millstream()
    try:
        for source, path in files.items():
            millstream.fill(source, path)
    except BaseException:
        millstream.stop()
        raise
    return millstream, Flink(files)


def check(queries, count):
    millstream, flink = opened(queries, count)
    try:
        equal = compare(millstream, flink, queries)
    finally:
        millstream.stop()
    return all(rows is not None for rows in equal.values())


def bench(queries, count, check_count, runs, parallelism):
    millstream, flink = opened(queries, check_count)
    try:
        equal = compare(millstream, flink, queries)
    finally:
        millstream.stop()
    millstream, flink = opened(queries, count)
    try:
        speeds = {}
        for query in queries:
            try:
                ours = statistics.median(millstream.seconds(query) for _ in range(runs))
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"{query.name}: failed: {error}", flush=True)
                continue
            flinks = statistics.median(flink.seconds(query, runs, parallelism))
            speeds[query.name] = speed = (count / ours, count / flinks)
            print(f"{query.name}: {speed[0]:,.0f} and {speed[1]:,.0f} events/s", flush=True)
    finally:
        millstream.stop()
    return document(count, check_count, runs, parallelism, equal, speeds)


def document(count, check_count, runs, parallelism, equal, speeds):
    ratios = [ours / flinks for ours, flinks in speeds.values()]
    lines = [
        "# Streaming SQL: Millstream and Flink",
        "",
        f"Printed by `bench/flink_comparison.py --bench` on {datetime.date.today()}: one run on "
        f"one machine ({platform.machine()}, {os.cpu_count()} cores). The queries are in "
        f"`bench/flink`; the first six read events of {flink_events.EVENT_BYTES} bytes, the others "
        "Nexmark's events (1 person, 3 auctions, 46 bids; all three kinds are counted).",
        "",
        f"Rows equal: the result's rows, the same on both sides, over {check_count:,} events. "
        f"Events/s: {count:,} events into a table that drops its rows, the median of {runs} runs. "
        f"Millstream: from a local stream of {SHARDS} shards, the time of the whole `millstream "
        "sql --bounded` command, start of the worker included. Flink 2.2: from a local file, "
        f"parallelism {parallelism}, state on the heap, the time of the job with its start but "
        "without the JVM's, whose code is warm after the first run. Neither makes its state "
        "durable: a query of the shell commits none, Flink takes no checkpoints.",
        "",
        "| query | rows equal | events/s Millstream | events/s Flink | ratio |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, rows in equal.items():
        rows = "differs" if rows is None else f"{rows:,}"
        if name not in speeds:
            lines.append(f"| {name} | {rows} | failed | | |")
            continue
        ours, flinks = speeds[name]
        lines.append(f"| {name} | {rows} | {ours:,.0f} | {flinks:,.0f} | {ours / flinks:.1f} |")
    lines.append(f"| geometric mean | | | | {statistics.geometric_mean(ratios):.1f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="results only, small inputs")
    mode.add_argument("--bench", action="store_true", help="results and speed; writes the document")
    parser.add_argument("--events", type=int, default=1_000_000, help="of each input of --bench")
    parser.add_argument("--check-events", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--parallelism", type=int, default=os.cpu_count(), help="of Flink")
    parser.add_argument("--output", type=Path, default=DOCUMENT)
    parser.add_argument("queries", nargs="*", help="all if none is named")
    options = parser.parse_args()
    queries = all_queries() + (suite_queries() if options.check else [])
    if unknown := set(options.queries) - {query.name for query in queries}:
        parser.error(f"no such query: {', '.join(sorted(unknown))}")
    if options.queries:
        queries = [query for query in queries if query.name in options.queries]
    if options.check:
        return 0 if check(queries, options.check_events) else 1
    figures = bench(
        queries, options.events, options.check_events, options.runs, options.parallelism
    )
    options.output.write_text(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
