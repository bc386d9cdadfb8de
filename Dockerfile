# The server in a container: a user without privileges, data in a volume, nothing fetched at run time.
#   docker build -t citewell .                          the target `slim`: the bundled embedding models
#   docker build -t citewell --target full .            with the extra `models` and Tesseract
#   docker run -p 8000:8000 -v citewell-data:/data citewell

FROM python:3.11-slim-bookworm AS packages
# A mirror of the package index.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.lock requirements-cluster.lock requirements-embedding.lock fetch_model.py /app/
RUN /opt/venv/bin/pip install --no-deps -r /app/requirements-cluster.lock \
    && /opt/venv/bin/python /app/fetch_model.py embedding
# The code stays in /app, beside README.md and docs/, which are the demo knowledge base.
COPY . /app/
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable /app \
    && /opt/venv/bin/python -m compileall -q /app

FROM packages AS packages-with-models
ARG PIP_INDEX_URL
# PyTorch's own index, which has builds without CUDA: a fraction of the size of the others.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
RUN /opt/venv/bin/pip install -r /app/requirements-models.lock

FROM python:3.11-slim-bookworm AS server
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /bin/false kb \
    && install --directory --owner kb --group kb --mode 700 /data /data/tuning
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    KB_DATA_DIR=/data \
    KB_SERVER__PORT=8000
WORKDIR /app
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"KB_SERVER__PORT\"]}/healthz', timeout=4)"]
CMD ["kb", "serve", "--host", "0.0.0.0"]

FROM server AS full
RUN apt-get update \
    && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-chi-sim \
    && rm -rf /var/lib/apt/lists/*
COPY --from=packages-with-models /opt/venv /opt/venv
COPY --from=packages-with-models /app /app
USER kb

FROM server AS slim
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /app /app
USER kb
