# The image of mpm-elk: the command line, nothing else, and no root.
#
#     docker build --target runtime --tag mpm-elk:local .
#     docker run --rm mpm-elk:local --help
#
# The target `demo` adds the flights of the demo, and what trains its model.

ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mpm_elk ./mpm_elk
# /opt/venv is copied as it is, so pip and its cache stay behind.
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir '.[parquet,zstd]'

FROM build AS build-demo
RUN /opt/venv/bin/pip install --no-cache-dir '.[demo]'

FROM python:${PYTHON_VERSION}-slim AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# compose/certificates uses openssl; an image without it should fail here, and not when the stack starts.
RUN openssl version && useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin mpm
WORKDIR /home/mpm
USER 10001:10001
ENTRYPOINT ["mpm-elk"]

FROM base AS demo
COPY --from=build-demo /opt/venv /opt/venv

FROM base AS runtime
COPY --from=build /opt/venv /opt/venv
