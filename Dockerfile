# One image with all commands: python -m scheduler, python -m executor, python -m jobstore, schedctl.
# The versions of the base and of the builder are here, those of all libraries in requirements.lock.
ARG PYTHON=3.11.13-slim-bookworm

FROM python:${PYTHON} AS build

ARG HATCHLING=1.27.0
# what that needs and requirements.lock does not have
ARG TROVE_CLASSIFIERS=2026.9.21.13
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/cronquorum
ENV PATH=/opt/cronquorum/bin:$PATH
COPY requirements.lock ./
# wheels only: nothing is compiled, here or later
RUN python -m venv builder \
    && builder/bin/pip install --only-binary=:all: -c requirements.lock \
        "hatchling==${HATCHLING}" "trove-classifiers==${TROVE_CLASSIFIERS}"
COPY pyproject.toml README.md LICENSE ./
COPY cronquorum cronquorum
COPY jobstore jobstore
COPY scheduler scheduler
COPY executor executor
COPY schedctl schedctl
COPY proto proto
# the optional parts of pyproject.toml
ARG EXTRAS="kubernetes,otel"
RUN builder/bin/python -m hatchling build -t wheel -d wheels \
    && wheel="$(echo wheels/*.whl)" \
    && pip install --only-binary=:all: -c requirements.lock "${wheel}${EXTRAS:+[${EXTRAS}]}" \
    && pip uninstall -y setuptools


FROM python:${PYTHON}

ARG VERSION=0.1.0
ARG REVISION=""
ARG CREATED=""
LABEL org.opencontainers.image.title="Cronquorum" \
      org.opencontainers.image.description="A Quartz-style cron scheduler cluster: nodes, executors, schedctl" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# /var/lib/cronquorum is what an executor writes to, beside /tmp: mount both, and the rest may be read-only.
# /srv/cronquorum is where task modules of an image of yours go: it is the working directory, so they are found.
RUN groupadd --gid 10001 cronquorum \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin cronquorum \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/cronquorum \
    && install -d -m 0755 /srv/cronquorum
COPY --from=build /opt/cronquorum /opt/cronquorum
ENV PATH=/opt/cronquorum/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/cronquorum
USER 10001:10001
EXPOSE 7400 7401 7500 7501
STOPSIGNAL SIGTERM
# No init is needed: a node starts no processes, and an executor's guardian reaps whatever its tasks leave behind.
CMD ["schedctl", "--help"]
