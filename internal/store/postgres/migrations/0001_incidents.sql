CREATE TABLE incidents (
	cluster    TEXT NOT NULL,
	id         TEXT NOT NULL,
	phase      TEXT NOT NULL,
	because    TEXT NOT NULL,
	routes     TEXT NOT NULL, -- JSON list
	requests   BIGINT NOT NULL,
	errors     BIGINT NOT NULL,
	statuses   TEXT NOT NULL, -- JSON list
	cause      TEXT NOT NULL,
	confidence DOUBLE PRECISION NOT NULL,
	object     JSON NOT NULL,
	summary    TEXT NOT NULL,
	started    TIMESTAMPTZ,
	opened     TIMESTAMPTZ,
	updated    TIMESTAMPTZ NOT NULL,
	closed     TIMESTAMPTZ,
	proposal   JSON,
	PRIMARY KEY (cluster, id)
);
CREATE INDEX incidents_opened ON incidents (opened);
CREATE INDEX incidents_updated ON incidents (cluster, updated);

CREATE TABLE incident_events (
	cluster  TEXT NOT NULL,
	incident TEXT NOT NULL,
	n        BIGINT NOT NULL,
	at       TIMESTAMPTZ,
	kind     TEXT NOT NULL,
	text     TEXT NOT NULL,
	PRIMARY KEY (cluster, incident, n),
	FOREIGN KEY (cluster, incident) REFERENCES incidents (cluster, id) ON DELETE CASCADE
);

CREATE TABLE incident_actions (
	cluster  TEXT NOT NULL,
	incident TEXT NOT NULL,
	n        BIGINT NOT NULL,
	at       TIMESTAMPTZ,
	action   TEXT NOT NULL,
	change   JSON NOT NULL, -- the object with former and new values
	result   TEXT NOT NULL,
	because  TEXT NOT NULL,
	PRIMARY KEY (cluster, incident, n),
	FOREIGN KEY (cluster, incident) REFERENCES incidents (cluster, id) ON DELETE CASCADE
);

CREATE TABLE incident_decisions (
	cluster  TEXT NOT NULL,
	incident TEXT NOT NULL,
	n        BIGINT NOT NULL,
	at       TIMESTAMPTZ,
	plan     TEXT NOT NULL,
	verdict  TEXT NOT NULL,
	who      TEXT NOT NULL,
	through  TEXT NOT NULL,
	because  TEXT NOT NULL,
	PRIMARY KEY (cluster, incident, n),
	FOREIGN KEY (cluster, incident) REFERENCES incidents (cluster, id) ON DELETE CASCADE
);
