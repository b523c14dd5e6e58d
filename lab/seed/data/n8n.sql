CREATE TABLE workflow_entity (id serial PRIMARY KEY, name text NOT NULL, active boolean NOT NULL, "updatedAt" timestamptz NOT NULL);
CREATE TABLE execution_entity (
    id bigserial PRIMARY KEY,
    "workflowId" integer NOT NULL REFERENCES workflow_entity,
    status text NOT NULL,
    "startedAt" timestamptz NOT NULL
);
INSERT INTO workflow_entity (name, active, "updatedAt")
    SELECT 'workflow ' || n, n % 2 = 0, now() - interval '3 days' - n * interval '1 hour' FROM generate_series(1, 20) n;
INSERT INTO execution_entity ("workflowId", status, "startedAt")
    SELECT 1 + n % 20, 'success', now() - interval '3 days' - n * interval '9 minutes' FROM generate_series(1, 1000) n;
