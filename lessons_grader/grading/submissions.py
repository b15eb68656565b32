"""What students handed in: who, which file, when, and the answers in it. Nothing in a submission is executed here.

Read are: a folder a student (SUBMISSIONS/ada/convolve.ipynb; nbgrader's ada/convolve/convolve.ipynb; Moodle's
"Ada L_123_assignsubmission_file_"), one file a student (ada.ipynb), Canvas's flat names (ada_12_345_convolve.ipynb) and
Moodle's ("Ada L_123_assignsubmission_file_convolve.ipynb"). The file may have any name, and may be zipped.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from lessons_grader import notebooks
from lessons_grader.notebooks import CourseError

CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_.*")
MOODLE = re.compile(r"(?P<student>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?.*")
# As browsers save them, too; a zip may hold one.
NOTEBOOK = re.compile(r"(?P<stem>.+?)\.(?:ipynb(?:\.txt|\.json|\.zip)?|zip)", re.IGNORECASE | re.DOTALL)
HIDDEN = ("__", "._", ".i")  # what a Mac and JupyterLab put beside a notebook: __MACOSX, ._x, .ipynb_checkpoints
MISSING, CORRUPT, TWO = "missing", "corrupt", "two files"
LONGEST = 200_000  # letters of an answer


@dataclasses.dataclass(frozen=True)
class Submission:
    """One student's file. `problem` is a status (missing, corrupt, two files) or "", with `note` saying more."""

    student: str
    path: Path | None
    handed_in: datetime | None = None
    problem: str = ""
    note: str = ""


def roster(path: Path) -> list[dict[str, str]]:
    """The course list: a CSV with a column `student` (the folder's name) and any others. Raises CourseError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        comma = ";" if text.partition("\n")[0].count(";") else ","  # spreadsheets write what their language uses
        table = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma)
        rows = [{_name(k): _name(v or "") for k, v in row.items() if k is not None} for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read as a CSV table ({error}): export it as CSV in UTF-8") from error
    names = [row.get("student", "") for row in rows]
    for name in names:
        if not name or name.startswith(".") or set(name) & set("/\\\0") or names.count(name) > 1:
            raise CourseError(f"{path}: student {name!r} must be a folder name of its own: a column `student` has them")
    return rows


def find(folder: Path, assignment: str, students: list[str] | None = None) -> list[Submission]:
    """All submissions in a folder, in the order of the names; with a roster also those that are missing.

    Raises CourseError if there is no such folder.
    """
    if not folder.is_dir():
        raise CourseError(f"{folder} is no folder: give the one that holds the submissions")
    files: dict[tuple[str, str], list[Path]] = {}
    there: dict[str, str] = {}  # what a folder without a notebook holds
    for entry in sorted(folder.iterdir()):
        inner = entry.is_dir() and not entry.is_symlink()
        match = NOTEBOOK.fullmatch(entry.name)
        if entry.name.startswith(".") or not (inner or match):
            continue
        plain = entry.name if inner else match["stem"]
        known = MOODLE.fullmatch(entry.name) or (None if inner else CANVAS.fullmatch(plain))
        name, number = (known["student"], known["number"]) if known else (plain, "")
        who = re.sub(r"^(\.|$)", r"_\1", _name(name)), number  # it will name a folder: never `..`
        files.setdefault(who, []).extend(_inside(entry, assignment) if inner else [entry])
        if inner and not files[who]:
            there[who[0]] = ", ".join(sorted(_name(path.name) for path in entry.iterdir())[:10])
    alike = Counter(name for name, _ in files)  # two students may have one name; the platform's numbers tell them apart
    named = {
        f"{name} {number}" if number and alike[name] > 1 else name: found for (name, number), found in files.items()
    }
    everybody = sorted(set(named) | set(students or ()))
    return [_submission(name, named.get(name, []), folder, there.get(name, "")) for name in everybody]


def aside(folder: Path) -> list[str]:
    """The names of the files between the submissions that are taken for none."""
    plain = [entry for entry in sorted(folder.iterdir()) if entry.is_symlink() or not entry.is_dir()]
    return [_name(e.name) for e in plain if not e.name.startswith(".") and not NOTEBOOK.fullmatch(e.name)]


def load(path: Path) -> bytes:
    """The bytes of the notebook that was handed in, also out of a zip that holds one. Raises CourseError."""
    data = notebooks.load(path)
    return _unzipped(data, path.name) if data.startswith(b"PK\x03\x04") else data


def answers(notebook: dict, questions: list[str]) -> tuple[dict[str, str], list[str]]:
    """The source of each answer cell, and notes for the student about what is odd.

    A cell that JupyterLab split in two, or that was copied, has its name twice: the parts run in order, as they did for
    the student. A cell that was deleted has no answer. Raises CourseError if there is no answer cell at all.
    """
    found: dict[str, list[str]] = {}
    for cell in notebook["cells"]:
        name = notebooks.grade_id(cell)
        if name in questions and cell.get("cell_type") == "code":
            found.setdefault(name, []).append(cell["source"])
    gone = [question for question in questions if question not in found]
    if len(gone) == len(questions):
        raise CourseError("no answer cell of this assignment is in it: is it the right notebook?")
    notes = [f"The answer cell of {', '.join(gone)} is gone: download the notebook again and copy it."] if gone else []
    for question, parts in found.items():
        if len(parts) > 1:
            notes.append(f"{question}: {len(parts)} cells carry this name; they were run in order.")
    joined = {q: "\n".join(parts) for q, parts in found.items()}
    notes += [
        f"{q}: the answer is longer than {LONGEST} letters and was left out." for q in joined if _giant(joined[q])
    ]
    return {q: source for q, source in joined.items() if not _giant(source)}, notes


def is_late(submission: Submission, due: datetime | None) -> bool:
    """Whether it was handed in after the last minute; a `due` without time zone is this machine's."""
    return bool(due and submission.handed_in and submission.handed_in > due.astimezone(UTC))


def _giant(source: str) -> bool:
    return len(source) > LONGEST


def _name(text: str) -> str:
    """A student's name as one that every file, table and terminal can write; the same however it was typed."""
    return unicodedata.normalize("NFC", text.strip()).encode("utf-8", "backslashreplace").decode()


def _inside(folder: Path, assignment: str) -> list[Path]:
    """The notebooks of a student's folder that may be this assignment. No link is followed: it may lead elsewhere."""
    inner = folder / assignment
    if inner.is_dir() and not inner.is_symlink():
        folder = inner
    found = sorted(p for p in folder.iterdir() if NOTEBOOK.fullmatch(p.name) and not p.name.startswith("."))
    named = [path for path in found if path.name.lower().startswith(assignment)]
    return named or found


def _unzipped(data: bytes, name: str) -> bytes:
    """The one notebook in a zip, in memory, and no more of it than a notebook may have."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".ipynb")]
            files = [entry for entry in files if not set(HIDDEN) & {part[:2] for part in Path(entry.filename).parts}]
            if len(files) != 1 or files[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise CourseError(f"{name} holds {len(files)} notebooks that can be read: hand in one .ipynb file")
            with archive.open(files[0]) as file:
                found = file.read(notebooks.LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, CourseError):
            raise
        raise CourseError(f"{name} is a zip that cannot be read ({error}): hand in the .ipynb file itself") from error
    if len(found) > notebooks.LARGEST:
        raise CourseError(f"the notebook in {name} is larger than {notebooks.LARGEST >> 20} MB: clear its outputs")
    return found


def _submission(name: str, found: list[Path], folder: Path, there: str) -> Submission:
    if not found:
        return Submission(name, None, problem=MISSING, note=there and f"There is only {there}: a notebook is needed.")
    if len(found) > 1:
        files = ", ".join(_name(path.name) for path in found)
        return Submission(name, None, problem=TWO, note=f"{files}: keep the one that counts, then grade again")
    path = found[0]
    stamp = path.with_name("timestamp.txt")
    collected = len(path.relative_to(folder).parts) == 3  # nbgrader's; elsewhere a student may have written the stamp
    try:
        words = notebooks.load(stamp).decode().split() if collected and stamp.exists() else []
        when = datetime.fromisoformat(" ".join(words[:2])) if words else None
        if when is None:
            when = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except (OSError, ValueError) as error:
        return Submission(name, path, problem=CORRUPT, note=f"no time of handing in: {error}")
    return Submission(name, path, when if when.tzinfo else when.replace(tzinfo=UTC))
