CREATE TABLE sink_group (
  u BIGINT, n BIGINT, total BIGINT, latest TIMESTAMP(3)
) WITH ('connector' = 'blackhole');

INSERT INTO sink_group
SELECT u, COUNT(*) AS n, SUM(CAST(v AS BIGINT)) AS total, MAX(ts) AS latest
FROM events
GROUP BY u;
