"""The queries of test/e2e/test_sql_differential.py and their tables, to compare with Flink."""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test/e2e"))
import test_sql_differential as suite  # noqa: E402

TABLES = {"a": (1, suite.ROWS, 100), "b": (2, suite.ROWS // 4, 400)}  # seed, rows, step


def events(table):
    for event in suite.random_events(*TABLES[table]):
        yield json.dumps({**event, "ts": suite.sql_time(event["ts"])})


def definition(table):
    """The table's statement with {connector} in the place of its options."""
    template = re.sub(r"WITH \(.*\)", "WITH ({connector})", suite.EVENTS, flags=re.DOTALL)
    return template.replace("{table}", table)


def queries():
    """(name, query of Flink SQL)."""
    return [(f"suite: {name}", flink) for name, (flink, _) in suite.QUERIES.items()]
