-- Times are microseconds since 1970, UTC: datetime(opened / 1000000, 'unixepoch').
CREATE TABLE incidents (
	cluster    TEXT NOT NULL,
	id         TEXT NOT NULL,
	phase      TEXT NOT NULL,
	because    TEXT NOT NULL,
	routes     TEXT NOT NULL, -- JSON list
	requests   INTEGER NOT NULL,
	errors     INTEGER NOT NULL,
	statuses   TEXT NOT NULL, -- JSON list
	cause      TEXT NOT NULL,
	confidence REAL NOT NULL,
	object     TEXT NOT NULL, -- JSON
	summary    TEXT NOT NULL,
	started    INTEGER,
	opened     INTEGER,
	updated    INTEGER NOT NULL,
	closed     INTEGER,
	proposal   TEXT,          -- JSON
	PRIMARY KEY (cluster, id)
) WITHOUT ROWID;
CREATE INDEX incidents_opened ON incidents (opened);
CREATE INDEX incidents_updated ON incidents (cluster, updated);

CREATE TABLE incident_events (
	cluster  TEXT NOT NULL,
	incident TEXT NOT NULL,
	n        INTEGER NOT NULL,
	at       INTEGER,
	kind     TEXT NOT NULL,
	text     TEXT NOT NULL,
	PRIMARY KEY (cluster, incident, n),
	FOREIGN KEY (cluster, incident) REFERENCES incidents (cluster, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE incident_actions (
	cluster  TEXT NOT NULL,
	incident TEXT NOT NULL,
	n        INTEGER NOT NULL,
	at       INTEGER,
	action   TEXT NOT NULL,
	change   TEXT NOT NULL, -- JSON: the object with former and new values
	result   TEXT NOT NULL,
	because  TEXT NOT NULL,
	PRIMARY KEY (cluster, incident, n),
	FOREIGN KEY (cluster, incident) REFERENCES incidents (cluster, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE incident_decisions (
	cluster  TEXT NOT NULL,
	incident TEXT NOT NULL,
	n        INTEGER NOT NULL,
	at       INTEGER,
	plan     TEXT NOT NULL,
	verdict  TEXT NOT NULL,
	who      TEXT NOT NULL,
	through  TEXT NOT NULL,
	because  TEXT NOT NULL,
	PRIMARY KEY (cluster, incident, n),
	FOREIGN KEY (cluster, incident) REFERENCES incidents (cluster, id) ON DELETE CASCADE
) WITHOUT ROWID;
