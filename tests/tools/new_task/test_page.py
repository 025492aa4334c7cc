"""The example of `docs/design/tasks.md` is a task as it stands there."""

import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

PAGE = Path(__file__).parents[3] / "docs" / "design" / "tasks.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def blocks(tmp_path, monkeypatch):
    """The page's blocks by language; its task is among those of the package."""
    from tfrecvis.tools import tasks

    found = dict(FENCE.findall(PAGE.read_text(encoding="utf-8")))
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "counting.py").write_text(found["python"])
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(folder)])
    monkeypatch.chdir(tmp_path)
    Path("counting.toml").write_text(found["toml"])
    return found


# As those of the README are; `test_questions.py` has a task of another kind.
@pytest.mark.slow
def test_commands_of_the_page_run_with_its_task_and_its_recipe(blocks, command):
    Image.new("RGB", (30, 20)).save("photo.png")
    for line in blocks["sh"].splitlines():
        program, *words = shlex.split(line)
        assert program == "tfrecvis"
        result = command(*words)
        assert result.status == 0, result.errors
    assert 0 <= json.loads(Path("scores/evaluation.json").read_text())["accuracy"] <= 1
    one, other = (
        json.loads(Path(folder, "photo_answer.json").read_text())
        for folder in ("answers", "answers_of_the_export")
    )
    assert one["labels"] == other["labels"]
    assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
    assert len(one["probabilities"]) == 4
