-- Delays of departures per airport and hour, as a continuous query.

CREATE TABLE flights (
  `date` TIMESTAMP(3),
  delay INT,
  origin STRING,
  looked_up AS PROCTIME(),
  WATERMARK FOR `date` AS `date` - INTERVAL '1' MINUTE
) WITH (
  'connector' = 'kinesis', 'stream' = 'flights', 'scan.stream.initpos' = 'TRIM_HORIZON',
  'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
);

-- Reference data: a file in the lake. Its first line, the heading, is no airport.
CREATE TABLE airports (
  iata STRING, name STRING, city STRING, state STRING, country STRING,
  latitude DOUBLE, longitude DOUBLE
) WITH (
  'connector' = 'filesystem', 'path' = 'lake://flight-lake/reference/airports.csv',
  'format' = 'csv', 'csv.ignore-parse-errors' = 'true'
);

CREATE TABLE delays (
  hour_start TIMESTAMP(3), origin STRING, airport STRING, flights BIGINT, late BIGINT,
  mean_delay DOUBLE, worst_delay INT
) WITH ('connector' = 'kinesis', 'stream' = 'delays', 'format' = 'json');

CREATE VIEW departures AS
SELECT f.`date`, f.delay, f.origin, a.name AS airport
FROM flights AS f
LEFT JOIN airports FOR SYSTEM_TIME AS OF f.looked_up AS a ON f.origin = a.iata;

INSERT INTO delays
SELECT window_start, origin, airport, COUNT(*), COUNT(*) FILTER (WHERE delay > 15),
       AVG(CAST(delay AS DOUBLE)), MAX(delay)
FROM TABLE(TUMBLE(TABLE departures, DESCRIPTOR(`date`), INTERVAL '1' HOUR))
GROUP BY window_start, window_end, origin, airport;
