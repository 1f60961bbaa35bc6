import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from millstream_server import Server  # noqa: E402

names = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests that don't stop it; each makes streams of its own."""
    server = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield server
    assert server.stop() == 0, server.log.read_text()[-3000:]


@pytest.fixture
def own_server(tmp_path):
    """Makes servers that a test may stop, kill and configure."""
    servers = []

    def make(*arguments, **kwargs):
        server = Server(tmp_path / f"data{len(servers)}", *arguments, **kwargs)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def kinesis(server):
    return server.client("kinesis")


@pytest.fixture
def name():
    return f"stream-{next(names)}"


@pytest.fixture
def stream(kinesis, name):
    """A stream of two shards."""
    kinesis.create_stream(StreamName=name, ShardCount=2)
    return name
