"""Prints docs/benchmarks.md from build/bench/results.jsonl (the last run of script/bench)."""

import datetime
import json
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
results = [json.loads(x) for x in (ROOT / "build/bench/results.jsonl").read_text().splitlines()]

print("# Benchmarks")
print()
print(
    f"Printed by `script/bench --compare` on {datetime.date.today()}: one run on one machine "
    f"({platform.machine()}, 2 cores shared by server and load generator). Millstream: fdatasync "
    "before each answer, signatures verified. Medians of three runs (`--runs`). Every answer was "
    "checked; `errors` counts wrong ones."
)
print()
print("| server | scenario | records/s | MB/s | p50 ms | p99 ms | p99.9 ms | memory MB | errors |")
print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
for r in results:
    if r["scenario"] == "start":
        continue
    print(
        f"| {r['server']} | {r['scenario']} | {r['records_per_s']:,.0f} | {r['mb_per_s']:,.1f} "
        f"| {r['p50_ms']:.2f} | {r['p99_ms']:.2f} | {r['p999_ms']:.2f} | {r['memory_mb']:,.0f} "
        f"| {r['errors']} |"
    )
print()
for r in results:
    if r["scenario"] == "start":
        print(
            f"Start to first answer {r['start_ms']:.0f} ms, idle memory {r['memory_mb']:.0f} MB "
            "(medians of 5 starts)."
        )
print()
print(
    "`latency_50k`: put-to-get at 50,000 records/s, one GetRecords poll a shard every 5 ms. "
    "`push_…`: put to push, of the slowest consumer. "
    "`kafka-flush`: one broker, acks=all, a flush for each batch; `kafka-cache`: without flush; "
    "both measured by Kafka's own producer tool over its own protocol."
)
