CREATE TABLE agents (id serial PRIMARY KEY, name text NOT NULL UNIQUE, voice text NOT NULL);
CREATE TABLE calls (
    id bigserial PRIMARY KEY,
    agent_id integer NOT NULL REFERENCES agents,
    started_at timestamptz NOT NULL,
    seconds integer NOT NULL CHECK (seconds >= 0)
);
CREATE INDEX calls_started_at ON calls (started_at);
CREATE TABLE events (at timestamptz NOT NULL, kind text NOT NULL, detail jsonb);  -- keyless on purpose
INSERT INTO agents (name, voice) SELECT 'agent-' || n, (ARRAY['alto', 'tenor', 'bass'])[1 + n % 3] FROM generate_series(1, 12) n;
INSERT INTO calls (agent_id, started_at, seconds)
    SELECT 1 + n % 12, now() - interval '3 days' - n * interval '7 minutes', 20 + n % 400 FROM generate_series(1, 2000) n;
INSERT INTO events SELECT now() - interval '3 days' - n * interval '5 minutes', 'call', jsonb_build_object('n', n)
    FROM generate_series(1, 500) n;
