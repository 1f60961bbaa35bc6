"""Calls and expressions of the lease tables."""

import json

from .common import write


def calls_and_expressions() -> None:
    expressions = [
        "a = :a AND b < :b OR NOT attribute_exists(l[1])",
        "SET a = if_not_exists(a, :a), b = b + :b REMOVE m.a ADD b :b DELETE s :s",
        "#a, l[0], m.a, s",
        "begins_with(a, :a) AND size(l) BETWEEN :b AND :b AND a IN (:a, :a)",
        "attribute_type(a, :a) AND contains(s, :a)",
        "-12.5e-10",
        "SET l = list_append(l, l)",
        "((((((((a = :a))))))))",
    ]
    write("lease_expression_fuzz", {f"text-{i}": e.encode() for i, e in enumerate(expressions)})

    def call(operation: str, **members) -> str:
        return f"{operation} {json.dumps(members)}\n"

    item = {
        "k": {"S": "a"},
        "o": {"S": "w"},
        "c": {"N": "1"},
        "m": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": False}, {"B": "QQ=="}]}}},
        "s": {"SS": ["x", "y"]},
    }
    ranged = {"k": {"S": "a"}, "n": {"N": "-1.50"}, "o": {"S": "w"}, "b": {"BS": ["QQ=="]}}
    key = {"k": {"S": "a"}}
    calls = {
        "put-get": call("PutItem", TableName="one", Item=item, ReturnValues="ALL_OLD")
        + call("GetItem", TableName="one", Key=key, ProjectionExpression="m.l[1], s"),
        "condition": call("PutItem", TableName="one", Item=item)
        + call(
            "PutItem",
            TableName="one",
            Item=item,
            ConditionExpression="c = :c AND attribute_exists(#o)",
            ExpressionAttributeNames={"#o": "o"},
            ExpressionAttributeValues={":c": {"N": "1.0"}},
        ),
        "update": call("PutItem", TableName="one", Item=item)
        + call(
            "UpdateItem",
            TableName="one",
            Key=key,
            UpdateExpression="SET c = c + :one, m.x = :one REMOVE o ADD s :s",
            ExpressionAttributeValues={":one": {"N": "1"}, ":s": {"SS": ["z"]}},
            ReturnValues="ALL_NEW",
        ),
        "legacy": call("PutItem", TableName="one", Item=item)
        + call(
            "UpdateItem",
            TableName="one",
            Key=key,
            AttributeUpdates={
                "c": {"Action": "ADD", "Value": {"N": "5"}},
                "o": {"Action": "DELETE"},
            },
            Expected={"o": {"Value": {"S": "w"}}, "z": {"Exists": False}},
        )
        + call("DeleteItem", TableName="one", Key=key, Expected={"o": {"Exists": False}}),
        "query": "".join(
            call("PutItem", TableName="two", Item={**ranged, "n": {"N": n}})
            for n in ("-1.50", "0", "1E+20", "7")
        )
        + call(
            "Query",
            TableName="two",
            KeyConditionExpression="k = :k AND n BETWEEN :a AND :b",
            ExpressionAttributeValues={":k": {"S": "a"}, ":a": {"N": "-2"}, ":b": {"N": "8"}},
            ScanIndexForward=False,
            Limit=2,
        )
        + call(
            "Query",
            TableName="two",
            IndexName="ind",
            KeyConditions={"o": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "w"}]}},
        )
        + call("Scan", TableName="two", Segment=0, TotalSegments=2, ExclusiveStartKey=ranged),
        "batch": call(
            "BatchWriteItem", RequestItems={"one": [{"PutRequest": {"Item": item}}], "two": []}
        )
        + call("BatchGetItem", RequestItems={"one": {"Keys": [key]}}),
        "transact": call(
            "TransactWriteItems",
            TransactItems=[
                {"Put": {"TableName": "one", "Item": item}},
                {
                    "ConditionCheck": {
                        "TableName": "two",
                        "Key": ranged,
                        "ConditionExpression": "x = x",
                    }
                },
            ],
            ClientRequestToken="token",
        )
        + call("TransactGetItems", TransactItems=[{"Get": {"TableName": "one", "Key": key}}]),
        "tables": call("ListTables", Limit=1)
        + call("DescribeTable", TableName="two")
        + call(
            "UpdateTable",
            TableName="two",
            GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "ind"}}],
        )
        + call("DeleteTable", TableName="one"),
        "times": call(
            "UpdateTimeToLive",
            TableName="one",
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"},
        )
        + call("DescribeTimeToLive", TableName="one")
        + call(
            "TagResource", ResourceArn="arn:aws:dynamodb:us-east-1:000000000000:table/one", Tags=[]
        ),
    }
    write("lease_call_fuzz", {name: text.encode() for name, text in calls.items()})


def make() -> None:
    calls_and_expressions()
