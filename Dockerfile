# How aws-run makes the image of a project that has no Dockerfile of its own.
#
# The build context is made by aws-run: entrypoint.tar (what runs as PID 1, the same bytes for every project), deps/
# (only the files that decide the dependencies) and code/app/ (the project). So a code edit rebuilds and pushes the last
# layer alone. It builds on python:slim and on any base with Python 3.9 or newer and its venv module.
#
# Times are set to one date, so that two machines make the same layers and the registry takes each of them once.
#
# Secrets of the build, neither of them in any layer or in the history: `ca` is a CA bundle, `settings` a shell file
# with index addresses and proxies. There is no `# syntax=` line: it would need a pull.
#
# What runs code of a project (the setup.py of a source distribution, as root) gets a cache of that project alone: aws-run
# writes an id that no other project knows in place of PROJECT-CACHE. The stage `uv` runs no code of any project.
ARG BASE_IMAGE=public.ecr.aws/docker/library/python:3.12-slim-bookworm

# begin apt
FROM ${BASE_IMAGE} AS system
ARG APT=""
RUN --mount=type=secret,id=settings \
    set -e; \
    if [ -s /run/secrets/settings ]; then . /run/secrets/settings; fi; \
    if ! command -v apt-get >/dev/null; then echo "the base image has no apt-get" >&2; exit 1; fi; \
    apt-get update -qq; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $APT; \
    rm -rf /var/lib/apt/lists/*
# end apt
# uv comes from PyPI, not from an image: one address less that a company network has to let through. uv.txt names one
# version and its hashes. There is no cache mount: this step is the same for all projects and cached as a whole.
FROM ${BASE_IMAGE} AS uv
ARG INSTALL_UV=yes
COPY uv.txt /opt/
RUN --mount=type=secret,id=ca --mount=type=secret,id=settings \
    set -e; \
    if [ "$INSTALL_UV" = yes ]; then \
      if [ -s /run/secrets/settings ]; then . /run/secrets/settings; fi; \
      if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
      python3 -m venv /opt/uv; \
      /opt/uv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir \
        --no-deps --only-binary=:all: --require-hashes -r /opt/uv.txt; \
    fi

# begin conda
# One program, which makes environments of conda's packages. The digest is that of the image for all architectures.
FROM docker.io/mambaorg/micromamba:2.3.3@sha256:800e7ade3ffe29c9a9ac2026163131495f8197c3852e572c5835beb4e8a33cd6 AS micromamba

# end conda
FROM uv AS dependencies
# none | requirements | lock | pyproject | conda
ARG DEPENDENCIES=none
# begin git
RUN --mount=type=secret,id=settings \
    set -e; \
    if [ -s /run/secrets/settings ]; then . /run/secrets/settings; fi; \
    if ! command -v git >/dev/null; then \
      if ! command -v apt-get >/dev/null; then echo "git: not found" >&2; exit 1; fi; \
      apt-get update -qq; \
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends git ca-certificates; \
    fi
# end git
WORKDIR /app
COPY deps/ ./
# What uv is given beside the list, the file that it reads, and folders of packages inside the project.
ARG UV_OPTIONS=""
ARG REQUIREMENTS=requirements.txt
ARG FIND_LINKS=""
ARG VENV_OPTIONS=""
# begin managed-python
# A Python that no base image has, for the job alone. uv checks its hash, which it brings along.
ARG MANAGED_PYTHON=""
RUN --mount=type=secret,id=ca --mount=type=secret,id=settings \
    set -e; \
    if [ -s /run/secrets/settings ]; then . /run/secrets/settings; fi; \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi; \
    export UV_PYTHON_INSTALL_DIR=/opt/python UV_NO_PROGRESS=1; \
    /opt/uv/bin/uv python install --no-config --no-bin "$MANAGED_PYTHON"
# end managed-python
# begin conda
# The version of CUDA that conda solves for; the building machine need not have it.
ARG CUDA=""
COPY --from=micromamba /bin/micromamba /opt/micromamba
COPY activate /opt/aws-run-activate
# end conda
# begin version
ARG VERSION_VARIABLE=""
ARG VERSION=""
# end version
# begin tools
# What the program is run by (papermill for a notebook), beside the project's own list and never instead of it.
ARG TOOLS=""
# end tools
RUN --mount=type=secret,id=ca --mount=type=secret,id=settings \
    --mount=type=cache,id=PROJECT-CACHE,target=/root/.cache/uv \
    set -e; \
    if [ -s /run/secrets/settings ]; then . /run/secrets/settings; fi; \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca REQUESTS_CA_BUNDLE=/run/secrets/ca; fi; \
    PYTHON=python3; \
# begin managed-python
    export UV_PYTHON_INSTALL_DIR=/opt/python; \
    PYTHON=$(/opt/uv/bin/uv python find --no-config --no-project --managed-python "$MANAGED_PYTHON"); \
# end managed-python
    if [ "$DEPENDENCIES" != conda ]; then "$PYTHON" -m venv $VENV_OPTIONS /opt/venv; fi; \
    export VIRTUAL_ENV=/opt/venv UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never; \
    export UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_CACHE_DIR=/root/.cache/uv; \
    if [ -n "$FIND_LINKS" ]; then export UV_FIND_LINKS="$FIND_LINKS"; fi; \
    if [ -n "${VERSION_VARIABLE:-}" ]; then export "$VERSION_VARIABLE=$VERSION"; fi; \
    case "$DEPENDENCIES" in \
      requirements) /opt/uv/bin/uv pip install $UV_OPTIONS -r "$REQUIREMENTS" ;; \
      lock) /opt/uv/bin/uv sync --frozen --no-install-project --no-dev $UV_OPTIONS ;; \
      pyproject) /opt/uv/bin/uv pip install $UV_OPTIONS -r pyproject.toml ;; \
# begin conda
      conda) \
        unset VIRTUAL_ENV; \
        export MAMBA_ROOT_PREFIX=/root/.cache/uv/conda; \
        if [ -s /run/secrets/ca ]; then export MAMBA_SSL_VERIFY=/run/secrets/ca; fi; \
        if [ -n "${CUDA:-}" ]; then export CONDA_OVERRIDE_CUDA="$CUDA"; fi; \
        /opt/micromamba create --yes --quiet --always-copy --no-rc --prefix /opt/venv --file "$REQUIREMENTS"; \
        if [ -s aws-run-requirements.txt ]; then \
          /opt/uv/bin/uv pip install --python /opt/venv/bin/python -r aws-run-requirements.txt; \
        fi; \
        install -m 0755 /opt/aws-run-activate /opt/venv/bin/aws-run-activate ;; \
# end conda
    esac; \
# begin tools
    /opt/uv/bin/uv pip install --python /opt/venv/bin/python $TOOLS; \
# end tools
    mkdir -p /export/opt; \
    mv /opt/venv /export/opt/venv; \
# begin managed-python
    mv /opt/python /export/opt/python; \
# end managed-python
    find /export -exec touch -h -d @946684800 {} +

# begin project
# The project itself, as `pip install -e .` does it: its version, its commands, what its back end compiles. Only what
# that adds leaves the stage, so a code edit changes a few small files beside the code.
FROM uv AS project
COPY --from=dependencies /export/ /
WORKDIR /app
COPY code/ /
ARG INSTALL_REQUIRED=no
# begin version
ARG VERSION_VARIABLE=""
ARG VERSION=""
# end version
RUN --mount=type=secret,id=ca --mount=type=secret,id=settings \
    --mount=type=cache,id=PROJECT-CACHE,target=/root/.cache/uv \
    set -e; \
    if [ -s /run/secrets/settings ]; then . /run/secrets/settings; fi; \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca REQUESTS_CA_BUNDLE=/run/secrets/ca; fi; \
    export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_CACHE_DIR=/root/.cache/uv; \
    if [ -n "${VERSION_VARIABLE:-}" ]; then export "$VERSION_VARIABLE=$VERSION"; fi; \
    mkdir -p /export-venv /export-app/app; \
    touch /tmp/before; sleep 0.05; \
    if /opt/uv/bin/uv pip install --python /opt/venv/bin/python --no-deps -e .; then \
      find /opt/venv \( -type f -o -type l \) -cnewer /tmp/before -print > /tmp/venv; \
      find /app \( -type f -o -type l \) -cnewer /tmp/before ! -path '*/__pycache__/*' -print > /tmp/app; \
      tar -c -f - -C / -T /tmp/venv 2>/dev/null | tar -x -f - -C /export-venv; \
      tar -c -f - -C / -T /tmp/app 2>/dev/null | tar -x -f - -C /export-app; \
    elif [ "$INSTALL_REQUIRED" = yes ]; then exit 1; \
    else echo "aws-run: the project itself could not be installed"; fi; \
    find /export-venv /export-app -exec touch -h -d @946684800 {} +
# end project

FROM ${BASE_IMAGE}
ADD entrypoint.tar /
# What the task's hardware calls itself (x86_64, aarch64): Docker labels an image as asked, whatever its base holds.
ARG MACHINE=""
# An entry in passwd, because some libraries ask who they are; the job owns its folder, as it does on a laptop.
RUN set -e; \
    found=$(python3 -I -B -c "import platform; print(platform.machine())"); \
    if [ "${MACHINE:-$found}" != "$found" ]; then echo "the image holds programs for $found" >&2; exit 1; fi; \
    python3 -I -S -B -X utf8 /opt/aws-run/entrypoint.pyz --self-check; \
    echo "job:x:10001:10001:job:/home/job:/bin/sh" >> /etc/passwd; \
    echo "job:x:10001:" >> /etc/group; \
    mkdir -p /home/job /app; \
    chown 10001:10001 /home/job /app; \
    touch -d @946684800 /etc/passwd /etc/group /etc /home/job /home /app
# begin managed-python
# Our own part stays with the base image's Python, whichever one is first on the PATH of the job.
RUN set -e; \
    ln -s "$(readlink -f "$(command -v python3)")" /opt/aws-run/python3; \
    touch -h -d @946684800 /opt/aws-run/python3; \
    touch -d @946684800 /opt/aws-run
# end managed-python
# begin without-pip
COPY --from=dependencies /export/ /
# end without-pip
# begin pip
# The job's own: pip adds to it while the job runs.
COPY --from=dependencies --chown=10001:10001 /export/opt/ /opt/
# end pip
ARG PYTHON_PATH=""
ENV PATH=/opt/venv/bin:$PATH HOME=/home/job PYTHONUNBUFFERED=1 PYTHONPATH=${PYTHON_PATH}
# begin conda
# What the packages of conda want to have set when their environment is active (GDAL_DATA, JAVA_HOME and their like).
ENV CONDA_PREFIX=/opt/venv AWS_RUN_IMAGE_ENTRYPOINT="[\"/opt/venv/bin/aws-run-activate\"]"
# end conda
WORKDIR /app
# begin project
COPY --from=project /export-venv/ /
COPY --from=project --chown=10001:10001 /export-app/app/ /app/
# end project
COPY --chown=10001:10001 code/ /
USER 10001:10001
STOPSIGNAL SIGTERM
# begin base-python
ENTRYPOINT ["python3", "-I", "-S", "-B", "-X", "utf8", "/opt/aws-run/entrypoint.pyz"]
# end base-python
# begin managed-python
ENTRYPOINT ["/opt/aws-run/python3", "-I", "-S", "-B", "-X", "utf8", "/opt/aws-run/entrypoint.pyz"]
# end managed-python
CMD []
