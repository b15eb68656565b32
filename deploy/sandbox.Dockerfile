# Where the course's answers run if containers hold them (book/teaching/classroom.md). `lessons course grade --sandbox
# docker` names the command that builds it, with the Python that it needs.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

# NumPy alone for one profile of the sandbox, Keras for the other, at the book's versions.
COPY constraints.txt /sandbox/
RUN pip install --no-cache-dir --disable-pip-version-check --target /sandbox/numpy -c /sandbox/constraints.txt numpy \
    && pip install --no-cache-dir --disable-pip-version-check --target /sandbox/keras -c /sandbox/constraints.txt keras tensorflow \
    && ln -s ../numpy/lessons_grader /sandbox/keras/lessons_grader

# The runner. What judges its answers stays outside.
COPY lessons_grader/__init__.py /sandbox/numpy/lessons_grader/
COPY lessons_grader/sandbox/__init__.py lessons_grader/sandbox/wire.py lessons_grader/sandbox/seccomp.py \
    lessons_grader/sandbox/process_watch.py lessons_grader/sandbox/runner.py lessons_grader/sandbox/model_runner.py \
    /sandbox/numpy/lessons_grader/sandbox/

# Each sandbox gets a user number of its own; none is root.
USER 10001:10001
