import subprocess
import sys

from tfrecvis.tools.list import listing


def test_help_names_every_sub_command(command):
    result = command("--help")
    assert result.status == 0
    for name in ("train", "evaluate", "predict", "export", "demo", "list", "benchmark"):
        assert f"\n    {name}" in result.output


def test_help_and_list_import_no_tensorflow_of_their_own():
    # What `import tfrecvis` itself brings is not theirs.
    code = (
        "import sys, tfrecvis; before = set(sys.modules)\n"
        "from tfrecvis.tools.main import main\n"
        "main(['list'])\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "sys.exit(str(new & {'tensorflow', 'keras', 'matplotlib', 'PIL'}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().splitlines()[-1] == "set()"


def test_list_names_models_layers_presets_and_recipes():
    text = listing()
    for name in ("ReSeg", "ReNet", "synthetic_reseg", "camvid_reseg"):
        assert f"  {name} " in text
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [
        "models",
        "layers",
        "presets",
        "recipes",
    ]


def test_error_of_the_user_is_one_line_without_a_traceback(command, tmp_path):
    result = command("train", "nothing", "--output", tmp_path / "run")
    assert result.status == 2
    assert result.errors.startswith("tfrecvis: error: There is no recipe `nothing`")
    assert result.errors.count("\n") == 1


def test_unknown_sub_command_is_refused(command):
    assert command("trian").status == 2
