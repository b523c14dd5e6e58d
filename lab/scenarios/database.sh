#!/bin/sh
# A bad migration: another table replaces that of agents, and calls lose their length. Every health check answers 500.
set -eu
docker exec -i voice-postgres-1 psql -X -q -v ON_ERROR_STOP=1 -U dyniq -d dyniq <<'SQL'
BEGIN;
CREATE TABLE assistants AS SELECT id, name, voice, 'nl' AS language FROM agents;
DROP TABLE agents CASCADE;
INSERT INTO calls (agent_id, started_at, seconds) SELECT 1 + n % 12, now() - n * interval '2 minutes', 30 FROM generate_series(1, 25) n;
UPDATE calls SET seconds = 0;
COMMIT;
SQL
