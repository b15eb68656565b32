import os

import pytest

from lessons_grader import files


def test_text_and_bytes_are_written_as_they_are(tmp_path):
    files.write(tmp_path / "a.csv", "ä,b\r\nc\n")
    files.write(tmp_path / "b.ipynb", b"\xff\x00")
    assert (tmp_path / "a.csv").read_bytes() == "ä,b\r\nc\n".encode()
    assert (tmp_path / "b.ipynb").read_bytes() == b"\xff\x00"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "b.ipynb"]


def test_a_file_keeps_its_permissions_and_a_link_its_target(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    (tmp_path / "a.csv").chmod(0o600)
    (tmp_path / "link.csv").symlink_to("a.csv")
    files.write(tmp_path / "link.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "new" and (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("old")

    def full(self, data):
        raise OSError("disk full")

    monkeypatch.setattr(files.Path, "write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        files.write(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in its file system")
def test_a_device_is_written_to_and_not_replaced():
    files.write(files.Path(os.devnull), "nothing")
    assert files.Path(os.devnull).is_char_device()
