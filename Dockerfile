# semvid on the CPU. From a clone: docker build -t semvid .
# Then, in a folder with videos: docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/data" semvid compress talk.mp4
FROM python:3.12-slim AS build
# PyTorch's usual wheels for Linux carry CUDA, several gigabytes of it. Name an index of its CPU builds to do without.
ARG TORCH_INDEX=""
WORKDIR /source
RUN python -m venv /opt/semvid
COPY constraints.txt ./
RUN if [ -n "$TORCH_INDEX" ]; then /opt/semvid/bin/pip install --no-cache-dir -c constraints.txt --index-url "$TORCH_INDEX" torch; fi
COPY . .
RUN /opt/semvid/bin/pip install --no-cache-dir -c constraints.txt '.[scores,web]'

# All wheels bring their own libraries, so nothing is installed beside Python.
FROM python:3.12-slim
COPY --from=build /opt/semvid /opt/semvid
# For any user: what semvid finds out about the machine is kept where all may write.
ENV PATH=/opt/semvid/bin:$PATH XDG_CACHE_HOME=/tmp/cache XDG_CONFIG_HOME=/tmp/config
WORKDIR /data
USER 1000:1000
ENTRYPOINT ["semvid"]
CMD ["--help"]
