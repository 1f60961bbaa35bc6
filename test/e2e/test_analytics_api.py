"""The KinesisAnalytics API, V1 and V2, with boto3: applications from creation to deletion."""

import datetime
import json
import os
import signal
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from millstream_server import read_shard, wait_for

ROLE = "arn:aws:iam::000000000000:role/r"
COLUMNS = [
    ("id", "INTEGER", "$.id"),
    ("city", "VARCHAR(16)", "$.at.city"),
    ("price", "DOUBLE", "$.price"),
]
FILTER = """
CREATE OR REPLACE STREAM "OUT" ("id" INTEGER, "city" VARCHAR(16), "price" DOUBLE);
CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
  SELECT STREAM "id", "city", "price" FROM "SOURCE_SQL_STREAM_001" WHERE "price" >= 10;
"""
RUNNING_COUNT = """
CREATE OR REPLACE STREAM "OUT" ("id" INTEGER, "n" BIGINT{column});
CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
  SELECT STREAM "id", COUNT(*) OVER W{value} FROM "SOURCE_SQL_STREAM_001"
  WINDOW W AS (PARTITION BY "city" ROWS 1000 PRECEDING);
"""
FLINK = """
CREATE TABLE source (id INT, price DOUBLE) WITH ('connector' = 'kinesis', 'stream' = '{source}',
  'format' = 'json', 'scan.stream.initpos' = 'TRIM_HORIZON');
CREATE TABLE sink (id INT, price DOUBLE) WITH ('connector' = 'kinesis', 'stream' = '{sink}',
  'format' = 'json');
INSERT INTO sink SELECT id, price * 2 FROM source WHERE MOD(id, 2) = 0;
"""


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def stream_arn(name):
    return f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"


def schema(columns=COLUMNS):
    return {
        "RecordFormat": {
            "RecordFormatType": "JSON",
            "MappingParameters": {"JSONMappingParameters": {"RecordRowPath": "$"}},
        },
        "RecordEncoding": "UTF-8",
        "RecordColumns": [{"Name": n, "SqlType": t, "Mapping": m} for n, t, m in columns],
    }


def row(number, city="Oslo", price=None):
    return {"id": number, "at": {"city": city}, "price": float(number if price is None else price)}


class Application:
    """An application with an input stream and an output stream of one shard each."""

    def __init__(self, server, name):
        self.server = server
        self.name, self.source, self.sink = name, f"{name}-in", f"{name}-out"
        self.connect()
        for stream in (self.source, self.sink):
            self.kinesis.create_stream(StreamName=stream, ShardCount=1)

    def connect(self):
        self.kinesis = self.server.client("kinesis")
        self.api = self.server.client("kinesisanalyticsv2")

    def create_sql(self, code, **sql):
        sql = {
            "Inputs": [
                {
                    "NamePrefix": "SOURCE_SQL_STREAM",
                    "KinesisStreamsInput": {"ResourceARN": stream_arn(self.source)},
                    "InputSchema": schema(),
                }
            ],
            "Outputs": [
                {
                    "Name": "OUT",
                    "KinesisStreamsOutput": {"ResourceARN": stream_arn(self.sink)},
                    "DestinationSchema": {"RecordFormatType": "JSON"},
                }
            ],
            **sql,
        }
        return self.create("SQL-1_0", code, SqlApplicationConfiguration=sql)

    def create_flink(self, code=None, **configuration):
        code = code or FLINK.format(source=self.source, sink=self.sink)
        configuration.setdefault("ApplicationSnapshotConfiguration", {"SnapshotsEnabled": True})
        return self.create("FLINK-1_20", code, **configuration)

    def create(self, runtime, code, **configuration):
        return self.api.create_application(
            ApplicationName=self.name,
            RuntimeEnvironment=runtime,
            ServiceExecutionRole=ROLE,
            ApplicationConfiguration={
                "ApplicationCodeConfiguration": {
                    "CodeContent": {"TextContent": code},
                    "CodeContentType": "PLAINTEXT",
                },
                **configuration,
            },
        )["ApplicationDetail"]

    def describe(self):
        return self.api.describe_application(ApplicationName=self.name)["ApplicationDetail"]

    def wait(self, status, seconds=20):
        return wait_for(
            lambda: (d := self.describe())["ApplicationStatus"] == status and d, seconds
        )

    def start(self, position=None, **run):
        if position:
            sql = self.describe()["ApplicationConfigurationDescription"]
            inputs = sql["SqlApplicationConfigurationDescription"]["InputDescriptions"]
            run["SqlRunConfigurations"] = [
                {
                    "InputId": inputs[0]["InputId"],
                    "InputStartingPositionConfiguration": {"InputStartingPosition": position},
                }
            ]
        self.api.start_application(ApplicationName=self.name, RunConfiguration=run)
        return self.wait("RUNNING")

    def stop(self):
        self.api.stop_application(ApplicationName=self.name)
        return self.wait("READY")

    def update_code(self, code, version=None):
        return self.api.update_application(
            ApplicationName=self.name,
            CurrentApplicationVersionId=version or self.describe()["ApplicationVersionId"],
            ApplicationConfigurationUpdate={
                "ApplicationCodeConfigurationUpdate": {
                    "CodeContentUpdate": {"TextContentUpdate": code}
                }
            },
        )["ApplicationDetail"]

    def delete(self):
        self.api.delete_application(
            ApplicationName=self.name, CreateTimestamp=self.describe()["CreateTimestamp"]
        )
        wait_for(lambda: not self.exists())

    def exists(self):
        listed = self.api.list_applications()["ApplicationSummaries"]
        return self.name in [each["ApplicationName"] for each in listed]

    def put(self, rows):
        answer = self.kinesis.put_records(
            StreamName=self.source,
            Records=[{"Data": json.dumps(each), "PartitionKey": "k"} for each in rows],
        )
        assert answer["FailedRecordCount"] == 0

    def results(self):
        records = read_shard(self.kinesis, self.sink, "shardId-000000000000")
        return [json.loads(line) for r in records for line in r["Data"].splitlines()]

    def wait_for_rows(self, count, seconds=20):
        try:
            wait_for(lambda: len(self.results()) >= count, seconds)
        except AssertionError:
            raise AssertionError(f"{count} rows wanted: {self.results()[-20:]}") from None
        return self.results()


@pytest.fixture
def application(server, name):
    made = Application(server, name)
    yield made
    if made.exists():
        made.delete()


def worker_of(server):
    """The process id of the server's only worker."""

    def find():
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[1] == str(server.process.pid) and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found[0] if len(found) == 1 else None

    return wait_for(find)


def test_a_pump_filters_from_stream_to_stream(application):
    created = application.create_sql(FILTER)
    assert created["ApplicationStatus"] == "READY"
    assert created["ApplicationVersionId"] == 1
    assert created["ApplicationARN"] == (
        f"arn:aws:kinesisanalytics:us-east-1:000000000000:application/{application.name}"
    )
    application.put([row(i) for i in range(20)])
    application.start("TRIM_HORIZON")
    application.wait_for_rows(10)
    application.put([row(i) for i in range(20, 25)])
    assert application.wait_for_rows(15) == [
        {"id": i, "city": "Oslo", "price": float(i)} for i in range(10, 25)
    ]
    application.stop()
    application.delete()
    assert (
        error_of(application.api.describe_application, ApplicationName=application.name)[0]
        == "ResourceNotFoundException"
    )


def test_now_begins_with_what_comes_after_the_start(application):
    application.create_sql(FILTER)
    application.put([row(i) for i in range(10, 20)])
    application.start("NOW")
    application.put([row(i) for i in range(20, 25)])
    assert [r["id"] for r in application.wait_for_rows(5)] == list(range(20, 25))


def test_a_tumbling_window_counts_every_row_once(application):
    application.create_sql("""
        CREATE OR REPLACE STREAM "OUT" ("city" VARCHAR(16), "n" INTEGER, "total" DOUBLE);
        CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
          SELECT STREAM "city", COUNT(*), SUM("price") FROM "SOURCE_SQL_STREAM_001"
          GROUP BY "city", STEP("SOURCE_SQL_STREAM_001".ROWTIME BY INTERVAL '1' SECOND);
    """)
    application.start("TRIM_HORIZON")
    for _ in range(4):
        application.put([row(i, city=("Oslo", "Rome")[i % 2], price=0.5) for i in range(10)])
        time.sleep(0.4)  # over the border of a second at least once

    def totals():
        # A window ends with a row behind it.
        application.put([row(0, city="end")])
        found = {}
        for r in application.results():
            n, total = found.get(r["city"], (0, 0))
            found[r["city"]] = (n + r["n"], total + r["total"])
        return found.get("Oslo") == found.get("Rome") == (20, 10.0)

    wait_for(totals)
    assert len([r for r in application.results() if r["city"] == "Oslo"]) >= 2


def test_a_reference_table_of_the_lake_is_joined(application, server):
    bucket = f"bucket-{application.name}"
    firehose = server.client("firehose")
    firehose.create_delivery_stream(
        DeliveryStreamName=bucket,
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
        },
    )
    lines = b"Oslo,Norway\nRome,Italy\n"
    firehose.put_record(DeliveryStreamName=bucket, Record={"Data": lines})
    root = server.data / "lake" / bucket
    files = wait_for(lambda: [p for p in root.rglob("*") if p.is_file()])
    application.create_sql(
        """
        CREATE OR REPLACE STREAM "OUT" ("id" INTEGER, "country" VARCHAR(16));
        CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"
          SELECT STREAM s."id", c."country" FROM "SOURCE_SQL_STREAM_001" AS s
          LEFT JOIN "countries" AS c ON s."city" = c."city";
        """,
        ReferenceDataSources=[
            {
                "TableName": "countries",
                "S3ReferenceDataSource": {
                    "BucketARN": f"arn:aws:s3:::{bucket}",
                    "FileKey": str(files[0].relative_to(root)),
                },
                "ReferenceSchema": {
                    "RecordFormat": {
                        "RecordFormatType": "CSV",
                        "MappingParameters": {
                            "CSVMappingParameters": {
                                "RecordRowDelimiter": "\n",
                                "RecordColumnDelimiter": ",",
                            }
                        },
                    },
                    "RecordColumns": [
                        {"Name": "city", "SqlType": "VARCHAR(16)"},
                        {"Name": "country", "SqlType": "VARCHAR(16)"},
                    ],
                },
            }
        ],
    )
    application.start("TRIM_HORIZON")
    application.put([row(1, "Rome"), row(2, "Oslo"), row(3, "Lima")])
    assert sorted((r["id"], r.get("country")) for r in application.wait_for_rows(3)) == [
        (1, "Italy"),
        (2, "Norway"),
        (3, None),
    ]


def test_an_update_goes_over_to_new_code_and_keeps_the_state(application):
    application.create_sql(RUNNING_COUNT.format(column="", value=""))
    application.start("TRIM_HORIZON")
    application.put([row(i) for i in range(5)])
    application.wait_for_rows(5)
    code = RUNNING_COUNT.format(column=', "city" VARCHAR(16)', value=', "city"')
    updated = application.update_code(code)
    assert updated["ApplicationVersionId"] == 2
    application.wait("RUNNING")
    application.put([row(i) for i in range(5, 8)])
    results = application.wait_for_rows(8)
    assert [r["id"] for r in results] == list(range(8))
    assert [r["n"] for r in results] == list(range(1, 9))
    assert [r.get("city") for r in results] == [None] * 5 + ["Oslo"] * 3


def test_versions_are_listed_and_described(application):
    api, name = application.api, application.name
    application.create_sql(FILTER)
    application.update_code(FILTER.replace("10", "20"))
    api.add_application_output(
        ApplicationName=name,
        CurrentApplicationVersionId=2,
        Output={
            "Name": "SECOND",
            "KinesisStreamsOutput": {"ResourceARN": stream_arn(application.sink)},
            "DestinationSchema": {"RecordFormatType": "CSV"},
        },
    )
    summaries = api.list_application_versions(ApplicationName=name)["ApplicationVersionSummaries"]
    assert sorted(s["ApplicationVersionId"] for s in summaries) == [1, 2, 3]
    first = api.describe_application_version(ApplicationName=name, ApplicationVersionId=1)[
        "ApplicationVersionDetail"
    ]["ApplicationConfigurationDescription"]
    code = first["ApplicationCodeConfigurationDescription"]["CodeContentDescription"]
    assert code["TextContent"] == FILTER
    now = application.describe()
    assert now["ApplicationVersionId"] == 3
    sql = now["ApplicationConfigurationDescription"]["SqlApplicationConfigurationDescription"]
    assert [o["Name"] for o in sql["OutputDescriptions"]] == ["OUT", "SECOND"]
    api.delete_application_output(
        ApplicationName=name,
        CurrentApplicationVersionId=3,
        OutputId=sql["OutputDescriptions"][1]["OutputId"],
    )
    assert application.describe()["ApplicationVersionId"] == 4
    assert application.exists()
    operations = api.list_application_operations(ApplicationName=name)[
        "ApplicationOperationInfoList"
    ]
    assert "UpdateApplication" in [o["Operation"] for o in operations]


def test_tags_are_kept(application):
    api = application.api
    arn = application.create_sql(FILTER)["ApplicationARN"]
    api.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    api.untag_resource(ResourceARN=arn, TagKeys=["b"])
    assert api.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]


def test_a_stopped_application_goes_on_where_it_stopped(application):
    application.create_sql(FILTER)
    application.start("TRIM_HORIZON")
    application.put([row(i) for i in range(10, 15)])
    application.wait_for_rows(5)
    application.stop()
    application.put([row(i) for i in range(15, 20)])
    application.start("LAST_STOPPED_POINT")
    application.put([row(i) for i in range(20, 25)])
    assert [r["id"] for r in application.wait_for_rows(15)] == list(range(10, 25))
    application.stop()
    application.start("TRIM_HORIZON")  # afresh: everything again
    assert [r["id"] for r in application.wait_for_rows(30)[15:]] == list(range(10, 25))


def test_running_applications_run_again_after_a_restart(own_server):
    server = own_server()
    application = Application(server, "restarted")
    application.create_sql(RUNNING_COUNT.format(column="", value=""))
    stopped = Application(server, "stopped")
    stopped.create_sql(FILTER)
    application.start("TRIM_HORIZON")
    sent = 0
    for end in (server.stop, server.kill):
        application.put([row(i) for i in range(sent, sent + 5)])
        application.wait_for_rows(sent + 5)
        end()
        server.start()
        application.connect()
        application.wait("RUNNING")
        application.put([row(i) for i in range(sent + 5, sent + 10)])
        sent += 10
        results = application.wait_for_rows(sent)
        assert [r["id"] for r in results] == list(range(sent))
        assert [r["n"] for r in results] == list(range(1, sent + 1))
    stopped.connect()
    assert stopped.describe()["ApplicationStatus"] == "READY"


def test_killed_workers_lose_and_repeat_nothing(own_server):
    server = own_server()
    application = Application(server, "killed")
    application.create_sql(RUNNING_COUNT.format(column="", value=""))
    application.start("TRIM_HORIZON")
    sent = 0
    for _ in range(3):
        for _ in range(5):
            application.put([row(i) for i in range(sent, sent + 40)])
            sent += 40
        worker = worker_of(server)
        os.kill(worker, signal.SIGKILL)
        application.put([row(i) for i in range(sent, sent + 40)])
        sent += 40
        application.wait_for_rows(sent)
        assert worker_of(server) != worker
    assert application.describe()["ApplicationStatus"] == "RUNNING"
    results = application.results()
    assert [r["id"] for r in results] == list(range(sent))
    assert [r["n"] for r in results] == [min(i, 1001) for i in range(1, sent + 1)]


def test_version_1_speaks_of_the_same_applications(application, server):
    v1 = server.client("kinesisanalytics")
    name = application.name
    v1.create_application(
        ApplicationName=name,
        ApplicationCode=FILTER,
        Inputs=[
            {
                "NamePrefix": "SOURCE_SQL_STREAM",
                "KinesisStreamsInput": {
                    "ResourceARN": stream_arn(application.source),
                    "RoleARN": ROLE,
                },
                "InputSchema": schema(),
            }
        ],
        Outputs=[
            {
                "Name": "OUT",
                "KinesisStreamsOutput": {
                    "ResourceARN": stream_arn(application.sink),
                    "RoleARN": ROLE,
                },
                "DestinationSchema": {"RecordFormatType": "JSON"},
            }
        ],
    )
    detail = v1.describe_application(ApplicationName=name)["ApplicationDetail"]
    assert detail["ApplicationStatus"] == "READY"
    assert detail["ApplicationCode"] == FILTER
    described = detail["InputDescriptions"][0]
    assert described["InAppStreamNames"] == ["SOURCE_SQL_STREAM_001"]
    assert described["KinesisStreamsInputDescription"] == {
        "ResourceARN": stream_arn(application.source),
        "RoleARN": ROLE,
    }
    assert application.describe()["RuntimeEnvironment"] == "SQL-1_0"
    v1.start_application(
        ApplicationName=name,
        InputConfigurations=[
            {
                "Id": described["InputId"],
                "InputStartingPositionConfiguration": {"InputStartingPosition": "TRIM_HORIZON"},
            }
        ],
    )
    application.wait("RUNNING")
    application.put([row(i) for i in range(20)])
    application.wait_for_rows(10)
    v1.update_application(
        ApplicationName=name,
        CurrentApplicationVersionId=1,
        ApplicationUpdate={"ApplicationCodeUpdate": FILTER.replace("10", "25")},
    )
    application.wait("RUNNING")
    application.put([row(i) for i in range(20, 30)])
    assert [r["id"] for r in application.wait_for_rows(15)] == [*range(10, 20), *range(25, 30)]
    listed = v1.list_applications()["ApplicationSummaries"]
    assert name in [each["ApplicationName"] for each in listed]
    v1.stop_application(ApplicationName=name)
    application.wait("READY")
    v1.delete_application(
        ApplicationName=name,
        CreateTimestamp=v1.describe_application(ApplicationName=name)["ApplicationDetail"][
            "CreateTimestamp"
        ],
    )
    wait_for(lambda: not application.exists())


def test_the_schema_of_a_live_stream_is_discovered(application, server):
    rows = [
        {
            "id": i,
            "big": 2**40 + i,
            "price": i / 2,
            "ok": i % 2 == 0,
            "at": {"city": "Reykjavik"},
            "when": "2026-11-25 01:02:03.000",
        }
        for i in range(1, 11)
    ]
    application.put(rows)
    wanted = {
        "id": ("INTEGER", "$.id"),
        "big": ("BIGINT", "$.big"),
        "price": ("DOUBLE", "$.price"),
        "ok": ("BOOLEAN", "$.ok"),
        "at_city": ("VARCHAR(16)", "$.at.city"),
        "when": ("TIMESTAMP", "$.when"),
    }
    for service in ("kinesisanalyticsv2", "kinesisanalytics"):
        role = {"RoleARN": ROLE}
        if service == "kinesisanalyticsv2":
            role = {"ServiceExecutionRole": ROLE}
        answer = server.client(service).discover_input_schema(
            ResourceARN=stream_arn(application.source),
            InputStartingPositionConfiguration={"InputStartingPosition": "TRIM_HORIZON"},
            **role,
        )
        found = answer["InputSchema"]
        assert found["RecordFormat"]["RecordFormatType"] == "JSON"
        columns = {c["Name"]: (c["SqlType"], c["Mapping"]) for c in found["RecordColumns"]}
        assert columns == wanted
        assert [json.loads(r) for r in answer["RawInputRecords"]] == rows
        assert len(answer["ParsedInputRecords"]) == len(rows)
    assert (
        error_of(
            server.client("kinesisanalyticsv2").discover_input_schema,
            ResourceARN=stream_arn(application.sink),
            ServiceExecutionRole=ROLE,
            InputStartingPositionConfiguration={"InputStartingPosition": "TRIM_HORIZON"},
        )[0]
        == "UnableToDetectSchemaException"
    )


def test_bad_code_is_refused_with_its_place(application):
    bad = 'CREATE STREAM "OUT" ("id" INTEGER);\nCREATE PUMP "P" AS\n  INSERT INTO "OUT" SELEKT 1;'
    code, message = error_of(application.create_sql, code=bad)
    assert code == "CodeValidationException"
    assert "line 3" in message
    assert "column 21" in message
    unknown = FILTER.replace('"price" >= 10', '"prize" >= 10')
    code, message = error_of(application.create_sql, code=unknown)
    assert code == "CodeValidationException"
    assert "line 4" in message
    assert "prize" in message
    application.create_sql(FILTER)
    application.start("TRIM_HORIZON")
    code, message = error_of(application.update_code, code=bad)
    assert code in ("CodeValidationException", "InvalidArgumentException")
    assert "line 3" in message
    assert application.describe()["ApplicationVersionId"] == 1
    application.put([row(10)])
    application.wait_for_rows(1)  # it runs on


def test_flink_code_is_checked_when_it_starts(application):
    application.create_flink("INSERT INTO\n nowhere SELEKT 1;")
    code, message = error_of(application.start)
    assert code == "InvalidApplicationConfigurationException"
    assert "line 2" in message


def test_errors_have_the_types_of_aws(application, server):
    api, name = application.api, application.name
    missing = error_of(api.describe_application, ApplicationName="nothing")
    assert missing[0] == "ResourceNotFoundException"
    for call in (api.start_application, api.stop_application, api.list_application_versions):
        assert error_of(call, ApplicationName="nothing")[0] == "ResourceNotFoundException"
    created = application.create_sql(FILTER)
    assert error_of(application.create_sql, code=FILTER)[0] == "ResourceInUseException"
    assert error_of(application.update_code, code=FILTER, version=7)[0] == (
        "ConcurrentModificationException"
    )
    assert error_of(api.stop_application, ApplicationName=name)[0] == "ResourceInUseException"
    assert (
        error_of(
            api.delete_application,
            ApplicationName=name,
            CreateTimestamp=created["CreateTimestamp"] + datetime.timedelta(seconds=5),
        )[0]
        == "InvalidArgumentException"
    )
    assert (
        error_of(api.create_application_snapshot, ApplicationName=name, SnapshotName="s")[0]
        == "UnsupportedOperationException"
    )
    assert (
        error_of(api.describe_application_version, ApplicationName=name, ApplicationVersionId=9)[0]
        == "ResourceNotFoundException"
    )
    assert error_of(
        api.create_application,
        ApplicationName="x",
        RuntimeEnvironment="SQL-9_9",
        ServiceExecutionRole=ROLE,
    )[0] in ("InvalidArgumentException", "ValidationException")


def test_a_stream_that_is_missing_is_named(application):
    application.create_sql(FILTER)
    application.kinesis.delete_stream(StreamName=application.source)
    wait_for(lambda: application.source not in application.kinesis.list_streams()["StreamNames"])
    code, message = error_of(application.start, position="TRIM_HORIZON")
    assert code == "InvalidApplicationConfigurationException"
    assert stream_arn(application.source) in message


def test_flink_sql_as_code_runs(application):
    application.create_flink()
    application.put([row(i) for i in range(10)])
    application.start()
    application.wait_for_rows(5)
    application.put([row(i) for i in range(10, 14)])
    assert application.wait_for_rows(7) == [{"id": i, "price": i * 2.0} for i in range(0, 14, 2)]
    # An update keeps the place in the input.
    code = FLINK.format(source=application.source, sink=application.sink)
    application.update_code(code.replace("price * 2", "price * 3"))
    application.wait("RUNNING")
    application.put([row(i) for i in range(14, 18)])
    assert application.wait_for_rows(9)[7:] == [{"id": i, "price": i * 3.0} for i in (14, 16)]


def test_an_archive_is_refused_by_name(application):
    application.api.create_application(
        ApplicationName=application.name,
        RuntimeEnvironment="FLINK-1_20",
        ServiceExecutionRole=ROLE,
        ApplicationConfiguration={
            "ApplicationCodeConfiguration": {
                "CodeContent": {
                    "S3ContentLocation": {"BucketARN": "arn:aws:s3:::jars", "FileKey": "a.jar"}
                },
                "CodeContentType": "ZIPFILE",
            }
        },
    )
    code, message = error_of(application.start)
    assert code == "InvalidApplicationConfigurationException"
    assert "Flink cluster" in message


def test_snapshots_are_taken_restored_and_deleted(application):
    api, name = application.api, application.name
    application.create_flink(
        f"""
        CREATE TABLE source (id INT, price DOUBLE) WITH ('connector' = 'kinesis',
          'stream' = '{application.source}', 'format' = 'json',
          'scan.stream.initpos' = 'TRIM_HORIZON');
        CREATE TABLE sink (id INT, n BIGINT) WITH ('connector' = 'kinesis',
          'stream' = '{application.sink}', 'format' = 'json');
        INSERT INTO sink SELECT id, CAST(price AS BIGINT) FROM source;
        """
    )
    application.start()
    application.put([row(i) for i in range(5)])
    application.wait_for_rows(5)
    api.create_application_snapshot(ApplicationName=name, SnapshotName="five")

    def snapshot():
        return api.describe_application_snapshot(ApplicationName=name, SnapshotName="five")[
            "SnapshotDetails"
        ]

    wait_for(lambda: snapshot()["SnapshotStatus"] != "CREATING")
    assert snapshot()["SnapshotStatus"] == "READY"
    assert (
        error_of(api.create_application_snapshot, ApplicationName=name, SnapshotName="five")[0]
        == "ResourceInUseException"
    )
    application.put([row(i) for i in range(5, 8)])
    application.wait_for_rows(8)
    application.stop()
    # From the snapshot: what came after it comes again.
    application.start(
        ApplicationRestoreConfiguration={
            "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT",
            "SnapshotName": "five",
        }
    )
    assert [r["id"] for r in application.wait_for_rows(11)] == [*range(8), 5, 6, 7]
    # A crash after that goes on where the run was, not at the snapshot again.
    os.kill(worker_of(application.server), signal.SIGKILL)
    application.put([row(8), row(9)])
    assert [r["id"] for r in application.wait_for_rows(13)] == [*range(8), 5, 6, 7, 8, 9]
    listed = api.list_application_snapshots(ApplicationName=name)["SnapshotSummaries"]
    assert [s["SnapshotName"] for s in listed] == ["five"]
    api.delete_application_snapshot(
        ApplicationName=name,
        SnapshotName="five",
        SnapshotCreationTimestamp=snapshot()["SnapshotCreationTimestamp"],
    )
    assert api.list_application_snapshots(ApplicationName=name)["SnapshotSummaries"] == []
    assert (
        error_of(api.describe_application_snapshot, ApplicationName=name, SnapshotName="five")[0]
        == "ResourceNotFoundException"
    )
