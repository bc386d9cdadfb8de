CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.annotations (
    id character varying NOT NULL COLLATE pg_catalog."C",
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    question character varying NOT NULL COLLATE pg_catalog."C",
    answer character varying NOT NULL COLLATE pg_catalog."C",
    message_id character varying COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    wording character varying NOT NULL COLLATE pg_catalog."C",
    embedder character varying COLLATE pg_catalog."C",
    vector bytea
);
CREATE TABLE public.app_access (
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    origins json NOT NULL,
    limits json NOT NULL
);
CREATE TABLE public.app_versions (
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    datasets json,
    content json NOT NULL
);
CREATE TABLE public.apps (
    id character varying NOT NULL COLLATE pg_catalog."C",
    slug character varying NOT NULL COLLATE pg_catalog."C",
    name character varying NOT NULL COLLATE pg_catalog."C",
    icon character varying NOT NULL COLLATE pg_catalog."C",
    opening character varying NOT NULL COLLATE pg_catalog."C",
    suggested_questions json NOT NULL,
    route json NOT NULL,
    version bigint,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    annotation_score double precision,
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    draft json NOT NULL,
    draft_revision bigint NOT NULL
);
CREATE TABLE public.batch_items (
    batch_id character varying NOT NULL COLLATE pg_catalog."C",
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    note json
);
CREATE TABLE public.batches (
    id character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    dataset_id character varying NOT NULL COLLATE pg_catalog."C",
    mode character varying NOT NULL COLLATE pg_catalog."C",
    paused boolean NOT NULL,
    skipped bigint NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    key_id character varying COLLATE pg_catalog."C"
);
CREATE TABLE public.budgets (
    of character varying NOT NULL COLLATE pg_catalog."C",
    id character varying NOT NULL COLLATE pg_catalog."C",
    unit character varying NOT NULL COLLATE pg_catalog."C",
    period character varying NOT NULL COLLATE pg_catalog."C",
    amount double precision NOT NULL
);
CREATE TABLE public.chunks (
    id character varying NOT NULL COLLATE pg_catalog."C",
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    generation bigint NOT NULL,
    "position" bigint NOT NULL,
    spans json NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C",
    heading text NOT NULL COLLATE pg_catalog."C",
    index_text text NOT NULL COLLATE pg_catalog."C",
    text_hash bytea NOT NULL,
    passage bigint,
    enabled boolean
);
CREATE TABLE public.conversations (
    id character varying NOT NULL COLLATE pg_catalog."C",
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    name character varying NOT NULL COLLATE pg_catalog."C",
    end_user character varying COLLATE pg_catalog."C",
    variant character varying COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    updated_at character varying NOT NULL COLLATE pg_catalog."C",
    replay_of character varying COLLATE pg_catalog."C",
    external_id character varying COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.datasets (
    id character varying NOT NULL COLLATE pg_catalog."C",
    name character varying NOT NULL COLLATE pg_catalog."C",
    description character varying NOT NULL COLLATE pg_catalog."C",
    processing json NOT NULL,
    embedder character varying NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    model character varying COLLATE pg_catalog."C",
    quota json,
    metadata json,
    expires_after_days bigint,
    active_at character varying COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.deliveries (
    id character varying NOT NULL COLLATE pg_catalog."C",
    webhook_id character varying NOT NULL COLLATE pg_catalog."C",
    event character varying NOT NULL COLLATE pg_catalog."C",
    data json NOT NULL,
    status character varying NOT NULL COLLATE pg_catalog."C",
    attempts bigint NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    next_attempt_at character varying COLLATE pg_catalog."C",
    response_status bigint,
    response character varying COLLATE pg_catalog."C",
    error character varying COLLATE pg_catalog."C",
    duration_ms double precision,
    subject character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.disclosures (
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    prompt character varying NOT NULL COLLATE pg_catalog."C",
    reader character varying NOT NULL COLLATE pg_catalog."C",
    intervals json NOT NULL,
    updated_at character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.document_versions (
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    media_type character varying NOT NULL COLLATE pg_catalog."C",
    sha256 character varying NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    replaced_at character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.documents (
    id character varying NOT NULL COLLATE pg_catalog."C",
    dataset_id character varying NOT NULL COLLATE pg_catalog."C",
    name character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    live_version bigint,
    media_type character varying NOT NULL COLLATE pg_catalog."C",
    sha256 character varying NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    metadata json NOT NULL,
    status character varying NOT NULL COLLATE pg_catalog."C",
    error json,
    chunk_count bigint NOT NULL,
    receipt json,
    batch_id character varying COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    updated_at character varying NOT NULL COLLATE pg_catalog."C",
    file_id character varying COLLATE pg_catalog."C",
    enabled boolean,
    valid_from character varying COLLATE pg_catalog."C",
    valid_until character varying COLLATE pg_catalog."C",
    labels json,
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    encoding character varying COLLATE pg_catalog."C",
    key_id character varying COLLATE pg_catalog."C"
);
CREATE TABLE public.embeddings (
    id bigint NOT NULL,
    text_hash bytea NOT NULL,
    embedder text NOT NULL COLLATE pg_catalog."C",
    vector bytea NOT NULL,
    owner character varying COLLATE pg_catalog."C"
);
ALTER TABLE public.embeddings ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.embeddings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.erasures (
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    dataset_id character varying NOT NULL COLLATE pg_catalog."C",
    deleted_at character varying NOT NULL COLLATE pg_catalog."C",
    not_before double precision NOT NULL,
    originals json NOT NULL,
    samples bytea,
    erased_at character varying COLLATE pg_catalog."C",
    checks json
);
CREATE TABLE public.feedback (
    message_id character varying NOT NULL COLLATE pg_catalog."C",
    source character varying NOT NULL COLLATE pg_catalog."C",
    rating character varying COLLATE pg_catalog."C",
    text character varying NOT NULL COLLATE pg_catalog."C",
    better_answer character varying NOT NULL COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    updated_at character varying NOT NULL COLLATE pg_catalog."C",
    app_id character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.files (
    id character varying NOT NULL COLLATE pg_catalog."C",
    name character varying NOT NULL COLLATE pg_catalog."C",
    purpose character varying NOT NULL COLLATE pg_catalog."C",
    sha256 character varying NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    key_id character varying COLLATE pg_catalog."C",
    expires double precision,
    workspace character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.generation_documents (
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    version bigint NOT NULL,
    error json,
    chunk_count bigint NOT NULL,
    receipt json
);
CREATE TABLE public.generations (
    dataset_id character varying NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    processing json NOT NULL,
    embedder character varying NOT NULL COLLATE pg_catalog."C",
    model character varying COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    ready_at character varying COLLATE pg_catalog."C",
    live_at character varying COLLATE pg_catalog."C",
    retired_at character varying COLLATE pg_catalog."C",
    removed_at character varying COLLATE pg_catalog."C"
);
CREATE TABLE public.idempotency (
    key character varying NOT NULL COLLATE pg_catalog."C",
    caller character varying NOT NULL COLLATE pg_catalog."C",
    fingerprint character varying NOT NULL COLLATE pg_catalog."C",
    status bigint NOT NULL,
    body text NOT NULL COLLATE pg_catalog."C",
    created double precision NOT NULL
);
CREATE TABLE public.index_ops (
    seq bigint NOT NULL,
    kind character varying NOT NULL COLLATE pg_catalog."C",
    dataset_id character varying NOT NULL COLLATE pg_catalog."C",
    generation bigint NOT NULL,
    document_id character varying COLLATE pg_catalog."C",
    version bigint,
    chunk_count bigint NOT NULL,
    texts bytea
);
ALTER TABLE public.index_ops ALTER COLUMN seq ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.index_ops_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.keys (
    id character varying NOT NULL COLLATE pg_catalog."C",
    kind character varying NOT NULL COLLATE pg_catalog."C",
    name character varying NOT NULL COLLATE pg_catalog."C",
    dataset_ids json NOT NULL,
    app_id character varying COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    revoked_at character varying COLLATE pg_catalog."C",
    origins json,
    limits json,
    expires_at character varying COLLATE pg_catalog."C",
    previous_until character varying COLLATE pg_catalog."C",
    quota json,
    labels json,
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    previous_digest bytea
);
CREATE TABLE public.layouts (
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    blocks json NOT NULL
);
CREATE TABLE public.marks (
    name character varying NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.messages (
    id character varying NOT NULL COLLATE pg_catalog."C",
    conversation_id character varying NOT NULL COLLATE pg_catalog."C",
    run_id character varying NOT NULL COLLATE pg_catalog."C",
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    app_slug character varying NOT NULL COLLATE pg_catalog."C",
    app_version bigint NOT NULL,
    query character varying NOT NULL COLLATE pg_catalog."C",
    answer character varying NOT NULL COLLATE pg_catalog."C",
    status character varying NOT NULL COLLATE pg_catalog."C",
    finish_reason character varying COLLATE pg_catalog."C",
    grounded bigint,
    route json NOT NULL,
    sources json NOT NULL,
    citations json NOT NULL,
    usage json NOT NULL,
    timings_ms json NOT NULL,
    error json,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    search_query character varying COLLATE pg_catalog."C",
    inputs json,
    replay_of character varying COLLATE pg_catalog."C",
    cost double precision,
    currency character varying COLLATE pg_catalog."C",
    unsupported json,
    annotation_id character varying COLLATE pg_catalog."C",
    annotation_score double precision,
    review json,
    suggested json
);
CREATE TABLE public.models (
    name character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    content json NOT NULL,
    api_key_sealed bytea,
    created_at character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.pages (
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    number bigint NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.passages (
    document_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    generation bigint NOT NULL,
    "position" bigint NOT NULL,
    spans json NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C",
    index_text text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.queue (
    id bigint NOT NULL,
    kind character varying NOT NULL COLLATE pg_catalog."C",
    subject character varying NOT NULL COLLATE pg_catalog."C",
    payload json NOT NULL,
    batch_id character varying NOT NULL COLLATE pg_catalog."C",
    attempts bigint NOT NULL,
    token bigint NOT NULL,
    run_after double precision NOT NULL,
    owner character varying COLLATE pg_catalog."C",
    lease_until double precision,
    progress double precision
);
ALTER TABLE public.queue ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.queue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.rollouts (
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    stage character varying NOT NULL COLLATE pg_catalog."C",
    percent bigint NOT NULL,
    plan json NOT NULL,
    began_at character varying NOT NULL COLLATE pg_catalog."C",
    step_began_at character varying NOT NULL COLLATE pg_catalog."C",
    events json
);
CREATE TABLE public.sessions (
    digest bytea NOT NULL,
    expires double precision NOT NULL
);
CREATE TABLE public.throughput (
    batch_id character varying NOT NULL COLLATE pg_catalog."C",
    second bigint NOT NULL,
    size_bytes double precision NOT NULL
);
CREATE TABLE public.training_set_versions (
    set_id character varying NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    file_id character varying NOT NULL COLLATE pg_catalog."C",
    sha256 character varying NOT NULL COLLATE pg_catalog."C",
    rows bigint NOT NULL,
    splits json NOT NULL,
    note character varying NOT NULL COLLATE pg_catalog."C",
    report json NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.training_sets (
    id character varying NOT NULL COLLATE pg_catalog."C",
    name character varying NOT NULL COLLATE pg_catalog."C",
    description character varying NOT NULL COLLATE pg_catalog."C",
    versions bigint NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.tuned_models (
    name character varying NOT NULL COLLATE pg_catalog."C",
    job_id character varying NOT NULL COLLATE pg_catalog."C",
    base character varying NOT NULL COLLATE pg_catalog."C",
    parent character varying COLLATE pg_catalog."C",
    task character varying NOT NULL COLLATE pg_catalog."C",
    training_sha256 character varying NOT NULL COLLATE pg_catalog."C",
    template_hash character varying NOT NULL COLLATE pg_catalog."C",
    separator character varying NOT NULL COLLATE pg_catalog."C",
    stop json NOT NULL,
    folder character varying COLLATE pg_catalog."C",
    remote_model character varying COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.tuning_events (
    job_id character varying NOT NULL COLLATE pg_catalog."C",
    seq bigint NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    level character varying NOT NULL COLLATE pg_catalog."C",
    kind character varying NOT NULL COLLATE pg_catalog."C",
    message character varying NOT NULL COLLATE pg_catalog."C",
    data json NOT NULL
);
CREATE TABLE public.tuning_jobs (
    id character varying NOT NULL COLLATE pg_catalog."C",
    backend character varying NOT NULL COLLATE pg_catalog."C",
    model character varying NOT NULL COLLATE pg_catalog."C",
    task character varying NOT NULL COLLATE pg_catalog."C",
    method character varying NOT NULL COLLATE pg_catalog."C",
    training_file character varying NOT NULL COLLATE pg_catalog."C",
    validation_file character varying COLLATE pg_catalog."C",
    suffix character varying COLLATE pg_catalog."C",
    seed bigint NOT NULL,
    hyperparameters json NOT NULL,
    status character varying NOT NULL COLLATE pg_catalog."C",
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    started_at character varying COLLATE pg_catalog."C",
    finished_at character varying COLLATE pg_catalog."C",
    trained_tokens bigint,
    fine_tuned_model character varying COLLATE pg_catalog."C",
    result_files json,
    error json,
    metadata json,
    diagnosis json,
    remote_id character varying COLLATE pg_catalog."C",
    key_id character varying COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.uploads (
    id character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    dataset_id character varying COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    options json NOT NULL,
    batch_id character varying COLLATE pg_catalog."C",
    document_id character varying COLLATE pg_catalog."C",
    expires double precision NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    key_id character varying COLLATE pg_catalog."C"
);
CREATE TABLE public.usage (
    day character varying NOT NULL COLLATE pg_catalog."C",
    key_id character varying NOT NULL COLLATE pg_catalog."C",
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    model character varying NOT NULL COLLATE pg_catalog."C",
    variant character varying NOT NULL COLLATE pg_catalog."C",
    currency character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    answers bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost double precision NOT NULL,
    estimated_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL
);
CREATE TABLE public.user_usage (
    app_id character varying NOT NULL COLLATE pg_catalog."C",
    end_user character varying NOT NULL COLLATE pg_catalog."C",
    day character varying NOT NULL COLLATE pg_catalog."C",
    currency character varying NOT NULL COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    answers bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost double precision NOT NULL,
    estimated_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL
);
CREATE TABLE public.webhooks (
    id character varying NOT NULL COLLATE pg_catalog."C",
    url character varying NOT NULL COLLATE pg_catalog."C",
    events json NOT NULL,
    dataset_ids json NOT NULL,
    active boolean NOT NULL,
    created_at character varying NOT NULL COLLATE pg_catalog."C",
    failures bigint NOT NULL,
    failing_since character varying COLLATE pg_catalog."C",
    switched_off_at character varying COLLATE pg_catalog."C",
    previous_until character varying COLLATE pg_catalog."C",
    workspace character varying NOT NULL COLLATE pg_catalog."C",
    secret_sealed bytea NOT NULL,
    previous_sealed bytea
);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT pk_alembic_version PRIMARY KEY (version_num);
ALTER TABLE ONLY public.annotations
    ADD CONSTRAINT pk_annotations PRIMARY KEY (id);
ALTER TABLE ONLY public.app_access
    ADD CONSTRAINT pk_app_access PRIMARY KEY (app_id);
ALTER TABLE ONLY public.app_versions
    ADD CONSTRAINT pk_app_versions PRIMARY KEY (app_id, version);
ALTER TABLE ONLY public.apps
    ADD CONSTRAINT pk_apps PRIMARY KEY (id);
ALTER TABLE ONLY public.batch_items
    ADD CONSTRAINT pk_batch_items PRIMARY KEY (batch_id, document_id);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT pk_batches PRIMARY KEY (id);
ALTER TABLE ONLY public.budgets
    ADD CONSTRAINT pk_budgets PRIMARY KEY (of, id, unit, period);
ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT pk_chunks PRIMARY KEY (id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT pk_conversations PRIMARY KEY (id);
ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT pk_datasets PRIMARY KEY (id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT pk_deliveries PRIMARY KEY (id);
ALTER TABLE ONLY public.disclosures
    ADD CONSTRAINT pk_disclosures PRIMARY KEY (app_id, prompt, reader);
ALTER TABLE ONLY public.document_versions
    ADD CONSTRAINT pk_document_versions PRIMARY KEY (document_id, version);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT pk_documents PRIMARY KEY (id);
ALTER TABLE ONLY public.embeddings
    ADD CONSTRAINT pk_embeddings PRIMARY KEY (id);
ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT pk_erasures PRIMARY KEY (document_id);
ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT pk_feedback PRIMARY KEY (message_id, source);
ALTER TABLE ONLY public.files
    ADD CONSTRAINT pk_files PRIMARY KEY (id);
ALTER TABLE ONLY public.generation_documents
    ADD CONSTRAINT pk_generation_documents PRIMARY KEY (document_id, generation);
ALTER TABLE ONLY public.generations
    ADD CONSTRAINT pk_generations PRIMARY KEY (dataset_id, number);
ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT pk_idempotency PRIMARY KEY (key, caller);
ALTER TABLE ONLY public.index_ops
    ADD CONSTRAINT pk_index_ops PRIMARY KEY (seq);
ALTER TABLE ONLY public.keys
    ADD CONSTRAINT pk_keys PRIMARY KEY (id);
ALTER TABLE ONLY public.layouts
    ADD CONSTRAINT pk_layouts PRIMARY KEY (document_id, version);
ALTER TABLE ONLY public.marks
    ADD CONSTRAINT pk_marks PRIMARY KEY (name);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT pk_messages PRIMARY KEY (id);
ALTER TABLE ONLY public.models
    ADD CONSTRAINT pk_models PRIMARY KEY (name, workspace);
ALTER TABLE ONLY public.pages
    ADD CONSTRAINT pk_pages PRIMARY KEY (document_id, version, number);
ALTER TABLE ONLY public.passages
    ADD CONSTRAINT pk_passages PRIMARY KEY (document_id, version, generation, "position");
ALTER TABLE ONLY public.queue
    ADD CONSTRAINT pk_queue PRIMARY KEY (id);
ALTER TABLE ONLY public.rollouts
    ADD CONSTRAINT pk_rollouts PRIMARY KEY (app_id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (digest);
ALTER TABLE ONLY public.throughput
    ADD CONSTRAINT pk_throughput PRIMARY KEY (batch_id, second);
ALTER TABLE ONLY public.training_set_versions
    ADD CONSTRAINT pk_training_set_versions PRIMARY KEY (set_id, number);
ALTER TABLE ONLY public.training_sets
    ADD CONSTRAINT pk_training_sets PRIMARY KEY (id);
ALTER TABLE ONLY public.tuned_models
    ADD CONSTRAINT pk_tuned_models PRIMARY KEY (name);
ALTER TABLE ONLY public.tuning_events
    ADD CONSTRAINT pk_tuning_events PRIMARY KEY (job_id, seq);
ALTER TABLE ONLY public.tuning_jobs
    ADD CONSTRAINT pk_tuning_jobs PRIMARY KEY (id);
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT pk_uploads PRIMARY KEY (id);
ALTER TABLE ONLY public.usage
    ADD CONSTRAINT pk_usage PRIMARY KEY (day, key_id, app_id, model, variant, currency);
ALTER TABLE ONLY public.user_usage
    ADD CONSTRAINT pk_user_usage PRIMARY KEY (app_id, end_user, day, currency);
ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT pk_webhooks PRIMARY KEY (id);
ALTER TABLE ONLY public.annotations
    ADD CONSTRAINT uq_annotations_app_id_wording UNIQUE (app_id, wording);
ALTER TABLE ONLY public.apps
    ADD CONSTRAINT uq_apps_workspace_slug UNIQUE (workspace, slug);
ALTER TABLE ONLY public.datasets
    ADD CONSTRAINT uq_datasets_workspace_name UNIQUE (workspace, name);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT uq_documents_dataset_id_name UNIQUE (dataset_id, name);
ALTER TABLE ONLY public.embeddings
    ADD CONSTRAINT uq_embeddings_text_hash_embedder UNIQUE (text_hash, embedder);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT uq_messages_run_id UNIQUE (run_id);
ALTER TABLE ONLY public.queue
    ADD CONSTRAINT uq_queue_subject_kind UNIQUE (subject, kind);
ALTER TABLE ONLY public.training_sets
    ADD CONSTRAINT uq_training_sets_workspace_name UNIQUE (workspace, name);
CREATE INDEX ix_batch_items_document_id ON public.batch_items USING btree (document_id);
CREATE INDEX ix_batch_items_name ON public.batch_items USING btree (name);
CREATE INDEX ix_batches_dataset_id_created_at ON public.batches USING btree (dataset_id, created_at);
CREATE INDEX ix_batches_key_id_created_at ON public.batches USING btree (key_id, created_at);
CREATE INDEX ix_chunks_document_id_version_generation_position ON public.chunks USING btree (document_id, version, generation, "position");
CREATE INDEX ix_chunks_text_hash ON public.chunks USING btree (text_hash);
CREATE INDEX ix_conversations_app_id ON public.conversations USING btree (app_id);
CREATE UNIQUE INDEX ix_conversations_external_id ON public.conversations USING btree (external_id);
CREATE INDEX ix_conversations_replay_of ON public.conversations USING btree (replay_of);
CREATE INDEX ix_deliveries_subject ON public.deliveries USING btree (subject);
CREATE INDEX ix_deliveries_webhook_id_status_next_attempt_at ON public.deliveries USING btree (webhook_id, status, next_attempt_at);
CREATE INDEX ix_document_versions_sha256 ON public.document_versions USING btree (sha256);
CREATE INDEX ix_documents_dataset_id_sha256_size_bytes ON public.documents USING btree (dataset_id, sha256, size_bytes);
CREATE INDEX ix_documents_dataset_id_status ON public.documents USING btree (dataset_id, status);
CREATE INDEX ix_documents_file_id ON public.documents USING btree (file_id);
CREATE INDEX ix_documents_key_id_sha256_size_bytes ON public.documents USING btree (key_id, sha256, size_bytes);
CREATE INDEX ix_documents_sha256 ON public.documents USING btree (sha256);
CREATE INDEX ix_erasures_erased_at ON public.erasures USING btree (erased_at);
CREATE INDEX ix_feedback_app_id ON public.feedback USING btree (app_id);
CREATE INDEX ix_files_key_id_size_bytes ON public.files USING btree (key_id, size_bytes);
CREATE INDEX ix_files_sha256 ON public.files USING btree (sha256);
CREATE INDEX ix_messages_annotation_id ON public.messages USING btree (annotation_id);
CREATE INDEX ix_messages_conversation_id ON public.messages USING btree (conversation_id);
CREATE INDEX ix_messages_wrong ON public.messages USING btree (app_id) WHERE ((grounded = ANY (ARRAY[(0)::bigint, (2)::bigint])) OR (((unsupported)::character varying)::text <> '[]'::text));
CREATE INDEX ix_queue_batch_id ON public.queue USING btree (batch_id);
CREATE INDEX ix_queue_kind_attempts_id ON public.queue USING btree (kind, attempts, id);
CREATE INDEX ix_usage_app_id_day ON public.usage USING btree (app_id, day);
CREATE INDEX ix_usage_key_id_day ON public.usage USING btree (key_id, day);
CREATE INDEX ix_user_usage_day ON public.user_usage USING btree (day);
ALTER TABLE ONLY public.annotations
    ADD CONSTRAINT fk_annotations_app_id FOREIGN KEY (app_id) REFERENCES public.apps(id);
ALTER TABLE ONLY public.app_versions
    ADD CONSTRAINT fk_app_versions_app_id FOREIGN KEY (app_id) REFERENCES public.apps(id);
ALTER TABLE ONLY public.batch_items
    ADD CONSTRAINT fk_batch_items_batch_id FOREIGN KEY (batch_id) REFERENCES public.batches(id);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT fk_batches_dataset_id FOREIGN KEY (dataset_id) REFERENCES public.datasets(id);
ALTER TABLE ONLY public.chunks
    ADD CONSTRAINT fk_chunks_document_id FOREIGN KEY (document_id) REFERENCES public.documents(id);
ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT fk_conversations_app_id FOREIGN KEY (app_id) REFERENCES public.apps(id);
ALTER TABLE ONLY public.deliveries
    ADD CONSTRAINT fk_deliveries_webhook_id FOREIGN KEY (webhook_id) REFERENCES public.webhooks(id);
ALTER TABLE ONLY public.disclosures
    ADD CONSTRAINT fk_disclosures_app_id FOREIGN KEY (app_id) REFERENCES public.apps(id);
ALTER TABLE ONLY public.document_versions
    ADD CONSTRAINT fk_document_versions_document_id FOREIGN KEY (document_id) REFERENCES public.documents(id);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT fk_documents_dataset_id FOREIGN KEY (dataset_id) REFERENCES public.datasets(id);
ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT fk_feedback_message_id FOREIGN KEY (message_id) REFERENCES public.messages(id);
ALTER TABLE ONLY public.generation_documents
    ADD CONSTRAINT fk_generation_documents_document_id FOREIGN KEY (document_id) REFERENCES public.documents(id);
ALTER TABLE ONLY public.layouts
    ADD CONSTRAINT fk_layouts_document_id FOREIGN KEY (document_id) REFERENCES public.documents(id);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_conversation_id FOREIGN KEY (conversation_id) REFERENCES public.conversations(id);
ALTER TABLE ONLY public.pages
    ADD CONSTRAINT fk_pages_document_id FOREIGN KEY (document_id) REFERENCES public.documents(id);
ALTER TABLE ONLY public.passages
    ADD CONSTRAINT fk_passages_document_id FOREIGN KEY (document_id) REFERENCES public.documents(id);
ALTER TABLE ONLY public.rollouts
    ADD CONSTRAINT fk_rollouts_app_id FOREIGN KEY (app_id) REFERENCES public.apps(id);
ALTER TABLE ONLY public.training_set_versions
    ADD CONSTRAINT fk_training_set_versions_set_id FOREIGN KEY (set_id) REFERENCES public.training_sets(id);
ALTER TABLE ONLY public.tuned_models
    ADD CONSTRAINT fk_tuned_models_job_id FOREIGN KEY (job_id) REFERENCES public.tuning_jobs(id);
ALTER TABLE ONLY public.tuning_events
    ADD CONSTRAINT fk_tuning_events_job_id FOREIGN KEY (job_id) REFERENCES public.tuning_jobs(id);
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT fk_uploads_dataset_id FOREIGN KEY (dataset_id) REFERENCES public.datasets(id);
INSERT INTO public.alembic_version VALUES ('0015');
