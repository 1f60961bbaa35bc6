CREATE TABLE sink_filter (
  id BIGINT, k STRING, w INT
) WITH ('connector' = 'blackhole');

INSERT INTO sink_filter
SELECT id, k, v * 2 AS w FROM events WHERE v <> 107;
