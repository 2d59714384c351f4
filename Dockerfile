# Not built by the tests: no container engine is assumed there. State lives in /data; mount it.
FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends redis-server tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/sluice
COPY package.json package-lock.json .npmrc ./
COPY stubs stubs
RUN npm ci --omit=dev --ignore-scripts --no-fund --no-audit && npm cache clean --force
COPY bin bin
COPY scripts/node.sh scripts/node.sh
COPY src src
COPY config config
RUN mkdir /data && chown node:node /data
USER node
# Writes down which Node the launcher takes.
RUN sh scripts/node.sh >/dev/null
VOLUME /data
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/sluice/bin/sluice"]
CMD ["run", "--data", "/data"]
