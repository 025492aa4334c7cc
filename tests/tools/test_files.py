import errno

import pytest

from tfrecvis.tools.commands.predict import stems
from tfrecvis.tools.errors import UserError
from tfrecvis.tools.files import check_directory, find_files, whole_file


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_file_that_fails_leaves_the_old_one_and_no_part(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(type(error)) as raised, whole_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "before"
    if isinstance(error, OSError):
        assert raised.value.filename == str(path), "the message names the file"


def test_output_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="must be a directory. .*file is a file"):
            check_directory(path)


def test_output_that_must_not_be_written_is_refused(tmp_path, monkeypatch):
    # Root may write everywhere, so that permissions themselves prove nothing.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UserError, match="cannot be written: no permission"):
        check_directory(tmp_path / "out")


def test_files_of_several_folders_get_names_of_their_own(tmp_path):
    for name in ("one/a.txt", "two/a.txt", "two/b.TXT", "two/c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "one" / "a.txt"]
    found = find_files(folders, (".txt",), "no text")
    assert [file.name for file, _ in found] == ["a.txt", "a.txt", "b.TXT", "a.txt"]
    names = [stem.name for _, stem in stems(found, tmp_path)]
    assert len(set(names)) == 3, "the same file is answered once"
    assert len(names) == 3
