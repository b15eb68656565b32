# Where the course's answers run if containers hold them (book/teaching/classroom.md). `lessons course grade --box docker`
# names the command that builds it, with the Python that it needs.
ARG PYTHON=3.12
FROM python:${PYTHON}-slim

# NumPy alone for one kind of box, Keras for the other, at the book's versions.
COPY constraints.txt /box/
RUN pip install --no-cache-dir --disable-pip-version-check --target /box/numpy -c /box/constraints.txt numpy \
    && pip install --no-cache-dir --disable-pip-version-check --target /box/keras -c /box/constraints.txt keras tensorflow \
    && ln -s ../numpy/lessons_lib /box/keras/lessons_lib

# The runner. What judges its answers stays outside.
COPY lessons_lib/__init__.py /box/numpy/lessons_lib/
COPY lessons_lib/course/__init__.py lessons_lib/course/frames.py lessons_lib/course/seccomp.py \
    lessons_lib/course/children.py lessons_lib/course/inside.py lessons_lib/course/trial.py /box/numpy/lessons_lib/course/

# Each box gets a user number of its own; none is root.
USER 10001:10001
