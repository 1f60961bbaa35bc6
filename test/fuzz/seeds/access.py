"""Signatures and policies."""

import hashlib
import hmac
import json

from .common import with_first, write


def signatures() -> None:
    def sign(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    def signed(service: str, body: str) -> str:
        scope = f"20251124/us-east-1/{service}/aws4_request"
        canonical = "\n".join(
            ["POST", "/", "", "host:h", "x-amz-date:20251124T160000Z", "", "host;x-amz-date"]
            + [hashlib.sha256(body.encode()).hexdigest()]
        )
        to_sign = "\n".join(
            ["AWS4-HMAC-SHA256", "20251124T160000Z", scope]
            + [hashlib.sha256(canonical.encode()).hexdigest()]
        )
        key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        for part in ("20251124", "us-east-1", service, "aws4_request"):
            key = sign(key, part)
        return (
            "POST /\nHost: h\nX-Amz-Date: 20251124T160000Z\nAuthorization: AWS4-HMAC-SHA256 "
            f"Credential=AKIAEXAMPLE/{scope}, SignedHeaders=host;x-amz-date, "
            f"Signature={sign(key, to_sign).hex()}\n\n{body}"
        )

    presigned = (
        "GET /bucket/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20251124"
        "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20251124T160000Z&X-Amz-Expires=60"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature=00\nHost: h\n\n"
    )
    texts = {
        "signed": signed("kinesis", "{}"),
        "presigned": presigned,
        "paths": "GET /a/./b/../c//d%2Fe/%?b=2&a=1&a=%20+x&c\n"
        "X-Signed: host;a\nA:  b   c \nA: d\n\n",
        "no-parts": "POST /\nAuthorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=\n\n",
        "other": "POST /\nAuthorization: Basic YTpi\nDate: Mon, 24 Nov 2025 16:00:00 GMT\n\n",
        "token": "POST /\nX-Amz-Security-Token: t\n"
        "X-Amz-Target: Kinesis_20131202.PutRecord\n\nbody",
        "slashes": "POST /\nAuthorization: AWS4-HMAC-SHA256 Credential=////////, "
        "SignedHeaders=;;;, Signature=a\nX-Amz-Date: 20251124T160000Z\n\n",
    }
    write("signature_fuzz", with_first(0, texts))
    write("signature_fuzz", with_first(1, {f"s3-{n}": t for n, t in texts.items()}))
    write("signature_fuzz", with_first(1, {"s3-signed": signed("s3", "x")}))


def policies() -> None:
    statement = {"Effect": "Allow", "Action": "kinesis:*", "Resource": "*"}
    documents = {
        "allow": {"Version": "2012-10-17", "Statement": statement},
        "deny": {
            "Statement": [{**statement, "Effect": "Deny", "Action": ["kinesis:Put*", "*:?et"]}]
        },
        "not": {"Statement": {"Effect": "Deny", "NotAction": "sts:*", "NotResource": ["arn:*"]}},
        "conditions": {
            "Statement": {
                **statement,
                "Condition": {
                    "Bool": {"aws:SecureTransport": "false"},
                    "IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]},
                    "DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
                    "StringLikeIfExists": {"aws:username": "a*"},
                    "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/b"},
                    "Null": {"aws:username": "true"},
                    "StringEqualsIgnoreCase": {"aws:PrincipalAccount": "111111111111"},
                },
            }
        },
    }
    resource = {
        "principals": {
            "Statement": [
                {**statement, "Principal": {"AWS": ["111111111111", "arn:aws:iam::1:user/a"]}},
                {**statement, "Effect": "Deny", "NotPrincipal": {"AWS": "*"}},
                {**statement, "Principal": "*"},
            ]
        }
    }
    write("policy_fuzz", with_first(0, {n: json.dumps(d) for n, d in documents.items()}))
    write("policy_fuzz", with_first(2, {n: json.dumps(d) for n, d in resource.items()}))
    wildcards = {
        "stars": b"*a*b?\0xxaybz",
        "arn": b"arn:aws:*::*:user/*\0arn:aws:iam::1:user/a",
        "empty": b"**\0",
        "long": b"*a*a*a*a*b\0" + b"a" * 60,
    }
    write("policy_fuzz", with_first(1, wildcards))


def make() -> None:
    signatures()
    policies()
