# postfach:latest, the appliance on Debian 13; and from the same sources the tests in a container and a Postfix for
# the profile `mta` of docker-compose.yml. Written for the classic builder too: no heredocs, no cache mounts, and the
# appliance before the other images, because that builder makes every stage above the one it is asked for.

# --- the compiler's stage: sources in, two programs out
FROM debian:trixie-slim AS build
ENV CCACHE_DISABLE=1
WORKDIR /src
COPY dev ./
RUN ./dev install build && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
COPY CMakeLists.txt CMakePresets.json ./
COPY scanner scanner
COPY server server
COPY admin admin
RUN ./dev build release
# The runtime needs the packages that hold the shared libraries of the two programs: asked of the linker, not kept by hand.
RUN mkdir -p /out \
 && cp build/release/postfach build/release/postfach-scanner /out/ \
 && strip --strip-debug /out/postfach /out/postfach-scanner \
 && ldd /out/postfach /out/postfach-scanner | awk '$2 == "=>" { print $3 }' | sort -u | xargs -n 1 readlink -f \
    | xargs dpkg-query -S | cut -d : -f 1 | sort -u > /out/packages

# --- the appliance
FROM debian:trixie-slim AS appliance
COPY --from=build /out/packages /tmp/packages
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates clamav-freshclam cracklib-runtime tini $(cat /tmp/packages) \
 && apt-get clean && find /var/cache -mindepth 1 -maxdepth 1 ! -name cracklib -exec rm -rf {} + \
 && rm -rf /var/lib/apt/lists/* /var/log/* /tmp/packages /usr/share/doc /usr/share/man \
 && useradd --system --uid 900 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin postfach \
 && mkdir -p /data /var/lib/clamav \
 && chown -R postfach:postfach /data /var/lib/clamav \
 && chmod 700 /data
COPY --from=build /out/postfach /out/postfach-scanner /usr/local/bin/
COPY admin/image/freshclam.conf /etc/postfach/freshclam.conf
COPY admin/image/start /usr/local/bin/postfach-start
COPY LICENSE /usr/share/doc/postfach/
ENV POSTFACH_DATA=/data
USER postfach
VOLUME ["/data", "/var/lib/clamav"]
EXPOSE 24 110 143 993 995 8443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 CMD ["postfach", "healthcheck", "--data", "/data"]
ENTRYPOINT ["tini", "--", "postfach-start"]
CMD ["postfach", "serve", "--data", "/data"]

# --- Postfix, which takes mail from the world and hands it to the appliance by LMTP
FROM debian:trixie-slim AS mta
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postfix ca-certificates tini \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/* /usr/share/doc /usr/share/man
COPY admin/image/start-mta /usr/local/bin/start-mta
VOLUME ["/var/spool/postfix"]
EXPOSE 25
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD kill -0 $(cat /var/spool/postfix/pid/master.pid)
ENTRYPOINT ["tini", "--", "start-mta"]

# --- the tests, built; `docker compose run --rm test` runs them without a network
FROM build AS test
RUN ./dev install test && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
COPY tests tests
RUN cmake -DPOSTFACH_TESTS=ON build/release >/dev/null && ninja -C build/release
CMD ["./dev", "test"]

# What `docker build .` makes when it is asked for nothing in particular.
FROM appliance
