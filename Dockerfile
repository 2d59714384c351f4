# State lives in /data; mount it, and the configuration over /opt/sluice/config. Runs with a read-only root: docker run --read-only.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY stubs stubs
RUN npm ci --ignore-scripts --no-fund --no-audit
COPY scripts scripts
COPY src src
COPY config config
COPY LICENSE ./
RUN node scripts/bundle.ts dist

FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends redis-server tini \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir /data && chown node:node /data
COPY --from=build /build/dist /opt/sluice
USER node
WORKDIR /opt/sluice
VOLUME /data
# Written every 10 s while the bot turns and its store answers (src/cli/alive.ts).
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD test -n "$(find /data/alive -mmin -1)"
# PID 1 forwards the signal to the bot alone: its Redis is stopped by the bot, last.
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/sluice/bin/sluice"]
CMD ["run", "--data", "/data"]
