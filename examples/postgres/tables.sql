CREATE TABLE IF NOT EXISTS connect_auth_ledger (
  key        text COLLATE "C" PRIMARY KEY,
  record     text NOT NULL,
  version    text NOT NULL,
  expires_ms double precision NOT NULL
);
CREATE INDEX IF NOT EXISTS connect_auth_ledger_expires_ms ON connect_auth_ledger (expires_ms);

CREATE TABLE IF NOT EXISTS connect_auth_connections (
  owner   text COLLATE "C" PRIMARY KEY,
  record  text NOT NULL,
  version text NOT NULL
);
