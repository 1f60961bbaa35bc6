"""Runs SQL on a server through `millstream sql` and says what its changelog amounts to."""

import json
import subprocess
from collections import Counter

from millstream_server import BINARY


class SqlError(Exception):
    pass


def changes(server, script, bounded=True, timeout=120):
    """The changelog: (kind, row) in order; a row is a tuple of Python values."""
    command = [BINARY, "sql", "--output", "json", "--endpoint", server.endpoint, "-e", script]
    if bounded:
        command.append("--bounded")
    run = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if run.returncode != 0:
        raise SqlError(run.stderr)
    out = []
    for line in run.stdout.splitlines():
        row = json.loads(line)
        out.append((row.pop("op", "+I"), tuple(row.values())))
    return out


def materialize(changelog):
    """The multiset of rows that a changelog leaves; every row taken back must be there."""
    rows = Counter()
    for kind, row in changelog:
        if kind in ("+I", "+U"):
            rows[row] += 1
        else:
            assert rows[row] > 0, f"{kind}{row} takes back what is not there"
            rows[row] -= 1
    return +rows


def rows(server, script, **options):
    return materialize(changes(server, script, **options))
