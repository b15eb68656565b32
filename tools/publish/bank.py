"""The quizzes as a question bank: `python -m tools.publish.bank [NAME ...] [-o FOLDER]` for Moodle, Canvas and others.

Writes moodle.xml (Moodle XML, a category a chapter) and canvas.zip (QTI 1.2, a quiz a chapter), with the explanation
of each answer as its feedback. Both come from book/exercises/NAME.yml; a second run writes the same bytes.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from tools.publish import exercises, kit

ROOT = Path(__file__).resolve().parents[2]

OUT = ROOT / "book" / "_build" / "kit"
QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
TYPE = "imsqti_xmlv1p2"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same on every run


def questions(name: str) -> list[dict]:
    """A chapter's questions: `id`, `ask` and `answers`, a list of (answer, why, right or not); all of it HTML.

    Raises SystemExit for mathematics between dollars, which Moodle and Canvas each want in a form of their own.
    """
    made = []
    for number, question in enumerate(exercises.read(exercises.SOURCES / f"{name}.yml")["quiz"], 1):
        answers = [(exercises.inline(a), exercises.inline(why), right) for a, why, right in exercises.answers(question)]
        made.append({"id": f"{name}-{number}", "ask": exercises.inline(question["ask"]), "answers": answers})
        if "$" in str(made[-1]):
            raise SystemExit(f"question {number} of {name} has a $: write the formula in words or in code")
    return made


def title(name: str) -> str:
    """A chapter's title, from its notebook."""
    notebook = json.loads((exercises.BOOK / f"{name}.ipynb").read_text(encoding="utf-8"))
    return "".join(notebook["cells"][0]["source"]).splitlines()[0].removeprefix("# ").strip()


def moodle(chapters: dict[str, list[dict]]) -> bytes:
    """Moodle XML of {title: questions}: single choice, answers shuffled, each with its own feedback."""
    quiz = ElementTree.Element("quiz")
    for chapter, found in chapters.items():
        category = ElementTree.SubElement(quiz, "question", type="category")
        place = chapter.replace("/", "//")  # a single one would open a category below
        _text(category, "category", f"$course$/top/From pixels to RIDNet/{place}")
        for number, question in enumerate(found, 1):
            node = ElementTree.SubElement(quiz, "question", type="multichoice")
            _text(node, "name", f"{chapter} {number}")
            _text(node, "questiontext", f"<p>{question['ask']}</p>", format="html")
            for key, value in (("defaultgrade", "1"), ("penalty", "0.3333333"), ("hidden", "0")):
                ElementTree.SubElement(node, key).text = value
            ElementTree.SubElement(node, "idnumber").text = question["id"]
            for key, value in (("single", "true"), ("shuffleanswers", "true"), ("answernumbering", "ABCD")):
                ElementTree.SubElement(node, key).text = value
            for answer, why, right in question["answers"]:
                child = _text(node, "answer", f"<p>{answer}</p>", fraction="100" if right else "0", format="html")
                _text(child, "feedback", f"<p>{why}</p>", format="html")
    return _bytes(quiz)


def canvas(chapters: dict[str, list[dict]]) -> dict[str, bytes]:
    """The files of a QTI 1.2 package of {title: questions}, by their path in the zip."""
    files = {}
    manifest = ElementTree.Element("manifest", identifier="from-pixels-to-ridnet", xmlns=PACKAGE)
    about = ElementTree.SubElement(manifest, "metadata")
    ElementTree.SubElement(about, "schema").text = "IMS Content"
    ElementTree.SubElement(about, "schemaversion").text = "1.1.3"
    ElementTree.SubElement(manifest, "organizations")
    resources = ElementTree.SubElement(manifest, "resources")
    for chapter, found in chapters.items():
        ident = found[0]["id"].rpartition("-")[0]
        path = f"{ident}/{ident}.xml"
        ElementTree.SubElement(
            ElementTree.SubElement(resources, "resource", identifier=ident, type=TYPE, href=path), "file", href=path
        )
        interop = ElementTree.Element("questestinterop", xmlns=QTI)
        assessment = ElementTree.SubElement(interop, "assessment", ident=ident, title=f"Quiz: {chapter}")
        _metadata(assessment, {"cc_maxattempts": "unlimited"})
        section = ElementTree.SubElement(assessment, "section", ident="root_section")
        for number, question in enumerate(found, 1):
            _item(section, question, f"{chapter} {number}")
        files[path] = _bytes(interop)
    return {"imsmanifest.xml": _bytes(manifest), **files}


def _item(section: ElementTree.Element, question: dict, name: str) -> None:
    """One question as Canvas writes and reads it: feedback by answer, then 100 points of 100 for the right one."""
    item = ElementTree.SubElement(section, "item", ident=question["id"], title=name)
    labels = [f"{question['id']}-{letter}" for letter, _ in zip("abcdefgh", question["answers"], strict=False)]
    _metadata(
        ElementTree.SubElement(item, "itemmetadata"),
        {"question_type": "multiple_choice_question", "points_possible": "1", "original_answer_ids": ",".join(labels)},
    )
    presentation = ElementTree.SubElement(item, "presentation")
    _material(presentation, question["ask"])
    response = ElementTree.SubElement(presentation, "response_lid", ident="response1", rcardinality="Single")
    choices = ElementTree.SubElement(response, "render_choice", shuffle="Yes")
    processing = ElementTree.SubElement(item, "resprocessing")
    outcomes = ElementTree.SubElement(processing, "outcomes")
    ElementTree.SubElement(outcomes, "decvar", maxvalue="100", minvalue="0", varname="SCORE", vartype="Decimal")
    for label, (answer, why, _) in zip(labels, question["answers"], strict=True):
        _material(ElementTree.SubElement(choices, "response_label", ident=label), answer)
        told = _condition(processing, label, "Yes")
        ElementTree.SubElement(told, "displayfeedback", feedbacktype="Response", linkrefid=f"{label}_fb")
        feedback = ElementTree.SubElement(item, "itemfeedback", ident=f"{label}_fb")
        _material(ElementTree.SubElement(feedback, "flow_mat"), why)
    [right] = [label for label, answer in zip(labels, question["answers"], strict=True) if answer[2]]
    ElementTree.SubElement(_condition(processing, right, "No"), "setvar", action="Set", varname="SCORE").text = "100"


def _condition(processing: ElementTree.Element, label: str, more: str) -> ElementTree.Element:
    condition = ElementTree.SubElement(processing, "respcondition", {"continue": more})
    variable = ElementTree.SubElement(condition, "conditionvar")
    ElementTree.SubElement(variable, "varequal", respident="response1").text = label
    return condition


def _metadata(parent: ElementTree.Element, fields: dict[str, str]) -> None:
    metadata = ElementTree.SubElement(parent, "qtimetadata")
    for label, entry in fields.items():
        field = ElementTree.SubElement(metadata, "qtimetadatafield")
        ElementTree.SubElement(field, "fieldlabel").text = label
        ElementTree.SubElement(field, "fieldentry").text = entry


def _material(parent: ElementTree.Element, html: str) -> None:
    material = ElementTree.SubElement(parent, "material")
    ElementTree.SubElement(material, "mattext", texttype="text/html").text = f"<p>{html}</p>"


def _text(parent: ElementTree.Element, tag: str, text: str, **attributes: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag, attributes)
    ElementTree.SubElement(child, "text").text = text
    return child


def _bytes(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"


def write(names: list[str], out: Path) -> list[Path]:
    """Write both banks of these chapters into a folder; returns their paths."""
    chapters = {title(name): questions(name) for name in names}
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / "moodle.xml", out / "canvas.zip"]
    paths[0].write_bytes(moodle(chapters))
    with zipfile.ZipFile(paths[1], "w") as archive:
        for path, data in canvas(chapters).items():
            archive.writestr(zipfile.ZipInfo(path, LONG_AGO), data, zipfile.ZIP_DEFLATED)
    return paths


def main() -> None:
    known = (path.stem for path in exercises.SOURCES.glob("*.yml"))
    for path in write(*kit.asked(__doc__, "quiz of", known, OUT)):
        print(path)


if __name__ == "__main__":
    main()
