import subprocess
import sys

import pytest

from tfrecvis.tools.errors import UserError
from tfrecvis.tools.runs.run_directory import RunDirectory

HOLDER = """
import fcntl, os, sys
place = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(place, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_one_process_trains_in_a_directory_and_a_killed_one_holds_it_no_longer(
    tmp_path,
):
    files = RunDirectory(tmp_path)
    with files.only_here():
        pass  # given back at the end
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(UserError, match="Another process trains in"), files.only_here():
        pass
    holder.kill()
    holder.wait()
    with files.only_here():
        assert list(tmp_path.iterdir()) == []
