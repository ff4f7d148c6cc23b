# syntax=docker/dockerfile:1
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore UV_NO_CACHE=1
WORKDIR /app
COPY requirements.lock requirements-dev.lock ./
# uv itself comes from the lock too, with its hashes; of the rest of the development lock nothing is installed.
RUN sed -n '/^uv==/,/[^\\]$/p' requirements-dev.lock > /tmp/uv.lock \
    && pip install --require-hashes -r /tmp/uv.lock \
    && python -m venv --without-pip /venv \
    && uv pip sync --python /venv/bin/python --require-hashes --compile-bytecode requirements.lock \
    && rm requirements.lock requirements-dev.lock
COPY bot/ bot/
COPY cogs/ cogs/
RUN python -m compileall -q bot cogs

FROM ${PYTHON_IMAGE}
# A fixed number, so that a host can give folders to it.
RUN groupadd --gid 10001 cutscene \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cutscene \
    && install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /venv /venv
COPY --from=build /app /app
# Bytecode is in the image already; nothing outside /data and /tmp is written, so the root may be read-only.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    HTTP_HOST=0.0.0.0 \
    LOG_FORMAT=json
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8080
# The first start migrates the database and connects to Discord; afterwards a failed check means that nothing can be stored: see the reason at /healthz.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('HTTP_PORT') or 8080), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
# SIGTERM lets running steps end; what is left is carried on from the database by the next start.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "bot"]
