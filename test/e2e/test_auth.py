"""Who may call: signatures by real clients, and the rules of hosts and origins."""

import datetime
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

KEYS = """
access_keys:
  - access_key: AKIAREADER
    secret_key: reader-secret
    account: "111111111111"
  - access_key: AKIAOTHER
    secret_key: other-secret
    account: "222222222222"
"""


@pytest.fixture
def keyed(own_server, tmp_path):
    config = tmp_path / "millstream.yaml"
    config.write_text(KEYS)
    return own_server("--config", str(config))


def post(server, headers, body=b"{}", url=None):
    request = urllib.request.Request(
        url or server.endpoint + "/", data=body, headers=headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def signed_headers(server, access_key, secret, body=b"{}", clock=None, signer=SigV4Auth):
    request = AWSRequest(
        "POST",
        server.endpoint + "/",
        data=body,
        headers={
            "X-Amz-Target": "Kinesis_20131202.ListStreams",
            "Content-Type": "application/x-amz-json-1.1",
            "Host": f"127.0.0.1:{server.port}",
        },
    )
    signer(Credentials(access_key, secret), "kinesis", "us-east-1").add_auth(request)
    return dict(request.headers), request.url


def test_known_keys_have_their_accounts(keyed):
    reader = keyed.client("kinesis", access_key="AKIAREADER", secret="reader-secret")
    other = keyed.client("kinesis", access_key="AKIAOTHER", secret="other-secret")
    reader.create_stream(StreamName="mine", ShardCount=1)
    arn = reader.describe_stream_summary(StreamName="mine")["StreamDescriptionSummary"]["StreamARN"]
    assert arn == "arn:aws:kinesis:us-east-1:111111111111:stream/mine"
    assert other.list_streams()["StreamNames"] == []


def test_unknown_keys_and_wrong_secrets_are_refused(keyed):
    with pytest.raises(ClientError) as caught:
        keyed.client("kinesis", access_key="AKIANOBODY", secret="x").list_streams()
    assert caught.value.response["Error"] == {
        "Code": "UnrecognizedClientException",
        "Message": "The security token included in the request is invalid.",
    }
    with pytest.raises(ClientError) as caught:
        keyed.client("kinesis", access_key="AKIAREADER", secret="wrong").list_streams()
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidSignatureException"
    assert error["Message"].startswith(
        "The request signature we calculated does not match the signature you provided."
    )


def test_tampering_with_body_or_headers_is_noticed(keyed):
    headers, _ = signed_headers(keyed, "AKIAREADER", "reader-secret")
    assert post(keyed, headers)[0] == 200
    status, body = post(keyed, headers, b'{"Limit":1}')
    assert status == 400 and "InvalidSignatureException" in body
    changed = {**headers, "X-Amz-Target": "Kinesis_20131202.DescribeLimits"}
    status, body = post(keyed, changed)
    assert status == 400 and "InvalidSignatureException" in body


def test_missing_and_incomplete_signatures_have_their_errors(keyed):
    plain = {
        "X-Amz-Target": "Kinesis_20131202.ListStreams",
        "Content-Type": "application/x-amz-json-1.1",
    }
    status, body = post(keyed, plain)
    assert status in (400, 403) and "MissingAuthenticationTokenException" in body
    status, body = post(keyed, {**plain, "Authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert status in (400, 403) and "IncompleteSignatureException" in body


def test_old_signatures_are_refused(keyed, monkeypatch):
    import botocore.auth
    import botocore.compat

    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=16)
    for module in (botocore.auth, botocore.compat):
        if hasattr(module, "get_current_datetime"):
            monkeypatch.setattr(module, "get_current_datetime", lambda *a, **k: past)
    headers, _ = signed_headers(keyed, "AKIAREADER", "reader-secret")
    status, body = post(keyed, headers)
    assert status == 400
    assert "InvalidSignatureException" in body and "Signature expired" in body


def test_presigned_requests_are_accepted(keyed):
    request = AWSRequest(
        "POST",
        keyed.endpoint + "/",
        data=b"{}",
        headers={
            "X-Amz-Target": "Kinesis_20131202.ListStreams",
            "Content-Type": "application/x-amz-json-1.1",
            "Host": f"127.0.0.1:{keyed.port}",
        },
    )
    credentials = Credentials("AKIAREADER", "reader-secret")
    SigV4QueryAuth(credentials, "kinesis", "us-east-1", expires=60).add_auth(request)
    # botocore moves the body into the query: what is signed is an empty one.
    status, body = post(keyed, dict(request.headers), b"", request.url)
    assert status == 200, body
    broken = request.url.replace("X-Amz-Signature=", "X-Amz-Signature=0")
    assert post(keyed, dict(request.headers), b"", broken)[0] in (400, 403)


def test_foreign_hosts_and_origins_are_refused_without_keys(server):
    headers, _ = signed_headers(server, "test", "test")
    assert post(server, headers)[0] == 200
    assert post(server, {**headers, "Host": "evil.example"})[0] == 403
    assert post(server, {**headers, "Origin": "http://evil.example"})[0] == 403


def test_other_addresses_need_keys(own_server):
    with pytest.raises(RuntimeError, match="(?s)access_keys|MILLSTREAM_AUTH"):
        own_server("--listen", "0.0.0.0:0")
