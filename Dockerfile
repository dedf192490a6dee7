# The server in a small image: one program, glibc and certificate authorities.
#
#   docker build --build-arg AUTHGATE_COMMIT=$(git rev-parse HEAD) -t authgate .
#   docker run -p 8080:8080 -v authgate:/app/data authgate

FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
ARG AUTHGATE_COMMIT=unknown
ARG AUTHGATE_BUILD_TIME=unknown
RUN cargo build --release --locked --bin authgate

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 authgate \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /app --shell /usr/sbin/nologin authgate \
    && install -d -o authgate -g authgate -m 0750 /app \
    && install -d -o authgate -g authgate -m 0700 /app/data
COPY --from=build /src/target/release/authgate /bin/authgate
WORKDIR /app
USER 1000:1000
# Database, master key and first password lie together in the volume; nothing else is written.
ENV DATABASE_PATH=/app/data/oauth.db
VOLUME ["/app/data"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 CMD ["/bin/authgate", "healthcheck"]
STOPSIGNAL SIGTERM
CMD ["/bin/authgate", "server"]
