"""The question bank says what the quizzes say, read as Moodle's importer and as a QTI 1.2 player read it.

The rules are those of Moodle's question/format/xml/format.php and of the binding of IMS QTI 1.2.1.
"""

import io
import re
import zipfile
from xml.etree import ElementTree

import pytest

from tools.publish import bank, exercises

NAMES = sorted(path.stem for path in exercises.SOURCES.glob("*.yml"))
FORMATS = {"html", "markdown", "plain_text", "moodle_auto_format"}
NUMBERINGS = {"abc", "ABCD", "123", "iii", "IIII", "none"}
Q = f"{{{bank.QTI}}}"
P = f"{{{bank.PACKAGE}}}"
# What may stand in an element, in this order, of all that QTI 1.2 has.
CHILDREN = {
    "questestinterop": "assessment",
    "assessment": "qtimetadata? section+",
    "section": "item+",
    "item": "itemmetadata? presentation resprocessing? itemfeedback*",
    "itemmetadata": "qtimetadata",
    "qtimetadata": "qtimetadatafield+",
    "qtimetadatafield": "fieldlabel fieldentry",
    "presentation": "material response_lid",
    "response_lid": "render_choice",
    "render_choice": "response_label+",
    "response_label": "material",
    "material": "mattext",
    "resprocessing": "outcomes respcondition+",
    "outcomes": "decvar+",
    "respcondition": "conditionvar setvar* displayfeedback*",
    "conditionvar": "varequal",
    "itemfeedback": "flow_mat",
    "flow_mat": "material",
}


def read_by_moodle(data):
    """{idnumber: (category, ask, [(answer, feedback, fraction)])}; ValueError where the importer stops."""
    found, category = {}, None
    root = ElementTree.fromstring(data)
    if root.tag != "quiz":
        raise ValueError("the root is no quiz")
    for node in root:
        if node.tag != "question":
            raise ValueError(f"{node.tag} is no question")
        if node.get("type") == "category":
            category = node.findtext("category/text")
            continue
        if node.get("type") != "multichoice" or not (node.findtext("name/text") or "").strip():
            raise ValueError("a question without a known type, or without a name")
        if node.findtext("single") not in {"true", "false"} or node.findtext("answernumbering") not in NUMBERINGS:
            raise ValueError("single or answernumbering is not one that Moodle knows")
        texts = [node.find("questiontext"), *node.findall("answer"), *node.findall("answer/feedback")]
        if {text.get("format") for text in texts} - FORMATS or not all(text.findtext("text").strip() for text in texts):
            raise ValueError("a text is empty, or its format is unknown")
        answers = [
            (a.findtext("text"), a.findtext("feedback/text"), float(a.get("fraction"))) for a in node.iter("answer")
        ]
        if node.findtext("single") == "true" and max(fraction for *_, fraction in answers) != 100:
            raise ValueError("no answer of a single choice has the whole mark")
        if node.findtext("idnumber") in found:
            raise ValueError("an idnumber comes twice")
        found[node.findtext("idnumber")] = (category, node.findtext("questiontext/text"), answers)
    return found


def misplaced(node):
    """Elements of a QTI tree that do not stand where QTI 1.2 has them."""
    tag = node.tag.removeprefix(Q)
    words = CHILDREN.get(tag, "").split()
    pattern = "".join(f"(?:{w.rstrip('?*+')} ){w[len(w.rstrip('?*+')) :]}" for w in words)
    inside = "".join(f"{child.tag.removeprefix(Q)} " for child in node)
    wrong = [] if re.fullmatch(pattern, inside) else [f"{tag}: {inside}"]
    return wrong + [fault for child in node for fault in misplaced(child)]


def play(item, label):
    """(score, feedback) when somebody chooses the answer `label`, by the item's own conditions."""
    score, shown = 0.0, []
    for condition in item.iter(f"{Q}respcondition"):
        if condition.findtext(f"{Q}conditionvar/{Q}varequal") != label:
            continue
        if (points := condition.find(f"{Q}setvar")) is not None:
            assert points.get("action") == "Set" and points.get("varname") == "SCORE"
            score = float(points.text)
        for told in condition.iter(f"{Q}displayfeedback"):
            [feedback] = [f for f in item.iter(f"{Q}itemfeedback") if f.get("ident") == told.get("linkrefid")]
            shown.append(feedback.findtext(f".//{Q}mattext"))
        if condition.get("continue") == "No":
            break
    return score, shown


def read_by_canvas(files):
    """{item: (quiz, ask, [(answer, feedback, score)])} of a package, played through."""
    manifest = ElementTree.fromstring(files["imsmanifest.xml"])
    resources = list(manifest.iter(f"{P}resource"))
    assert {r.get("type") for r in resources} == {"imsqti_xmlv1p2"}
    listed = [node.get("href") for r in resources for node in r.iter(f"{P}file")]
    assert sorted([*listed, "imsmanifest.xml"]) == sorted(files), "each file is listed, and each listed one is there"
    found = {}
    for path in listed:
        root = ElementTree.fromstring(files[path])
        assert misplaced(root) == []
        idents = [node.get("ident") for node in root.iter() if node.get("ident") and node.tag != f"{Q}response_lid"]
        assert len(idents) == len(set(idents))
        for item in root.iter(f"{Q}item"):
            fields = {f.findtext(f"{Q}fieldlabel"): f.findtext(f"{Q}fieldentry") for f in item.iter(Q + FIELD)}
            labels = {x.get("ident"): x.findtext(f".//{Q}mattext") for x in item.iter(f"{Q}response_label")}
            assert fields["question_type"] == "multiple_choice_question"
            assert fields["original_answer_ids"].split(",") == list(labels)
            answers = []
            for label, text in labels.items():
                score, [feedback] = play(item, label)
                answers.append((text, feedback, score))
            quiz = root.find(f"{Q}assessment").get("title")
            found[item.get("ident")] = (quiz, item.findtext(f"{Q}presentation/{Q}material/{Q}mattext"), answers)
    return found


FIELD = "qtimetadatafield"


def unpacked(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def meant():
    """What both banks have to say, from the sources."""
    found = {}
    for name in NAMES:
        for number, question in enumerate(exercises.read(exercises.SOURCES / f"{name}.yml")["quiz"], 1):
            told = [
                (exercises.inline(a), exercises.inline(why), right) for a, why, right in exercises.answers(question)
            ]
            answers = [(f"<p>{a}</p>", f"<p>{why}</p>", 100.0 * right) for a, why, right in told]
            found[f"{name}-{number}"] = (bank.title(name), f"<p>{exercises.inline(question['ask'])}</p>", answers)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return bank.write(NAMES, tmp_path_factory.mktemp("bank"))


def test_moodle_reads_every_quiz_as_it_is_meant(made):
    found = read_by_moodle(made[0].read_bytes())
    assert len(found) == 5 * len(NAMES) >= 60
    for ident, (chapter, ask, answers) in meant().items():
        category, *rest = found[ident]
        assert category == f"$course$/top/From pixels to RIDNet/{chapter}"
        assert rest == [ask, answers]


def test_canvas_plays_every_quiz_as_it_is_meant(made):
    found = read_by_canvas(unpacked(made[1]))
    assert found == {ident: (f"Quiz: {chapter}", *rest) for ident, (chapter, *rest) in meant().items()}


def test_a_second_run_writes_the_same_bytes(made, tmp_path):
    assert [path.read_bytes() for path in bank.write(NAMES, tmp_path)] == [path.read_bytes() for path in made]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'fraction="100"', b'fraction="90"'),
        (b"<single>true</single>", b"<single>yes</single>"),
        (b'<questiontext format="html">', b'<questiontext format="rich">'),
        (b"pooling-2</idnumber>", b"pooling-1</idnumber>"),
    ],
)
def test_moodles_rules_can_fail(old, new):
    data = bank.moodle({"Pooling": bank.questions("pooling")})
    assert old in data
    with pytest.raises(ValueError):
        read_by_moodle(data.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'linkrefid="pooling-1-a_fb"', b'linkrefid="pooling-1-b_fb"'),
        (b">100</setvar>", b">50</setvar>"),
        (b'continue="Yes"', b'continue="No"'),
    ],
)
def test_qtis_rules_can_fail(old, new):
    files = bank.canvas({"Pooling": bank.questions("pooling")})
    right = read_by_canvas(files)
    assert old in files["pooling/pooling.xml"]
    files["pooling/pooling.xml"] = files["pooling/pooling.xml"].replace(old, new)
    assert read_by_canvas(files) != right


def test_an_element_out_of_place_is_found():
    root = ElementTree.fromstring(bank.canvas({"Pooling": bank.questions("pooling")})["pooling/pooling.xml"])
    item = next(root.iter(f"{Q}item"))
    item.append(item.find(f"{Q}presentation"))
    assert len(misplaced(root)) == 1


def test_formulas_are_refused_and_unknown_chapters_too(tmp_path, monkeypatch):
    text = (exercises.SOURCES / "pooling.yml").read_text(encoding="utf-8").replace("ask: ", 'ask: "$x^2$?" #', 1)
    (tmp_path / "pooling.yml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(exercises, "SOURCES", tmp_path)
    with pytest.raises(SystemExit, match=r"question 1 of pooling has a \$"):
        bank.questions("pooling")
    monkeypatch.setattr("sys.argv", ["bank.py", "no-such", "-o", str(tmp_path)])
    with pytest.raises(SystemExit, match="no quiz of no-such: choose from pooling"):
        bank.main()


def test_the_package_is_a_zip_that_holds_no_folder_and_no_time(made):
    with zipfile.ZipFile(io.BytesIO(made[1].read_bytes())) as archive:
        assert {info.date_time for info in archive.infolist()} == {bank.LONG_AGO}
        assert not any(info.is_dir() for info in archive.infolist())
