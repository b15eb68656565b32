"""A change asks for the proofs of what it touched, and for the pages it changed; nobody's guess skips a proof."""

import os
import subprocess

import pytest

from tools import changes

PAGES = ["denoising.html", "pooling.html", "unet.html", "course/attend.html", *(f"page{n}.html" for n in range(20))]


@pytest.mark.parametrize(
    ("files", "needed"),
    [
        ([], []),
        (["README.md"], []),
        (["lessons_grader/sandbox/runner.py"], ["assignments"]),
        (["lessons_grader_notes.md"], []),
        (["tests/lessons_lib/test_training.py"], ["library"]),
        (["book/assignments/attend.ipynb"], ["assignments", "pages", "exercises"]),
        (["lessons_lib/training.py"], ["library", "exercises"]),
        (["_config.yml"], ["pages"]),
        (None, ["library", "assignments", "pages", "exercises"]),
    ],
)
def test_a_change_needs_the_proofs_of_what_it_touched(files, needed):
    assert changes.proofs(files) == needed


def test_proofs_that_do_not_fit_are_named_and_the_others_run(capsys, monkeypatch):
    assert changes.fitting(list(changes.PROOFS), float("inf")) == list(changes.PROOFS) == list(changes.MINUTES)
    assert changes.fitting(["assignments", "pages"], changes.MINUTES["assignments"]) == ["assignments"]
    assert changes.fitting(["assignments", "pages"], changes.MINUTES["pages"]) == ["pages"]
    monkeypatch.setattr(changes, "changed", lambda: None)
    monkeypatch.setattr(
        "sys.argv", ["changes", "--minutes", str(changes.MINUTES["library"] + changes.MINUTES["pages"])]
    )
    changes.main()
    said = capsys.readouterr()
    assert said.out.split() == ["library", "pages"]
    assert "make prove NAMES='assignments exercises'" in said.err


def test_changed_pages_are_opened_and_a_sample_of_the_others():
    files = ["book/denoising.ipynb", "book/exercises/pooling.yml", "book/assignments/attend.ipynb"]
    opened = changes.chosen_pages(PAGES, files, "one commit")
    assert opened >= {"denoising.html", "pooling.html", "course/attend.html"}
    assert len(opened) == 3 + changes.SAMPLE
    assert opened == changes.chosen_pages(PAGES, files, "one commit")
    assert len({frozenset(changes.chosen_pages(PAGES, files, str(n))) for n in range(20)}) > 10, "each commit others"
    assert changes.chosen_pages(PAGES, None, "") == set(PAGES)


def test_where_git_cannot_say_all_counts_as_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "ROOT", tmp_path)
    monkeypatch.delenv("LESSONS_BASE", raising=False)
    assert changes.changed() is None


def test_the_base_is_half_a_day_older_and_uncommitted_files_count(tmp_path, monkeypatch):
    def git(*words, when=0):
        roles, values = ("AUTHOR", "COMMITTER"), {"NAME": "a", "EMAIL": "a@b", "DATE": f"{10**9 + when} +0000"}
        who = {f"GIT_{role}_{key}": value for role in roles for key, value in values.items()}
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, env=os.environ | who)

    for name in ("LESSONS_BASE", "GITHUB_BASE_REF"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(changes, "ROOT", tmp_path)
    git("init", "-q")
    for number, when in enumerate((0, 40_000, 80_000, 90_000)):
        (tmp_path / f"{number}.txt").write_text("x")
        git("add", "-A")
        git("commit", "-qm", "x", when=when)
    (tmp_path / "new.txt").write_text("x")
    assert sorted(changes.changed()) == ["2.txt", "3.txt", "new.txt"]
    monkeypatch.setenv("LESSONS_BASE", "HEAD~1")
    assert sorted(changes.changed()) == ["3.txt", "new.txt"]
