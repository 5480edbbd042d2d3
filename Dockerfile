# The image of Anteroom: one program, the certificates of public authorities, no shell.
#
#   docker build --tag anteroom .
#   docker run --publish 127.0.0.1:8080:8080 --volume anteroom:/data anteroom
#
# The first lines of `docker logs` contain the setup link of the first administrator. Commands run in
# the container: `docker exec CONTAINER anteroom user list`. docs/deploy/packages.md has more.

FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN scripts/image-root /image

FROM scratch
COPY --from=build /image/root/ /
COPY --from=build --chown=65532:65532 /image/data/ /data/

# Every setting of .env.example may be set like these. Secrets: ANTEROOM_DATABASE_FILE and the like.
ENV PATH=/usr/bin \
    ANTEROOM_LISTEN=0.0.0.0:8080 \
    ANTEROOM_DATABASE=sqlite:/data/anteroom.db

USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["/usr/bin/anteroom", "healthcheck"]
ENTRYPOINT ["/usr/bin/anteroom"]
CMD ["serve"]
