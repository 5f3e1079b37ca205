# Coordinator, both pages and a Chromium for `npm run cluster`, as an ordinary user.
#
#   docker build -t murmuration .
#   docker run --rm -p 8080:8080 -v murmuration:/data murmuration                      # the coordinator (npm start)
#   docker run --rm --shm-size=1g --security-opt seccomp=unconfined murmuration cluster --tabs 2 --assert "val_acc>0.9"
#
# Chromium's sandbox needs user namespaces, which Docker's default seccomp profile withholds: hence the option.
# The coordinator needs none of it.
FROM node:22-bookworm-slim

RUN apt-get update \
  && apt-get install -y --no-install-recommends chromium ca-certificates util-linux \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir -p /app /data \
  && chown node:node /app /data

USER node
WORKDIR /app
COPY --chown=node:node . .
RUN npm ci --include=dev --no-audit --no-fund && npm run build && npm cache clean --force

ENV MURMURATION_BROWSER=/usr/bin/chromium
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://localhost:8080/api/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "packages/cluster/bin/murmur.mjs"]
# Behind a proxy that does TLS (compose.yaml), or with --tls-cert and --tls-key: browsers give WebGPU to secure pages only.
CMD ["start", "--host", "0.0.0.0", "--data", "/data", "--insecure-lan"]
