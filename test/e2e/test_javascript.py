"""The AWS SDK for JavaScript v3 against plain text and TLS."""

import subprocess
from pathlib import Path

from millstream_server import ROOT, Server

JS = ROOT / "test/js"


def run(endpoint, stream, **environment):
    import os

    result = subprocess.run(
        ["node", "kinesis.mjs", endpoint, stream],
        cwd=JS,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("ok ") == 9, result.stdout


def test_javascript_sdk_over_http2_in_plain_text(server, name):
    run(server.endpoint, name)


def test_javascript_sdk_over_tls(server: Server, name, tmp_path: Path):
    ca = subprocess.run(
        [server.binary, "cert", "--data", str(server.data)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (tmp_path / "ca.pem").write_text(ca)
    run(
        f"https://localhost:{server.port}",
        name,
        NODE_EXTRA_CA_CERTS=str(tmp_path / "ca.pem"),
    )


def test_javascript_sdk_signs_the_authority(own_server, tmp_path):
    config = tmp_path / "millstream.yaml"
    config.write_text("access_keys:\n  - access_key: test\n    secret_key: test\n")
    run(own_server("--config", str(config)).endpoint, "signed")
