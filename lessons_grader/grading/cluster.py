"""Grading on other machines, by Dask: for a class that is too large, or answers that are too slow, for one machine.

Whoever has a Dask scheduler gives its address: a local one, or one on machines reached by SSH, Slurm or Kubernetes.
Each worker makes its own sandboxes; one that cannot, or that runs another version of this library, is refused. A worker
that dies loses only the submission in its hands, which another one grades from the start; each result is stored once,
by the one who started the run. The secret stays there too: a worker gets the seed of the student it works for.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from lessons_grader.grading import pipeline
from lessons_grader.grading.pipeline import Job, JobResult, Results
from lessons_grader.notebooks import CourseError
from lessons_grader.sandbox import launcher, profiles

LOCAL = "local"
MISSING = 'Dask is not installed here: `python -m pip install -c constraints.txt -e ".[cluster]"`, on each worker too'
CODE = b"".join(path.read_bytes() for path in sorted(Path(__file__).resolve().parents[1].rglob("*.py")))
VERSION = {  # what must be the same on each machine, or the same answer could get another score
    "this library": hashlib.sha256(CODE).hexdigest()[:12],
    "Python": ".".join(platform.python_version_tuple()[:2]),
    **{name: metadata.version(name) for name in ("numpy", "keras", "tensorflow")},
}


class Cluster:
    """A connection to a scheduler and its workers.

    Parameters
    ----------
    client : distributed.Client
        The connection.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def refusal(self, options: pipeline.GradingOptions) -> str:
        """Ask every worker whether it may grade.

        Parameters
        ----------
        options : GradingOptions
            Those of the run.

        Returns
        -------
        str
            Which workers may not, and why; "" if all may.

        Raises
        ------
        CourseError
            If this library is not installed on one of them.
        """
        said: dict[str, Any] = self.client.run(fitness, *_sandbox(options), on_error="return")
        wrong: dict[str, str] = {}
        for address, answer in said.items():
            if isinstance(answer, ImportError):
                raise CourseError(f"the worker {address} lacks this library ({answer}): install it there")
            if isinstance(answer, BaseException):
                why = f"{type(answer).__name__}: {answer}"
            else:
                theirs, refusal = answer
                why = _misfit(theirs, refusal, VERSION)
            wrong |= {address: why} if why else {}
        return "; ".join(f"{address}: {why}" for address, why in sorted(wrong.items()))

    def run(self, todo: list[Job]) -> Results:
        """Work on all jobs, as `pipeline.threads` does; results in the order in which they come."""
        from distributed import as_completed

        futures = {self.client.submit(work, job, VERSION, key=f"grade-{job.mark}"): job.student for job in todo}
        done = as_completed(futures, with_results=True, raise_errors=False, loop=self.client.loop)
        for future, result in done:
            student = futures.pop(future)
            if future.status == "error":
                result = result[1]  # type, error, traceback
            elif not isinstance(result, JobResult):
                result = ConnectionError("the scheduler is gone, or the job was taken off it")
            future.release()
            yield student, result


@contextmanager
def connect(scheduler: str, jobs: int = 1, patience: float = 30.0) -> Iterator[Cluster]:
    """Connect to a scheduler.

    Parameters
    ----------
    scheduler : str
        Its address, its scheduler file, or "local" to start one on this machine.
    jobs : int
        The number of workers that are started with "local".
    patience : float
        How many seconds to wait for the scheduler and its first worker.

    Yields
    ------
    Cluster

    Raises
    ------
    CourseError
        If Dask is not installed, or there is no scheduler, or it has no worker.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise CourseError(MISSING) from error
    where: dict[str, Any] = {"scheduler_file" if Path(scheduler).is_file() else "address": scheduler}
    cluster = None
    try:
        if scheduler == LOCAL:
            cluster = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
            where = {"address": cluster}
        try:
            client = Client(**where, set_as_default=False, timeout=patience)
        except (OSError, ValueError) as error:
            said = f"no scheduler answers at {scheduler} ({error})"
            raise CourseError(f"{said}: give its address, such as tcp://10.0.0.1:8786") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=patience)
            except TimeoutError as error:
                raise CourseError(f"the scheduler at {scheduler} has no workers: start some, then try again") from error
            yield Cluster(client)
    finally:
        if cluster is not None:
            cluster.close()


def work(job: Job, ours: dict[str, str]) -> JobResult:
    """On a worker: do a job, if this worker may; one that joined later has not been asked before.

    Parameters
    ----------
    job : Job
        The job.
    ours : dict of str
        VERSION of the machine that started the run.

    Returns
    -------
    JobResult

    Raises
    ------
    SandboxError
        If the worker may not grade.
    """
    why = _misfit(*fitness(*_sandbox(job.options)), ours)
    if why:
        raise launcher.SandboxError(f"a worker may not grade: {why}")
    os.environ.update(job.options.profile.environment)
    return pipeline.work(job)


def fitness(profile: str, by: str, unsafe: bool) -> tuple[dict[str, str], str]:
    """On a worker: what it runs, and why it can make no sandboxes ("" if it can)."""
    return VERSION, "" if unsafe else _refusal(profile, by)


def _misfit(theirs: dict[str, str], why: str, ours: dict[str, str]) -> str:
    """Why a worker with these versions may not grade; `why` if only its sandbox fails, "" if nothing is wrong."""
    other = [f"{name} {theirs.get(name)}, not {ours[name]}" for name in ours if theirs.get(name) != ours[name]]
    return f"it runs {' and '.join(other)}: install the same there" if other else why


def _sandbox(options: pipeline.GradingOptions) -> tuple[str, str, bool]:
    return options.bundle["about"].get("sandbox", "numpy"), options.by, options.unsafe


@functools.cache
def _refusal(profile: str, by: str) -> str:
    return launcher.refusal(profiles.PROFILES[profile], by)
