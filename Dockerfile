# The server over stdio: docker run -i --rm -v "$PWD:/work" dbmanager-mcp
# Over HTTP: docker run -p 8443:8443 ... dbmanager-mcp serve --http 0.0.0.0:8443, with tokens and TLS in dbmanager.toml.
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY server server
COPY tools tools
COPY resources resources
RUN python -m venv /opt/dbmanager \
    && /opt/dbmanager/bin/pip install --no-cache-dir ".[mysql,mongodb,redis,classification,ssh]"

FROM python:3.11-slim
LABEL org.opencontainers.image.title="dbmanager-mcp" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --create-home --uid 10001 dbmanager
COPY --from=build /opt/dbmanager /opt/dbmanager
ENV PATH="/opt/dbmanager/bin:$PATH"
USER 10001
WORKDIR /work
ENTRYPOINT ["dbmanager"]
CMD ["serve"]
