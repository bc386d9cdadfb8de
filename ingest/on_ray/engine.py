"""Joins a cluster of Ray, and says how much work it is given at once."""

from __future__ import annotations

import logging

import ray

from ingest.on_ray.reading import RayReaders
from ingest.work.engine import EMBED_AT_ONCE, Engine
from kb.settings import Settings

logger = logging.getLogger(__name__)

OBJECTS_PER_READER = 4
"""A file, its text twice and its answer may lie in the object store for each task."""


def connect() -> None:
    """Join the cluster that `RAY_ADDRESS` names; without it, start one on this machine."""
    ray.init(namespace="citewell", include_dashboard=False, log_to_driver=False)


def ray_engine(settings: Settings) -> Engine:
    """Tasks read, as many as there are processors and room for what they hand over."""
    found, limits = ray.cluster_resources(), settings.ingest
    per_reader = OBJECTS_PER_READER * limits.max_characters
    by_memory = int(found.get("object_store_memory", 0) // per_reader)
    by_cpu = int(found.get("CPU", 1) / settings.ray.reader_cpus)
    reading = limits.readers or max(1, min(by_cpu, by_memory))
    logger.info("%d documents are read side by side on Ray", reading)
    readers = RayReaders(limits, cpus=settings.ray.reader_cpus)
    return Engine(readers, reading, EMBED_AT_ONCE * settings.ray.embedders)
