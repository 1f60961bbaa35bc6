CREATE TABLE sink_hop (
  c INT, window_end TIMESTAMP(3), n BIGINT, total BIGINT
) WITH ('connector' = 'blackhole');

INSERT INTO sink_hop
SELECT c, window_end, COUNT(*) AS n, SUM(CAST(v AS BIGINT)) AS total
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
GROUP BY c, window_start, window_end;
