CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE app_versions (
  app_id VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  content JSON NOT NULL,
  created_at VARCHAR NOT NULL,
  CONSTRAINT pk_app_versions PRIMARY KEY (app_id, version),
  CONSTRAINT fk_app_versions_app_id FOREIGN KEY(app_id) REFERENCES apps (id)
);
CREATE TABLE apps (
  id VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  slug VARCHAR NOT NULL,
  name TEXT NOT NULL,
  icon TEXT NOT NULL,
  opening TEXT NOT NULL,
  suggested_questions JSON NOT NULL,
  route JSON NOT NULL,
  draft JSON NOT NULL,
  draft_revision INTEGER NOT NULL,
  version INTEGER,
  created_at VARCHAR NOT NULL,
  CONSTRAINT pk_apps PRIMARY KEY (id),
  CONSTRAINT uq_apps_workspace_slug UNIQUE (workspace, slug)
);
CREATE TABLE batch_items (
  batch_id VARCHAR NOT NULL,
  document_id VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  CONSTRAINT pk_batch_items PRIMARY KEY (batch_id, document_id),
  CONSTRAINT fk_batch_items_batch_id FOREIGN KEY(batch_id) REFERENCES batches (id)
);
CREATE TABLE batches (
  id VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  dataset_id VARCHAR NOT NULL,
  mode VARCHAR NOT NULL,
  paused BOOLEAN NOT NULL,
  skipped INTEGER NOT NULL,
  created_at VARCHAR NOT NULL,
  CONSTRAINT pk_batches PRIMARY KEY (id),
  CONSTRAINT fk_batches_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id)
);
CREATE TABLE chunks (
  id VARCHAR NOT NULL,
  document_id VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  position INTEGER NOT NULL,
  spans JSON NOT NULL,
  text TEXT NOT NULL,
  heading TEXT NOT NULL,
  index_text TEXT NOT NULL,
  text_hash BLOB NOT NULL,
  passage INTEGER,
  CONSTRAINT pk_chunks PRIMARY KEY (id),
  CONSTRAINT fk_chunks_document_id FOREIGN KEY(document_id) REFERENCES documents (id)
);
CREATE TABLE conversations (
  id VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  app_id VARCHAR NOT NULL,
  name TEXT NOT NULL,
  end_user TEXT,
  variant VARCHAR,
  created_at VARCHAR NOT NULL,
  updated_at VARCHAR NOT NULL,
  CONSTRAINT pk_conversations PRIMARY KEY (id),
  CONSTRAINT fk_conversations_app_id FOREIGN KEY(app_id) REFERENCES apps (id)
);
CREATE TABLE datasets (
  id VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  processing JSON NOT NULL,
  embedder TEXT NOT NULL,
  generation INTEGER NOT NULL,
  created_at VARCHAR NOT NULL,
  CONSTRAINT pk_datasets PRIMARY KEY (id),
  CONSTRAINT uq_datasets_workspace_name UNIQUE (workspace, name)
);
CREATE TABLE document_versions (
  document_id VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  media_type VARCHAR NOT NULL,
  sha256 VARCHAR NOT NULL,
  size_bytes INTEGER NOT NULL,
  replaced_at VARCHAR NOT NULL,
  CONSTRAINT pk_document_versions PRIMARY KEY (document_id, version),
  CONSTRAINT fk_document_versions_document_id FOREIGN KEY(document_id) REFERENCES documents (id)
);
CREATE TABLE documents (
  id VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  dataset_id VARCHAR NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  live_version INTEGER,
  media_type VARCHAR NOT NULL,
  sha256 VARCHAR NOT NULL,
  size_bytes INTEGER NOT NULL,
  metadata JSON NOT NULL,
  encoding VARCHAR,
  status VARCHAR NOT NULL,
  error JSON,
  chunk_count INTEGER NOT NULL,
  receipt JSON,
  batch_id VARCHAR,
  created_at VARCHAR NOT NULL,
  updated_at VARCHAR NOT NULL,
  CONSTRAINT pk_documents PRIMARY KEY (id),
  CONSTRAINT fk_documents_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id),
  CONSTRAINT uq_documents_dataset_id_name UNIQUE (dataset_id, name)
);
CREATE TABLE embeddings (
  id INTEGER NOT NULL,
  text_hash BLOB NOT NULL,
  embedder TEXT NOT NULL,
  vector BLOB NOT NULL,
  CONSTRAINT pk_embeddings PRIMARY KEY (id),
  CONSTRAINT uq_embeddings_text_hash_embedder UNIQUE (text_hash, embedder)
);
CREATE TABLE idempotency (
  "key" VARCHAR NOT NULL,
  caller VARCHAR NOT NULL,
  fingerprint VARCHAR NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  created FLOAT NOT NULL,
  CONSTRAINT pk_idempotency PRIMARY KEY ("key", caller)
);
CREATE TABLE index_ops (
  seq INTEGER NOT NULL,
  kind VARCHAR NOT NULL,
  dataset_id VARCHAR NOT NULL,
  generation INTEGER NOT NULL,
  document_id VARCHAR,
  version INTEGER,
  chunk_count INTEGER NOT NULL,
  CONSTRAINT pk_index_ops PRIMARY KEY (seq)
);
CREATE TABLE jobs (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  document_id VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  batch_id VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  done INTEGER NOT NULL,
  status VARCHAR NOT NULL,
  attempts INTEGER NOT NULL,
  token INTEGER NOT NULL,
  lease_until FLOAT,
  CONSTRAINT fk_jobs_document_id FOREIGN KEY(document_id) REFERENCES documents (id),
  CONSTRAINT uq_jobs_document_id UNIQUE (document_id)
);
CREATE TABLE keys (
  id VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  kind VARCHAR NOT NULL,
  name TEXT NOT NULL,
  digest BLOB NOT NULL,
  dataset_ids JSON NOT NULL,
  app_id VARCHAR,
  created_at VARCHAR NOT NULL,
  revoked_at VARCHAR,
  CONSTRAINT pk_keys PRIMARY KEY (id)
);
CREATE TABLE marks (
  name VARCHAR NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT pk_marks PRIMARY KEY (name)
);
CREATE TABLE messages (
  id VARCHAR NOT NULL,
  conversation_id VARCHAR NOT NULL,
  run_id VARCHAR NOT NULL,
  app_id VARCHAR NOT NULL,
  app_slug VARCHAR NOT NULL,
  app_version INTEGER NOT NULL,
  "query" TEXT NOT NULL,
  answer TEXT NOT NULL,
  status VARCHAR NOT NULL,
  finish_reason VARCHAR,
  grounded INTEGER,
  route JSON NOT NULL,
  sources JSON NOT NULL,
  citations JSON NOT NULL,
  usage JSON NOT NULL,
  timings_ms JSON NOT NULL,
  error JSON,
  created_at VARCHAR NOT NULL,
  CONSTRAINT pk_messages PRIMARY KEY (id),
  CONSTRAINT fk_messages_conversation_id FOREIGN KEY(conversation_id) REFERENCES conversations (id),
  CONSTRAINT uq_messages_run_id UNIQUE (run_id)
);
CREATE TABLE models (
  name VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  content JSON NOT NULL,
  api_key_sealed BLOB,
  created_at VARCHAR NOT NULL,
  CONSTRAINT pk_models PRIMARY KEY (name, workspace)
);
CREATE TABLE pages (
  document_id VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  CONSTRAINT pk_pages PRIMARY KEY (document_id, version, number),
  CONSTRAINT fk_pages_document_id FOREIGN KEY(document_id) REFERENCES documents (id)
);
CREATE TABLE passages (
  document_id VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  position INTEGER NOT NULL,
  spans JSON NOT NULL,
  text TEXT NOT NULL,
  index_text TEXT NOT NULL,
  CONSTRAINT pk_passages PRIMARY KEY (document_id, version, generation, position),
  CONSTRAINT fk_passages_document_id FOREIGN KEY(document_id) REFERENCES documents (id)
);
CREATE TABLE uploads (
  id VARCHAR NOT NULL,
  workspace VARCHAR NOT NULL,
  dataset_id VARCHAR NOT NULL,
  name TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  options JSON NOT NULL,
  batch_id VARCHAR,
  document_id VARCHAR,
  expires FLOAT NOT NULL,
  created_at VARCHAR NOT NULL,
  CONSTRAINT pk_uploads PRIMARY KEY (id),
  CONSTRAINT fk_uploads_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id)
);
CREATE INDEX ix_conversations_app_id ON conversations (app_id);
CREATE INDEX ix_documents_dataset_id_status ON documents (dataset_id, status);
CREATE INDEX ix_documents_sha256 ON documents (sha256);
CREATE INDEX ix_document_versions_sha256 ON document_versions (sha256);
CREATE INDEX ix_chunks_document_id_version_generation_position ON chunks (document_id, version, generation, position);
CREATE INDEX ix_chunks_text_hash ON chunks (text_hash);
CREATE INDEX ix_jobs_batch_id ON jobs (batch_id);
CREATE INDEX ix_jobs_status_id ON jobs (status, id);
CREATE INDEX ix_messages_conversation_id ON messages (conversation_id);
DELETE FROM "sqlite_sequence";
