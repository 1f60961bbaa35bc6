"""The lease tables as KCL and boto3 use them."""

import itertools
import threading
from decimal import Decimal

import boto3
import pytest
from botocore.exceptions import ClientError

tables = itertools.count()


@pytest.fixture
def dynamodb(server):
    return server.client("dynamodb")


@pytest.fixture
def table(dynamodb):
    """As KCL 2.x creates it."""
    name = f"leases-{next(tables)}"
    create(dynamodb, name)
    return name


def create(dynamodb, name, **more):
    return dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )["TableDescription"]


def lease(key, owner="worker-1", counter=0):
    return {
        "leaseKey": {"S": key},
        "leaseOwner": {"S": owner},
        "leaseCounter": {"N": str(counter)},
        "checkpoint": {"S": "TRIM_HORIZON"},
        "parentShardId": {"SS": ["shard-b", "shard-a"]},
    }


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response


def test_a_table_is_active_at_once_and_says_what_it_is(dynamodb, table):
    described = dynamodb.describe_table(TableName=table)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["ItemCount"] == 0
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["TableArn"].endswith(f":table/{table}")
    refused("ResourceInUseException", create, dynamodb=dynamodb, name=table)
    refused("ResourceNotFoundException", dynamodb.describe_table, TableName="not-there")
    refused("ResourceNotFoundException", dynamodb.get_item, TableName="not-there", Key={})
    dynamodb.put_item(TableName=table, Item=lease("a"))
    assert dynamodb.describe_table(TableName=table)["Table"]["ItemCount"] == 1
    dynamodb.delete_table(TableName=table)
    refused("ResourceNotFoundException", dynamodb.describe_table, TableName=table)
    waiter = dynamodb.get_waiter("table_not_exists")
    waiter.wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def test_tables_of_regions_are_apart_and_listed_in_pages(server):
    here = server.client("dynamodb", region="eu-central-1")
    there = server.client("dynamodb", region="eu-north-1")
    for name in ("list-a", "list-b", "list-c"):
        create(here, name)
    first = here.list_tables(Limit=2)
    assert first["TableNames"] == ["list-a", "list-b"]
    rest = here.list_tables(ExclusiveStartTableName=first["LastEvaluatedTableName"])
    assert rest["TableNames"] == ["list-c"] and "LastEvaluatedTableName" not in rest
    assert there.list_tables()["TableNames"] == []


def test_every_type_of_value_comes_back(server, dynamodb, table):
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    item = {
        "leaseKey": "types",
        "number": Decimal("-12345678901234567890.5"),
        "binary": b"\x00\xff",
        "true": True,
        "null": None,
        "strings": {"a", "b"},
        "numbers": {Decimal(1), Decimal("2.5")},
        "binaries": {b"1", b"2"},
        "list": [1, "two", [Decimal("3")]],
        "map": {"in": {"deep": "äöü \u0000 \U0001f600"}},
        "empty": "",
    }
    resource.Table(table).put_item(Item=item)
    assert resource.Table(table).get_item(Key={"leaseKey": "types"})["Item"] == item
    refused(
        "ValidationException",
        dynamodb.put_item,
        TableName=table,
        Item={"leaseKey": {"S": "n"}, "n": {"N": "1x"}},
    )
    refused(
        "ValidationException",
        dynamodb.put_item,
        TableName=table,
        Item={"leaseKey": {"S": "big"}, "text": {"S": "x" * 410_000}},
    )
    refused("ValidationException", dynamodb.put_item, TableName=table, Item={"a": {"S": "b"}})


def test_kcl_creates_takes_and_renews_a_lease(dynamodb, table):
    """The requests of KCL's DynamoDBLeaseRefresher."""
    new = {"leaseKey": {"Exists": False}}
    dynamodb.put_item(TableName=table, Item=lease("shard-1"), Expected=new)
    refused(
        "ConditionalCheckFailedException",
        dynamodb.put_item,
        TableName=table,
        Item=lease("shard-1", "other"),
        Expected=new,
    )
    key = {"leaseKey": {"S": "shard-1"}}
    renewal = {
        "TableName": table,
        "Key": key,
        "AttributeUpdates": {"leaseCounter": {"Value": {"N": "1"}, "Action": "PUT"}},
        "Expected": {
            "leaseCounter": {"Value": {"N": "0.0"}},
            "leaseOwner": {"Value": {"S": "worker-1"}},
            "checkpointOwner": {"Exists": False},
        },
    }
    dynamodb.update_item(**renewal)
    refused("ConditionalCheckFailedException", dynamodb.update_item, **renewal)
    taken = dynamodb.update_item(
        TableName=table,
        Key=key,
        AttributeUpdates={
            "leaseOwner": {"Value": {"S": "worker-2"}, "Action": "PUT"},
            "leaseCounter": {"Value": {"N": "1"}, "Action": "ADD"},
            "ownerSwitches": {"Value": {"N": "1"}, "Action": "ADD"},
            "checkpoint": {"Action": "DELETE"},
        },
        Expected={"leaseCounter": {"ComparisonOperator": "EQ", "Value": {"N": "1"}}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert taken["leaseOwner"] == {"S": "worker-2"}
    assert taken["leaseCounter"] == {"N": "2"} and taken["ownerSwitches"] == {"N": "1"}
    assert "checkpoint" not in taken
    assert dynamodb.get_item(TableName=table, Key=key)["Item"] == taken
    old = dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"]
    assert old == taken
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)


def test_expressions_change_and_guard_items(dynamodb, table):
    key = {"leaseKey": {"S": "e"}}
    update = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET #c = if_not_exists(#c, :zero) + :one, info = :info ADD seen :set",
        "ExpressionAttributeNames": {"#c": "counter"},
        "ExpressionAttributeValues": {
            ":zero": {"N": "0"},
            ":one": {"N": "1"},
            ":info": {"M": {"a": {"L": [{"S": "x"}]}}},
            ":set": {"NS": ["1"]},
        },
        "ReturnValues": "UPDATED_NEW",
    }
    assert dynamodb.update_item(**update)["Attributes"]["counter"] == {"N": "1"}
    assert dynamodb.update_item(**update)["Attributes"]["counter"] == {"N": "2"}
    guard = {
        "TableName": table,
        "Item": lease("e"),
        "ConditionExpression": "attribute_not_exists(leaseKey) OR #c > :n",
        "ExpressionAttributeNames": {"#c": "counter"},
        "ExpressionAttributeValues": {":n": {"N": "2"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    answer = refused("ConditionalCheckFailedException", dynamodb.put_item, **guard)
    assert answer["Item"]["counter"] == {"N": "2"}
    picked = dynamodb.get_item(
        TableName=table, Key=key, ProjectionExpression="info.a[0], seen", ConsistentRead=True
    )["Item"]
    assert picked == {"info": {"M": {"a": {"L": [{"S": "x"}]}}}, "seen": {"NS": ["1"]}}
    answer = refused(
        "ValidationException",
        dynamodb.update_item,
        TableName=table,
        Key=key,
        UpdateExpression="SET leaseKey = :v",
        ExpressionAttributeValues={":v": {"S": "x"}},
    )
    assert "This attribute is part of the key" in answer["Error"]["Message"]


def fill(dynamodb, table, count):
    for start in range(0, count, 25):
        dynamodb.batch_write_item(
            RequestItems={
                table: [
                    {"PutRequest": {"Item": lease(f"shard-{i:05}", f"worker-{i % 3}", i)}}
                    for i in range(start, min(start + 25, count))
                ]
            }
        )


def test_a_scan_sees_all_in_pages_and_in_segments(dynamodb, table):
    fill(dynamodb, table, 300)
    keys = [f"shard-{i:05}" for i in range(300)]
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, Limit=7)
    assert sorted(i["leaseKey"]["S"] for page in pages for i in page["Items"]) == keys
    found = []
    for segment in range(5):
        answer = dynamodb.scan(TableName=table, Segment=segment, TotalSegments=5)
        assert 0 < answer["Count"] < 300
        found += [item["leaseKey"]["S"] for item in answer["Items"]]
    assert sorted(found) == keys
    some = dynamodb.scan(
        TableName=table,
        FilterExpression="leaseOwner = :o AND leaseCounter < :n",
        ExpressionAttributeValues={":o": {"S": "worker-1"}, ":n": {"N": "10"}},
    )
    assert sorted(int(i["leaseCounter"]["N"]) for i in some["Items"]) == [1, 4, 7]
    assert some["ScannedCount"] == 300
    legacy = dynamodb.scan(
        TableName=table,
        ScanFilter={
            "leaseCounter": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "299"}]}
        },
        Select="COUNT",
    )
    assert legacy["Count"] == 1 and "Items" not in legacy


def test_a_query_reads_a_range_forward_and_back(dynamodb):
    name = f"range-{next(tables)}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    numbers = [-10, -2, 0, 1, 2, 10, 11, 100]
    for number in numbers:
        for partition in ("a", "b"):
            dynamodb.put_item(
                TableName=name, Item={"id": {"S": partition}, "at": {"N": str(number)}}
            )

    def query(condition="", forward=True, limit=None, **values):
        arguments = {"Limit": limit} if limit else {}
        found, start = [], {}
        while True:
            answer = dynamodb.query(
                TableName=name,
                KeyConditionExpression="id = :id" + condition,
                ExpressionAttributeValues={
                    ":id": {"S": "a"},
                    **{f":{key}": {"N": str(value)} for key, value in values.items()},
                },
                **({} if not condition else {"ExpressionAttributeNames": {"#at": "at"}}),
                ScanIndexForward=forward,
                **arguments,
                **start,
            )
            found += [int(item["at"]["N"]) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    assert query() == numbers
    assert query(forward=False, limit=3) == numbers[::-1]
    assert query(" AND #at > :x", x=1) == [2, 10, 11, 100]
    assert query(" AND #at <= :x", x=0, limit=1) == [-10, -2, 0]
    assert query(" AND #at BETWEEN :x AND :y", x=-2, y=10) == [-2, 0, 1, 2, 10]
    assert query(" AND #at = :x", x=11) == [11]
    answer = refused(
        "ValidationException",
        dynamodb.query,
        TableName=name,
        KeyConditionExpression="at = :x",
        ExpressionAttributeValues={":x": {"N": "1"}},
    )
    assert "missed key schema element: id" in answer["Error"]["Message"]


def test_kcl_3_finds_leases_by_owner(dynamodb, table):
    """The index that KCL 3 adds to the table of a KCL 2.x."""
    fill(dynamodb, table, 60)
    dynamodb.update_table(
        TableName=table,
        AttributeDefinitions=[
            {"AttributeName": "leaseKey", "AttributeType": "S"},
            {"AttributeName": "leaseOwner", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "LeaseOwnerToLeaseKeyIndex",
                    "KeySchema": [
                        {"AttributeName": "leaseOwner", "KeyType": "HASH"},
                        {"AttributeName": "leaseKey", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            }
        ],
    )
    index = dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"][0]
    assert index["IndexStatus"] == "ACTIVE" and index["ItemCount"] == 60

    def owned(owner):
        pages = dynamodb.get_paginator("query").paginate(
            TableName=table,
            IndexName="LeaseOwnerToLeaseKeyIndex",
            KeyConditionExpression="leaseOwner = :o",
            ExpressionAttributeValues={":o": {"S": owner}},
            Limit=7,
        )
        items = [item for page in pages for item in page["Items"]]
        assert all(set(item) == {"leaseKey", "leaseOwner"} for item in items)
        return [item["leaseKey"]["S"] for item in items]

    assert owned("worker-1") == [f"shard-{i:05}" for i in range(1, 60, 3)]
    key = {"leaseKey": {"S": "shard-00001"}}
    dynamodb.update_item(
        TableName=table,
        Key=key,
        AttributeUpdates={"leaseOwner": {"Value": {"S": "new"}, "Action": "PUT"}},
    )
    assert owned("new") == ["shard-00001"] and "shard-00001" not in owned("worker-1")
    dynamodb.update_item(
        TableName=table, Key=key, AttributeUpdates={"leaseOwner": {"Action": "DELETE"}}
    )
    assert owned("new") == []
    dynamodb.delete_item(TableName=table, Key={"leaseKey": {"S": "shard-00004"}})
    assert "shard-00004" not in owned("worker-1")


def test_only_one_of_many_takes_a_lease(server, table, dynamodb):
    dynamodb.put_item(TableName=table, Item=lease("contended"))
    winners = []

    def take(worker):
        client = server.client("dynamodb")
        for counter in range(20):
            try:
                client.update_item(
                    TableName=table,
                    Key={"leaseKey": {"S": "contended"}},
                    UpdateExpression="SET leaseCounter = leaseCounter + :one, leaseOwner = :me",
                    ConditionExpression="leaseCounter = :c",
                    ExpressionAttributeValues={
                        ":one": {"N": "1"},
                        ":me": {"S": worker},
                        ":c": {"N": str(counter)},
                    },
                )
                winners.append(counter)
            except client.exceptions.ConditionalCheckFailedException:
                pass

    threads = [threading.Thread(target=take, args=(f"w{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == len(set(winners))
    item = dynamodb.get_item(TableName=table, Key={"leaseKey": {"S": "contended"}})["Item"]
    assert int(item["leaseCounter"]["N"]) == len(winners) > 0


def test_a_transaction_is_all_or_nothing_and_says_why(dynamodb, table):
    dynamodb.put_item(TableName=table, Item=lease("t1"))

    def put(key):
        return {
            "Put": {
                "TableName": table,
                "Item": lease(key),
                "ConditionExpression": "attribute_not_exists(leaseKey)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    answer = refused(
        "TransactionCanceledException",
        dynamodb.transact_write_items,
        TransactItems=[put("t2"), put("t1")],
    )
    reasons = answer["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["leaseKey"] == {"S": "t1"}
    keys = [{"leaseKey": {"S": key}} for key in ("t1", "t2", "t3")]
    found = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})
    assert [item["leaseKey"]["S"] for item in found["Responses"][table]] == ["t1"]
    dynamodb.transact_write_items(TransactItems=[put("t2"), put("t3")])
    read = dynamodb.transact_get_items(
        TransactItems=[{"Get": {"TableName": table, "Key": key}} for key in keys]
    )
    assert [r["Item"]["leaseKey"]["S"] for r in read["Responses"]] == ["t1", "t2", "t3"]


def test_a_transaction_that_is_sent_again_is_done_once(dynamodb, table):
    def add(amount):
        return {
            "ClientRequestToken": f"token-{table}",
            "TransactItems": [
                {
                    "Update": {
                        "TableName": table,
                        "Key": {"leaseKey": {"S": "sum"}},
                        "UpdateExpression": "ADD total :n",
                        "ExpressionAttributeValues": {":n": {"N": amount}},
                    }
                }
            ],
        }

    for _ in range(3):
        dynamodb.transact_write_items(**add("5"))
    item = dynamodb.get_item(TableName=table, Key={"leaseKey": {"S": "sum"}})["Item"]
    assert item["total"] == {"N": "5"}
    refused("IdempotentParameterMismatchException", dynamodb.transact_write_items, **add("6"))


def test_settings_of_a_table_are_kept(dynamodb, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    tags = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    on = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=on)
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    refused("TableNotFoundException", dynamodb.describe_continuous_backups, TableName="not-there")
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    refused("ValidationException", dynamodb.delete_table, TableName=table)
    dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}


def test_leases_survive_a_kill(own_server):
    server = own_server()
    dynamodb = server.client("dynamodb")
    create(dynamodb, "durable", Tags=[{"Key": "a", "Value": "b"}])
    fill(dynamodb, "durable", 50)
    server.kill()
    server.start()
    assert dynamodb.describe_table(TableName="durable")["Table"]["ItemCount"] == 50
    items = dynamodb.scan(TableName="durable", ConsistentRead=True)["Items"]
    assert sorted(items, key=lambda item: item["leaseKey"]["S"])[7] == {
        **lease("shard-00007", "worker-1", 7),
        "parentShardId": {"SS": ["shard-a", "shard-b"]},
    }
