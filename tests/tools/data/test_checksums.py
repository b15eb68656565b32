import pytest

from tools.data import checksums


@pytest.fixture
def table(tmp_path, monkeypatch):
    path = tmp_path / "checksums.tsv"
    path.write_text("path\tbytes\tsha256\tpixels\nset5/baby.png\t1\tab\nset12/01.png\t2\tcd\n", encoding="utf-8")
    monkeypatch.setattr(checksums, "OUT", path)
    return path


def test_only_the_sets_in_the_folder_are_written_anew(table, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "sets"
    (folder / "set12").mkdir(parents=True)
    (folder / "set12" / "new.txt").write_bytes(b"x")
    monkeypatch.setattr("sys.argv", ["checksums", str(folder)])
    monkeypatch.setattr(checksums, "BY_PIXELS", ())
    checksums.main()
    rows = table.read_text(encoding="utf-8").splitlines()
    assert "set5/baby.png\t1\tab" in rows
    assert [row.split("\t")[:2] for row in rows if row.startswith("set12/")] == [["set12/new.txt", "1"]]
    assert "written anew: set12" in capsys.readouterr().out


def test_a_folder_without_a_set_writes_nothing(table, tmp_path, monkeypatch):
    before = table.read_bytes()
    monkeypatch.setattr("sys.argv", ["checksums", str(tmp_path / "nothing")])
    with pytest.raises(SystemExit, match="no folder named as a registered set"):
        checksums.main()
    assert table.read_bytes() == before
