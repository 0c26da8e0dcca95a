# syntax=docker/dockerfile:1
# One image for every process of ours: which one it is, its command says (docker-compose.yml).
ARG NODE_IMAGE=node:26.10.0-slim

FROM ${NODE_IMAGE} AS base
WORKDIR /app

# What npm resolves dependencies from; changes to the code leave its layers alone.
FROM base AS manifests
COPY package.json package-lock.json .npmrc ./
COPY proto/package.json proto/
COPY services/runtime/package.json services/runtime/
COPY services/order/package.json services/order/
COPY services/mesh/package.json services/mesh/
COPY gateway/package.json gateway/
COPY envoy/package.json envoy/

# Code generated from the protos: the only thing that development packages are needed for.
FROM manifests AS generated
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --prefer-offline --no-audit --no-fund
COPY tools/launch.mjs tools/proto-deps.mjs tools/
COPY tools/launch tools/launch
COPY buf.yaml buf.gen.yaml ./
COPY proto proto
COPY envoy/generate.mjs envoy/
RUN node tools/launch.mjs --installed && node tools/launch.mjs --prepare-only

FROM manifests AS packages
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund

FROM base AS final
ENV NODE_ENV=production \
    NODE_OPTIONS="--disable-warning=ExperimentalWarning --max-semi-space-size=64" \
    NODE_COMPILE_CACHE=/app/.cache/compile
COPY --from=packages /app ./
COPY --from=generated /app/proto/gen proto/gen
COPY --from=generated /app/envoy/gen envoy/gen
COPY services services
COPY gateway gateway
COPY envoy envoy
COPY tools/mesh tools/mesh
COPY deploy deploy
# Strips the types once, into the compile cache: a start on the read-only file system finds it and writes nothing.
RUN node services/main.ts --help && node services/migrate.ts --help && node deploy/setup.ts --help
USER node
ENTRYPOINT ["node"]
CMD ["deploy/service.ts"]
