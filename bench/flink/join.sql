CREATE TABLE sink_join (
  id BIGINT, other BIGINT, v INT, w INT
) WITH ('connector' = 'blackhole');

INSERT INTO sink_join
SELECT a.id, b.id AS other, a.v, b.v AS w
FROM (SELECT id, u, v FROM events WHERE MOD(id, 2) = 0) AS a
JOIN (SELECT id, u, v FROM events WHERE MOD(id, 2) = 1) AS b ON a.u = b.u;
