"""The tables. `migrations/` brings older files to them; a test holds the two together."""

from kb.store.engine.schema.access import alembic_version as alembic_version
from kb.store.engine.schema.access import app_access as app_access
from kb.store.engine.schema.access import budgets as budgets
from kb.store.engine.schema.access import idempotency as idempotency
from kb.store.engine.schema.access import keys as keys
from kb.store.engine.schema.access import marks as marks
from kb.store.engine.schema.access import sessions as sessions
from kb.store.engine.schema.access import usage as usage
from kb.store.engine.schema.access import user_usage as user_usage
from kb.store.engine.schema.columns import metadata as metadata
from kb.store.engine.schema.conversations import app_versions as app_versions
from kb.store.engine.schema.conversations import apps as apps
from kb.store.engine.schema.conversations import conversations as conversations
from kb.store.engine.schema.conversations import disclosures as disclosures
from kb.store.engine.schema.conversations import feedback as feedback
from kb.store.engine.schema.conversations import fixed_answers as fixed_answers
from kb.store.engine.schema.conversations import messages as messages
from kb.store.engine.schema.conversations import models as models
from kb.store.engine.schema.conversations import rollouts as rollouts
from kb.store.engine.schema.documents import chunks as chunks
from kb.store.engine.schema.documents import datasets as datasets
from kb.store.engine.schema.documents import document_versions as document_versions
from kb.store.engine.schema.documents import documents as documents
from kb.store.engine.schema.documents import embeddings as embeddings
from kb.store.engine.schema.documents import files as files
from kb.store.engine.schema.documents import generation_documents as generation_documents
from kb.store.engine.schema.documents import generations as generations
from kb.store.engine.schema.documents import layouts as layouts
from kb.store.engine.schema.documents import pages as pages
from kb.store.engine.schema.documents import passages as passages
from kb.store.engine.schema.tuning import training_set_versions as training_set_versions
from kb.store.engine.schema.tuning import training_sets as training_sets
from kb.store.engine.schema.tuning import tuned_models as tuned_models
from kb.store.engine.schema.tuning import tuning_events as tuning_events
from kb.store.engine.schema.tuning import tuning_jobs as tuning_jobs
from kb.store.engine.schema.webhooks import deliveries as deliveries
from kb.store.engine.schema.webhooks import webhooks as webhooks
from kb.store.engine.schema.work import batch_items as batch_items
from kb.store.engine.schema.work import batches as batches
from kb.store.engine.schema.work import erasures as erasures
from kb.store.engine.schema.work import index_ops as index_ops
from kb.store.engine.schema.work import jobs as jobs
from kb.store.engine.schema.work import throughput as throughput
from kb.store.engine.schema.work import uploads as uploads

HEAD = "0015"
"""The newest migration, which these tables are the result of."""
