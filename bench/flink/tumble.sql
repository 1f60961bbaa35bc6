CREATE TABLE sink_tumble (
  k STRING, window_end TIMESTAMP(3), n BIGINT, total BIGINT
) WITH ('connector' = 'blackhole');

INSERT INTO sink_tumble
SELECT k, window_end, COUNT(*) AS n, SUM(CAST(v AS BIGINT)) AS total
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY k, window_start, window_end;
