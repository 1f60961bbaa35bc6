"""aws-kcl: a record processor in JavaScript, run by the MultiLangDaemon of the KCL 2.7."""

from lease_sharing import two_workers
from support import BUILD, CLIENTS, Program, main

PROPERTIES = """\
executableName = {processor}
streamName = {stream}
applicationName = {stream}-multilang
workerId = {worker}
AWSCredentialsProvider = DefaultCredentialsProvider
regionName = us-east-1
initialPositionInStream = TRIM_HORIZON
retrievalMode = POLLING
idleTimeBetweenReadsInMillis = 250
failoverTimeMillis = 4000
shardSyncIntervalMillis = 2000
parentShardPollIntervalMillis = 500
"""


def daemon(name, server, stream, worker, received, processor, environment=None):
    """A worker that runs `processor`, with the jars of aws-kcl."""
    path = BUILD / name / f"{worker}.properties"
    path.write_text(PROPERTIES.format(processor=processor, stream=stream, worker=worker))
    command = [
        "java",
        "-Xmx512m",
        "-cp",
        f"{BUILD / 'multilang' / 'lib'}/*",
        "software.amazon.kinesis.multilang.MultiLangDaemon",
        "--properties-file",
        path,
    ]
    # The endpoint of Kinesis, DynamoDB and CloudWatch at once, as any AWS SDK takes it.
    common = {"AWS_ENDPOINT_URL": server.endpoint, "RECEIVED": str(received.path)}
    return Program(name, worker, command, common | (environment or {}))


def polling():
    processor = f"node {CLIENTS / 'multilang' / 'processor.js'}"

    def start(server, stream, worker, received):
        return daemon("multilang", server, stream, worker, received, processor)

    return two_workers("multilang", "polling", start)


if __name__ == "__main__":
    main({"polling": polling})
