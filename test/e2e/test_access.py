"""What users may do: policies of users and resources, accounts, keys that change while it runs."""

import json
import os
import signal
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from millstream_server import wait_for

ONE = "111111111111"
TWO = "222222222222"
SECRET = "a-secret-that-no-log-may-hold"


def arn(name, account=ONE, region="us-east-1"):
    return f"arn:aws:kinesis:{region}:{account}:stream/{name}"


def allow(action, resource="*", effect="Allow", **more):
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}],
    }


def key(access_key, account=ONE, user=None, policies=None):
    entry = {"access_key": access_key, "secret_key": SECRET + access_key, "account": account}
    if user:
        entry["user"] = user
    if policies is not None:
        entry["policies"] = policies
    return entry


KEYS = [
    key("AKIAROOT"),
    key("AKIAROOTTWO", TWO),
    key("AKIANOTHING", user="nothing", policies=[]),
    key(
        "AKIAWRITER",
        user="writer",
        policies=[allow(["kinesis:Put*", "kinesis:DescribeStreamSummary"], arn("web-*"))],
    ),
    key(
        "AKIAREADER",
        user="reader",
        policies=[
            allow("kinesis:*"),
            allow(["kinesis:Put*", "kinesis:Delete*"], effect="Deny"),
        ],
    ),
    key(
        "AKIAPLAIN",
        user="plain",
        policies=[allow("kinesis:*", Condition={"Bool": {"aws:SecureTransport": "true"}})],
    ),
    key("AKIAFOREIGN", TWO, user="foreign", policies=[allow("kinesis:*")]),
    key("AKIADELIVERY", user="delivery", policies=[allow("firehose:*")]),
    key("AKIAADMIN", user="admin", policies=[allow("millstream:Admin")]),
]


def write(path, keys):
    """As an editor does: a new file takes the old one's place."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"credentials": keys}))
    new.chmod(0o600)
    os.replace(new, path)


@pytest.fixture
def keys_file(tmp_path):
    path = tmp_path / "keys.json"
    write(path, KEYS)
    return path


@pytest.fixture
def access(own_server, keys_file):
    return own_server("--credentials-file", str(keys_file), "--ephemeral")


def client(server, access_key, service="kinesis"):
    return server.client(service, access_key=access_key, secret=SECRET + access_key)


def refusal(call, *args, **kwargs):
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response["Error"]


def denied(user, action, resource, why, account=ONE):
    return {
        "Code": "AccessDeniedException",
        "Message": f"User: arn:aws:iam::{account}:user/{user} is not authorized to perform: "
        f"{action} on resource: {resource} {why}",
    }


def no_identity(action):
    return f"because no identity-based policy allows the {action} action"


def put(kinesis, **stream):
    return kinesis.put_record(Data=b"x", PartitionKey="k", **stream)


def get_all(kinesis, **stream):
    iterator = kinesis.get_shard_iterator(
        ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON", **stream
    )["ShardIterator"]
    return kinesis.get_records(ShardIterator=iterator)["Records"]


def test_a_user_may_do_what_a_policy_allows_and_nothing_else(access):
    root, writer = client(access, "AKIAROOT"), client(access, "AKIAWRITER")
    root.create_stream(StreamName="web-clicks", ShardCount=1)
    root.create_stream(StreamName="other", ShardCount=1)
    put(writer, StreamName="web-clicks")
    put(writer, StreamARN=arn("web-clicks"))
    writer.put_records(StreamName="web-clicks", Records=[{"Data": b"y", "PartitionKey": "k"}])
    writer.describe_stream_summary(StreamName="web-clicks")
    action = "kinesis:PutRecord"
    assert refusal(put, writer, StreamName="other") == denied(
        "writer", action, arn("other"), no_identity(action)
    )
    action = "kinesis:PutRecords"
    assert refusal(
        writer.put_records, StreamName="other", Records=[{"Data": b"y", "PartitionKey": "k"}]
    ) == denied("writer", action, arn("other"), no_identity(action))
    action = "kinesis:GetShardIterator"
    assert refusal(get_all, writer, StreamName="web-clicks") == denied(
        "writer", action, arn("web-clicks"), no_identity(action)
    )
    action = "kinesis:ListStreams"
    assert refusal(writer.list_streams) == denied("writer", action, "*", no_identity(action))
    action = "firehose:ListDeliveryStreams"
    assert refusal(client(access, "AKIAWRITER", "firehose").list_delivery_streams) == denied(
        "writer", action, "*", no_identity(action)
    )
    assert len(get_all(root, StreamName="web-clicks")) == 3
    assert get_all(root, StreamName="other") == []


def test_an_explicit_denial_beats_what_allows(access):
    root, reader = client(access, "AKIAROOT"), client(access, "AKIAREADER")
    root.create_stream(StreamName="s", ShardCount=1)
    put(root, StreamName="s")
    assert len(get_all(reader, StreamName="s")) == 1
    why = "with an explicit deny in an identity-based policy"
    assert refusal(put, reader, StreamName="s") == denied(
        "reader", "kinesis:PutRecord", arn("s"), why
    )
    # Another spelling of the same stream is the same stream.
    china = arn("s").replace("arn:aws:", "arn:aws-cn:")
    assert refusal(put, reader, StreamARN=china) == denied(
        "reader", "kinesis:PutRecord", arn("s"), why
    )
    assert refusal(reader.delete_stream, StreamName="s")["Code"] == "AccessDeniedException"
    assert root.list_streams()["StreamNames"] == ["s"]


def test_an_iterator_is_no_way_around_a_policy(access):
    root, nothing = client(access, "AKIAROOT"), client(access, "AKIANOTHING")
    root.create_stream(StreamName="s", ShardCount=1)
    iterator = root.get_shard_iterator(
        StreamName="s", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    action = "kinesis:GetRecords"
    assert refusal(nothing.get_records, ShardIterator=iterator) == denied(
        "nothing", action, arn("s"), no_identity(action)
    )


def test_conditions_count(access):
    error = refusal(client(access, "AKIAPLAIN").list_streams)  # the connection is plain HTTP
    assert error == denied("plain", "kinesis:ListStreams", "*", no_identity("kinesis:ListStreams"))


def test_another_account_needs_both_policies(access):
    root, foreign = client(access, "AKIAROOT"), client(access, "AKIAFOREIGN")
    root.create_stream(StreamName="s", ShardCount=1)
    stream = {"StreamARN": arn("s")}
    why = "because no resource-based policy allows the kinesis:PutRecord action"
    expected = denied("foreign", "kinesis:PutRecord", arn("s"), why, TWO)
    assert refusal(put, foreign, **stream) == expected
    assert refusal(put, client(access, "AKIAROOTTWO"), **stream)["Code"] == "AccessDeniedException"
    policy = allow("kinesis:PutRecord", arn("s"), Principal={"AWS": TWO})
    root.put_resource_policy(ResourceARN=arn("s"), Policy=json.dumps(policy))
    put(foreign, **stream)
    put(client(access, "AKIAROOTTWO"), **stream)
    assert refusal(get_all, foreign, **stream)["Code"] == "AccessDeniedException"
    policy = allow(["kinesis:Get*", "kinesis:PutRecord"], arn("s"), Principal={"AWS": TWO})
    root.put_resource_policy(ResourceARN=arn("s"), Policy=json.dumps(policy))
    assert len(get_all(foreign, **stream)) == 2
    # A user of the account itself: the policy that names the user is enough.
    user = f"arn:aws:iam::{ONE}:user/nothing"
    policy = allow("kinesis:PutRecord", arn("s"), Principal={"AWS": user})
    root.put_resource_policy(ResourceARN=arn("s"), Policy=json.dumps(policy))
    put(client(access, "AKIANOTHING"), **stream)
    assert refusal(put, foreign, **stream) == expected
    policy = allow("kinesis:*", arn("s"), effect="Deny", Principal="*")
    root.put_resource_policy(ResourceARN=arn("s"), Policy=json.dumps(policy))
    error = refusal(put, client(access, "AKIANOTHING"), **stream)
    assert error == denied(
        "nothing",
        "kinesis:PutRecord",
        arn("s"),
        "with an explicit deny in a resource-based policy",
    )


def test_a_policy_that_is_not_understood_closes_its_stream_until_it_is_gone(access):
    root = client(access, "AKIAROOT")
    root.create_stream(StreamName="s", ShardCount=1)
    condition = {"NumericEquals": {"aws:MultiFactorAuthAge": "1"}}
    policy = allow("kinesis:*", arn("s"), Principal="*", Condition=condition)
    try:
        root.put_resource_policy(ResourceARN=arn("s"), Policy=json.dumps(policy))
    except ClientError:
        return  # refused at once: better
    assert "NumericEquals is not supported" in refusal(put, root, StreamName="s")["Message"]
    root.delete_resource_policy(ResourceARN=arn("s"))
    put(root, StreamName="s")


def is_accepted(server, access_key):
    try:
        client(server, access_key).list_streams()
    except ClientError:
        return False
    return True


def test_sighup_reads_the_keys_again_and_a_broken_file_changes_nothing(access, keys_file):
    assert is_accepted(access, "AKIAROOT") and not is_accepted(access, "AKIANEW")
    write(keys_file, [key("AKIANEW", user="new", policies=[allow("kinesis:List*")])])
    access.process.send_signal(signal.SIGHUP)
    wait_for(lambda: is_accepted(access, "AKIANEW"))
    assert not is_accepted(access, "AKIAROOT")

    for broken in ('{"credentials": [', '{"credentials": []}', '{"credentials": [{"user": "a"}]}'):
        logged = access.log.read_text().count("the access keys stay as they were")
        keys_file.write_text(broken)
        access.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda logged=logged: access.log.read_text().count("the access keys stay") > logged
        )
        assert is_accepted(access, "AKIANEW")
    keys_file.unlink()
    access.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "can't be read" in access.log.read_text())
    assert is_accepted(access, "AKIANEW")
    assert SECRET not in access.log.read_text()


def test_a_file_that_others_can_read_is_warned_of_and_a_broken_one_refused(own_server, keys_file):
    keys_file.chmod(0o644)
    server = own_server("--credentials-file", str(keys_file), "--ephemeral")
    assert f"chmod 600 {keys_file}" in server.log.read_text()
    keys_file.write_text(json.dumps({"credentials": [{"access_key": "A", "secret": SECRET}]}))
    with pytest.raises(RuntimeError, match="unknown key 'secret'") as caught:
        own_server("--credentials-file", str(keys_file), "--ephemeral")
    assert SECRET not in str(caught.value)


def admin_call(server, access_key=None):
    url = f"{server.endpoint}/_millstream/reset"
    headers = {}
    if access_key:
        request = AWSRequest("POST", url, data=b"{}")
        credentials = Credentials(access_key, SECRET + access_key)
        SigV4Auth(credentials, "kinesis", "us-east-1").add_auth(request)
        headers = dict(request.headers)
    request = urllib.request.Request(url, data=b"{}", headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_administration_is_for_administrators(access):
    assert admin_call(access)[0] == 400
    for user in ("AKIANOTHING", "AKIAREADER"):
        status, body = admin_call(access, user)
        assert status == 400 and "millstream:Admin" in body
    assert admin_call(access, "AKIAADMIN")[0] == 200
    assert admin_call(access, "AKIAROOT")[0] == 200


def test_a_delivery_is_no_way_around_a_policy(access):
    root = client(access, "AKIAROOT")
    root.create_stream(StreamName="s", ShardCount=1)
    source = {"KinesisStreamARN": arn("s"), "RoleARN": f"arn:aws:iam::{ONE}:role/r"}
    destination = {"RoleARN": source["RoleARN"], "BucketARN": "arn:aws:s3:::bucket"}
    error = refusal(
        client(access, "AKIADELIVERY", "firehose").create_delivery_stream,
        DeliveryStreamName="d",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration=source,
        S3DestinationConfiguration=destination,
    )
    action = "kinesis:GetRecords"
    assert error["Message"] == denied("delivery", action, arn("s"), no_identity(action))["Message"]
    client(access, "AKIADELIVERY", "firehose").create_delivery_stream(
        DeliveryStreamName="d", S3DestinationConfiguration=destination
    )


def test_sts_says_who_calls(access, server):
    def identity(of, access_key):
        answer = client(of, access_key, "sts").get_caller_identity()
        return answer["Account"], answer["Arn"], answer["UserId"]

    assert identity(access, "AKIAROOTTWO") == (TWO, f"arn:aws:iam::{TWO}:root", TWO)
    account, name, user_id = identity(access, "AKIANOTHING")  # needs no policy, as on AWS
    assert (account, name) == (ONE, f"arn:aws:iam::{ONE}:user/nothing")
    assert user_id.startswith("AIDA") and len(user_id) == 21
    assert identity(server, "333333333333")[0] == "333333333333"
    error = refusal(access.client("sts", access_key="AKIAROOT", secret="wrong").get_caller_identity)
    assert error["Code"] == "SignatureDoesNotMatch"
    error = refusal(access.client("sts", access_key="NOBODY").get_caller_identity)
    assert error["Code"] == "InvalidClientTokenId"
    error = refusal(client(access, "AKIAROOT", "sts").get_session_token)
    assert error["Code"] == "InvalidAction"
