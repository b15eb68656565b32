"""What students handed in: who, which file, when, and the answers in it. Nothing in a submission is executed here.

Read are: a folder a student (SUBMISSIONS/ada/convolve.ipynb; nbgrader's ada/convolve/convolve.ipynb; Moodle's
"Ada L_123_assignsubmission_file_"), one file a student (ada.ipynb), Canvas's flat names (ada_12_345_convolve.ipynb) and
Moodle's ("Ada L_123_assignsubmission_file_convolve.ipynb"). The file may have any name, and may be zipped.
"""

from __future__ import annotations

import dataclasses
import io
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from lessons_grader import notebooks, tables
from lessons_grader.authoring.rubrics import STUB
from lessons_grader.notebooks import CourseError
from lessons_grader.record import CORRUPT, MISSING, TWO

CANVAS = re.compile(r"(?P<student>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_.*")
MOODLE = re.compile(r"(?P<student>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?.*")
# As browsers save them, too; a zip may hold one.
NOTEBOOK = re.compile(r"(?P<stem>.+?)\.(?:ipynb(?:\.txt|\.json|\.zip)?|zip)", re.IGNORECASE | re.DOTALL)
HIDDEN = ("__", "._", ".i")  # what a Mac and JupyterLab put beside a notebook: __MACOSX, ._x, .ipynb_checkpoints
LONGEST = 200_000  # letters of an answer
LONGEST_TEXT = 50_000  # letters of a written part that are read


@dataclasses.dataclass(frozen=True)
class Submission:
    """One student's file.

    Attributes
    ----------
    student : str
        Whose it is.
    path : Path or None
        The file; None if there is none, or more than one.
    handed_in : datetime or None
        When it was handed in.
    problem : str
        The status MISSING, CORRUPT or TWO if it cannot be graded, else "".
    note : str
        A sentence on the problem, for the student.
    """

    student: str
    path: Path | None
    handed_in: datetime | None = None
    problem: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a submission says: the code of each answer, the text of each written part, notes for the student."""

    answers: dict[str, str]
    written: dict[str, str]
    notes: tuple[str, ...]


def roster(path: Path) -> list[dict[str, str]]:
    """Read the list of a course's students.

    Parameters
    ----------
    path : Path
        A CSV file with a column `student`, which has the names of their folders, and any others.

    Returns
    -------
    list of dict
        One for each student.

    Raises
    ------
    CourseError
        If it cannot be read, or a student has no name or one that another has too.
    """
    table = tables.read(path, "a roster")
    rows = [{_name(column): _name(cell) for column, cell in row.items()} for row in table.rows]
    names = [row.get("student", "") for row in rows]
    for name in names:
        if not name or name.startswith(".") or set(name) & set("/\\\0") or names.count(name) > 1:
            raise CourseError(f"{path}: student {name!r} must be a folder name of its own: a column `student` has them")
    return rows


def find(folder: Path, assignment: str, students: list[str] | None = None) -> list[Submission]:
    """Find all submissions in a folder.

    Parameters
    ----------
    folder : Path
        The folder, in one of the shapes that the top of this module lists.
    assignment : str
        The name of the assignment: a student's folder may have notebooks of others too.
    students : list of str, optional
        The students of the roster; for each of them something is returned.

    Returns
    -------
    list of Submission
        In the order of the students' names.

    Raises
    ------
    CourseError
        If there is no such folder.
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
        plain = entry.name if inner or not match else match["stem"]
        known = MOODLE.fullmatch(entry.name) or (None if inner else CANVAS.fullmatch(plain))
        name, number = (known["student"], known["number"]) if known else (plain, "")
        who = re.sub(r"^(\.|$)", r"_\1", _name(name)), number  # it will name a folder: never `..`
        files.setdefault(who, []).extend(_in_folder(entry, assignment) if inner else [entry])
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
    """Read the file that was handed in, which may be a zip with one notebook in it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        The notebook.

    Raises
    ------
    CourseError
        If it is no plain file, too large, or a zip that holds none or several.
    """
    data = notebooks.load(path)
    return _unzipped(data, path.name) if data.startswith(b"PK\x03\x04") else data


def read(data: bytes, name: str, questions: list[str], parts: list[dict]) -> Contents:
    """Read what a submission says.

    Parameters
    ----------
    data : bytes
        The notebook, from `load`.
    name : str
        The name of its file, for messages.
    questions : list of str
        The names of the assignment's answer cells.
    parts : list of dict
        The written parts of its bundle.

    Returns
    -------
    Contents

    Raises
    ------
    CourseError
        If it is no notebook, or has none of the answer cells.
    """
    notebook = notebooks.parse(data, name)
    found, notes = answers(notebook, questions)
    return Contents(found, texts(notebook, parts), tuple(notes))


def answers(notebook: dict, questions: list[str]) -> tuple[dict[str, str], list[str]]:
    """Find the answer cells of a notebook.

    A cell that JupyterLab split in two, or that was copied, has its name twice: the parts run in order, as they did for
    the student. A cell that was deleted has no answer.

    Parameters
    ----------
    notebook : dict
        A notebook that was parsed.
    questions : list of str
        The names of the answer cells.

    Returns
    -------
    answers : dict of str
        The source of each answer that there is.
    notes : list of str
        What the student is told about the odd ones.

    Raises
    ------
    CourseError
        If there is no answer cell at all.
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


def texts(notebook: dict, parts: list[dict]) -> dict[str, str]:
    """Find the written parts of a notebook.

    Parameters
    ----------
    notebook : dict
        A notebook that was parsed.
    parts : list of dict
        The written parts of the assignment's bundle.

    Returns
    -------
    dict of str
        The text of each part; "" where the cell is gone, empty, or as it was handed out.
    """
    found = {}
    for part in parts:
        cells = [cell["source"].strip() for cell in notebook["cells"] if notebooks.grade_id(cell) == part["id"]]
        said = "\n\n".join(text for text in cells if text != part["stub"].strip())
        found[part["id"]] = said.replace(STUB, "").strip()[:LONGEST_TEXT]
    return found


def is_late(submission: Submission, due: datetime | None) -> bool:
    """Whether it was handed in after `due`, which is this machine's time if it has no time zone."""
    return bool(due and submission.handed_in and submission.handed_in > due.astimezone(UTC))


def _giant(source: str) -> bool:
    return len(source) > LONGEST


def _name(text: str) -> str:
    """A student's name in letters that every file system, table and terminal can write, one way for all spellings."""
    return unicodedata.normalize("NFC", text.strip()).encode("utf-8", "backslashreplace").decode()


def _in_folder(folder: Path, assignment: str) -> list[Path]:
    """The notebooks of a student's folder that may be this assignment. No linked folder is entered."""
    inner = folder / assignment
    if inner.is_dir() and not inner.is_symlink():
        folder = inner
    found = sorted(p for p in folder.iterdir() if NOTEBOOK.fullmatch(p.name) and not p.name.startswith("."))
    named = [path for path in found if path.name.lower().startswith(assignment)]
    return named or found


def _unzipped(data: bytes, name: str) -> bytes:
    """The one notebook in a zip, unpacked in memory and only as far as a notebook may be large."""
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
    """The submission of a student with these files; `there` is what lies in the student's folder in their place."""
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
