# The web app in a container: `docker build -t restore .`, then `docker run --rm -p 127.0.0.1:8501:8501 restore`.
# book/deploying.md says what the hosts want, and what to put in front.
FROM python:3.11-slim

# JAX carries Keras here, because it is a fifth of TensorFlow's size. Its settings go to /tmp, all that is writable.
ENV KERAS_BACKEND=jax \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

WORKDIR /app

# Exact versions with checksums. OpenCV comes in its headless build, so no system package is needed.
COPY deploy/requirements.lock deploy/requirements.lock
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r deploy/requirements.lock

COPY lessons_lib lessons_lib
COPY data data
COPY weights weights

# A user of no rights: nothing under /app is writable to it.
USER 10001:10001

# The host may name another port in PORT.
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8501') + '/_stcore/health', timeout=4)"]

CMD ["python", "-m", "lessons_lib.webapp.server", "--address", "0.0.0.0"]
