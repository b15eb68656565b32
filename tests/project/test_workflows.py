"""The workflows fit GitHub's schema and call tasks that exist; checked offline."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import tasks
from tools import changes

WORKFLOWS = sorted((tasks.ROOT / ".github" / "workflows").glob("*.yml"))
CI = (tasks.ROOT / ".ci" / "run").read_text(encoding="utf-8")


def check(*paths):
    words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, paths)]
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def load(name):
    return yaml.safe_load((tasks.ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))


def test_each_fits_the_schema():
    done = check(*WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_check_can_fail(tmp_path):
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: nothing\n", encoding="utf-8")
    assert check(*WORKFLOWS, bad).returncode == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_calls_real_tasks_with_few_rights_and_an_end(path):
    text = path.read_text(encoding="utf-8")
    called = re.findall(r"tasks\.py (\w+)", text)
    assert called
    assert set(called) <= set(tasks.TASKS)
    workflow = yaml.safe_load(text)
    assert workflow["permissions"]["contents"] == "read"
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    assert all(re.search(r"@v\d+$", step["uses"]) for step in steps(workflow) if "uses" in step)


def test_three_systems_and_every_python():
    matrix = load("ci.yml")["jobs"]["test"]["strategy"]["matrix"]["include"]
    assert {entry["os"].split("-")[0] for entry in matrix} == {"ubuntu", "macos", "windows"}
    assert {tuple(map(int, entry["python"].split("."))) for entry in matrix} == set(tasks.PYTHONS)


def test_linux_has_the_sandbox_before_the_tests_run():
    """Without it the tests of grading would be skipped, and nobody would see."""
    job = load("ci.yml")["jobs"]["test"]
    commands = [step.get("run", "") for step in job["steps"]]
    [sandbox] = [number for number, command in enumerate(commands) if "install" in command and "bubblewrap" in command]
    [test] = [number for number, command in enumerate(commands) if "tasks.py test" in command]
    assert sandbox < test
    assert job["steps"][sandbox]["if"] == "runner.os == 'Linux'"
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in commands[sandbox]
    assert re.search(r"^bwrap .* true$", commands[sandbox], re.MULTILINE), "one sandbox, so that a failure shows here"


def test_the_long_proofs_run_where_the_change_needs_them_and_weekly():
    """In the gate and in the workflow: what tools/changes.py names is what `make prove` takes."""
    workflow = load("ci.yml")
    assert workflow[True]["schedule"]
    [command] = [step["run"] for step in workflow["jobs"]["prove"]["steps"] if "tasks.py prove" in step.get("run", "")]
    for text in (command, CI):
        assert "-m tools.changes" in text
    assert set(re.search(r'proofs="([\w ]+)"', command)[1].split()) == set(changes.PROOFS)
    assert {entry for entry in workflow["jobs"]["versions"]["strategy"]["matrix"]["which"]} == {"oldest", "newest"}


def test_only_a_tested_book_from_main_is_published():
    publish = load("ci.yml")["jobs"]["publish"]
    assert publish["needs"] == "test"
    assert "github.event_name == 'push'" in publish["if"]
    assert "refs/heads/main" in publish["if"]
    assert sum("pages" in path.read_text(encoding="utf-8") for path in WORKFLOWS) == 1


def test_our_own_runner_runs_only_code_that_was_looked_at():
    for path in WORKFLOWS:
        workflow = load(path.name)
        if any("self-hosted" in job["runs-on"] for job in workflow["jobs"].values()):
            triggers = workflow[True]  # YAML reads the key `on` as true
            assert "pull_request_target" not in triggers
            assert triggers.get("pull_request", {}).get("types") == ["labeled"]


def test_gpu_notebooks_run_one_at_a_time_in_their_budget(monkeypatch):
    workflow = load("gpu.yml")
    assert workflow["jobs"]["notebooks"]["env"]["LESSONS_BUDGET"] == "gpu"
    assert "gpu" in workflow["jobs"]["notebooks"]["runs-on"]
    called = []
    monkeypatch.setattr(tasks, "ensure_env", lambda: None)
    monkeypatch.setattr(tasks, "python", lambda *words, **env: called.append((words, env)))
    monkeypatch.setattr(sys, "argv", ["tasks.py", "nbval", "--budget", "gpu"])
    tasks.main()
    [(words, env)] = called
    assert env["LESSONS_BUDGET"] == "gpu"
    assert words[words.index("-n") + 1] == "0"


def test_the_gate_runs_the_readmes_test_command_with_the_browser():
    assert re.search(r"^make test$", CI, re.MULTILINE)
    assert "`make test`" in (tasks.ROOT / "README.md").read_text(encoding="utf-8")
    assert "chromium" in CI
    assert subprocess.run(["bash", "-n", Path(tasks.ROOT) / ".ci" / "run"], check=False).returncode == 0
    makefile = (tasks.ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.search(r"TASKS := (.+)", makefile)[1].split()) == set(tasks.TASKS)
