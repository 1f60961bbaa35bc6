"""Configuration and credentials files, values of settings."""

from .common import with_first, write


def files_and_values() -> None:
    files = {
        "settings": "listen: [127.0.0.1:4567, '[::1]:80']\n"
        "http:\n  max_body: 1MiB\nregion: eu-west-1\n"
        "streams:\n- {name: a, shards: 2}\n- b:3:us-east-1\n"
        "access_keys:\n- {access_key: A, secret_key: s}\n",
        "limits": "shard_limits: {records_per_second: 10, bytes_per_second: 1KB}\nlog: json\n",
        "unknown": "lisen: x\n",
        "twice": "region: a\nregion: b\n",
        "alias": "a: &a [1, 2]\nlisten: *a\n",
        "merge": "x: &x {region: a}\n<<: *x\n",
        "cut": "listen: [a, {b",
        "empty": "",
    }
    write("config_fuzz", with_first(0, files))
    keys = {
        "keys": "credentials:\n- {access_key: A, secret_key: s, account: '111111111111'}\n"
        "- access_key: B\n"
        "  secret_key: t\n  user: ann\n  policies:\n"
        "  - Statement: {Effect: Allow, Action: '*', Resource: '*'}\n"
        "  - '{\"Statement\": []}'\n",
        "keys-json": '{"credentials":[{"access_key":"A","secret_key":"s","session_token":"t"}]}',
        "keys-alias": "credentials:\n"
        "- &a {access_key: A, secret_key: s, user: a, policies: [*a]}\n",
        "keys-bad": "credentials:\n- {access_key: A, acces: 1}\n",
    }
    write("config_fuzz", with_first(1, keys))
    values = [
        "64MiB",
        "1.5GiB",
        "18446744073709551615",
        "250ms",
        "2h",
        "true",
        "off",
        "127.0.0.1:1",
    ]
    for i, value in enumerate(values):
        for place in (2, 32, 62, 92):
            write("config_fuzz", with_first(place + 3 * i, {f"value-{i}-{place}": value}))


def make() -> None:
    files_and_values()
