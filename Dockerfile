# sqltailor serve as a user without rights, and without network once it is built (except to reach its database).
#
#   docker build -t sqltailor .                          # --build-arg BASE=nano for no download
#   docker run --rm -it --user "$(id -u)" -v "$PWD:/project" sqltailor keys add ada
#   docker run --rm --user "$(id -u)" -v "$PWD:/project" -p 127.0.0.1:8000:8000 sqltailor
#
# The folder holds recipe.yaml and runs/; keys, audit log and feedback are written there, and what a run reads of its base.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY src src
RUN python -m venv /opt/sqltailor
RUN /opt/sqltailor/bin/pip install --no-cache-dir -c requirements.lock \
    --extra-index-url https://download.pytorch.org/whl/cpu ".[serve,postgres,mysql,duckdb]"

FROM python:3.12-slim
ARG BASE=small
COPY --from=build /opt/sqltailor /opt/sqltailor
ENV PATH=/opt/sqltailor/bin:$PATH HOME=/tmp SQLTAILOR_CACHE=/opt/bases PYTHONUNBUFFERED=1
RUN mkdir /opt/bases && sqltailor bases pull "$BASE" && chmod -R a+rwX /opt/bases
ENV HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
WORKDIR /project
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"
ENTRYPOINT ["sqltailor"]
CMD ["serve", "--host", "0.0.0.0"]
