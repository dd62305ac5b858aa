"""The command line on a bad day: full disk, Ctrl-C, wrong names, wrong files, missing packages."""

import errno
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from msdnum import _extras, _files, _names
from msdnum.__main__ import main
from msdnum.cli import figures
from msdnum.conformance import runner, suite
from msdnum.experiments.experiment import Experiment
from msdnum.inputs.tensors import load_tensor
from tests.support.paths import ROOT

COMMITTED = ROOT / "figures" / "msd" / "tables"


def refused(capsys, *arguments):
    """Return the one line on standard error of a command that was refused."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    return printed.err


# Files


def full(monkeypatch):
    """Have every disk be full when half of a file is written."""
    opened = Path.open

    def open_half(path, mode="r", *arguments, **options):
        file = opened(path, mode, *arguments, **options)
        if "x" in mode:
            right = file.write

            def write(data):
                right(data[: len(data) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            file = _Half(file, write)
        return file

    monkeypatch.setattr(Path, "open", open_half)


class _Half:
    def __init__(self, file, write):
        self.file, self.write = file, write

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()


@pytest.mark.parametrize("before", [None, b"before"])
def test_a_full_disk_leaves_what_was_there_and_is_named(tmp_path, monkeypatch, before):
    path = tmp_path / "file.json"
    if before is not None:
        path.write_bytes(before)
    full(monkeypatch)
    with pytest.raises(OSError, match=r"No space left on device: '.*file\.json'"):
        _files.write_text(path, "a text of some length")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_an_interrupt_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("before")

    def interrupt(*paths):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        _files.write_text(tmp_path / "file", "after")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["before"]


def test_a_file_is_written_with_its_folder_and_the_usual_rights(tmp_path):
    (tmp_path / "usual").write_text("")
    path = tmp_path / "some" / "folder" / "file"
    _files.write_text(path, "\u03b1\r\n")
    assert path.read_bytes() == "\u03b1\r\n".encode()
    assert path.stat().st_mode == (tmp_path / "usual").stat().st_mode
    _files.write_bytes(path, b"2")
    assert path.read_bytes() == b"2"
    assert len(list(path.parent.iterdir())) == 1


def test_links_and_devices_are_written_through(tmp_path):
    target = tmp_path / "target"
    target.write_text("a longer text")
    link = tmp_path / "link"
    link.symlink_to(target)
    _files.write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    _files.write_text(Path(os.devnull), "nothing")
    assert not Path(os.devnull).is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_full_is_named():
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        _files.write_text(Path("/dev/full"), "text")


def test_a_table_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    experiment = Experiment("few", "", (), lambda spec, seed: iter([{"a": 1}]), ())
    path = experiment.write(tmp_path)
    before = path.read_bytes()
    full(monkeypatch)
    with pytest.raises(OSError, match=r"few\.csv"):
        experiment.write(tmp_path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]


def test_a_command_on_a_full_disk_is_one_line(tmp_path, monkeypatch, capsys):
    path = tmp_path / "vectors"
    monkeypatch.setattr(suite, "documents", lambda: iter([("encode.json", "{}")]))
    full(monkeypatch)
    assert "No space left on device: '" in refused(capsys, "vectors", "--out", str(path))
    assert list(path.iterdir()) == []


def test_nothing_is_written_in_place():
    """All that commands write goes through ``_files``."""
    direct = re.compile(r"\.write_text\(|\.write_bytes\(|open\([^)]*[\"'][wax]|savefig\((?!file)")
    allowed = re.compile(r"_files\.write_|def write_")
    for path in (ROOT / "msdnum").rglob("*.py"):
        if path.name == "_files.py":
            continue
        for line in path.read_text().splitlines():
            assert allowed.search(line) or not direct.search(line), f"{path.name}: {line}"


# Tables that are none


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "FIGURES", tmp_path)
    (tmp_path / "msd" / "tables").mkdir(parents=True)

    def write(text):
        (tmp_path / "msd" / "tables" / "cost_traffic.csv").write_text(text)

    return write


HEADER = '# {"experiment": "cost_traffic"}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('# {"a":' + "[" * 100_000 + "\n", "must begin with '# {' and JSON, maximum recursion"),
        ('# {"a": 1}\nb\n2\n', "must be of the experiment cost_traffic, got None"),
        ('# {"experiment": ["cost_traffic"]}\nb\n2\n', r"got \['cost_traffic'\]"),
        (f'{HEADER}b\n"{"x" * 200_000}"\n', "must be CSV, field larger than field limit"),
        (f'{HEADER}b\n"x"y\n', "must be CSV, ',' expected after '\"'"),
        (f"{HEADER}b,c\n", "must have rows"),
        (f"{HEADER}b\n2\n", "cannot be drawn as cost_traffic, KeyError: "),
    ],
)
def test_a_table_that_cannot_be_drawn_is_one_line(table, text, message, capsys):
    table(text)
    assert re.search(message, refused(capsys, "figures", "cost_traffic", "--redraw"))


def test_a_table_of_another_experiment_is_not_drawn(table, capsys, tmp_path):
    table((COMMITTED / "cost_batch.csv").read_text())
    error = refused(capsys, "figures", "cost_traffic", "--redraw")
    assert "must be of the experiment cost_traffic, got 'cost_batch'" in error
    assert [path.name for path in (tmp_path / "msd").iterdir()] == ["tables"]


def test_numbers_that_are_none_are_one_line(table, capsys):
    header, names, *rows = (COMMITTED / "cost_traffic.csv").read_text().splitlines()
    table("\n".join([header, names, *(re.sub(r"\d", "x", row) for row in rows)]))
    assert "cannot be drawn as cost_traffic, " in refused(
        capsys, "figures", "--redraw", "cost_traffic"
    )


# Names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figurse"], "COMMAND must be one of verify, .*, got 'figurse'; did you mean 'figures'?"),
        (["--", "VERIFY"], "got 'VERIFY'; did you mean 'verify'?"),
        (["xyz"], "got 'xyz'$"),
        (["verify", "--only", "c2"], "got 'c2'; did you mean 'C2'?"),
        (["explain", "mxfp4-decompositon"], "; did you mean 'mxfp4-decomposition'?"),
        (["figures", "pases"], "; did you mean 'passes'?"),
        (["figures", "Binade", "--redraw"], "; did you mean 'binade'?"),
        (["sweep", "e2m1"], "; did you mean 'E2M1'?"),
    ],
)
def test_a_near_name_is_said(arguments, message, capsys):
    pattern = message if message.endswith("$") else re.escape(message).replace(r"\.\*", ".*")
    assert re.search(pattern, refused(capsys, *arguments).rstrip())


def test_near_names():
    with pytest.raises(ValueError, match="got ml_dtype; did you mean 'ml_dtypes'"):
        runner.load("ml_dtype")
    assert _names.near("Quantise", ["encode", "quantize"]) == "quantize"
    assert _names.near("c1", ["C1", "C2"]) == "C1"
    assert _names.near("xyz", ["C1"]) is None
    assert _names.did_you_mean("xyz", []) == ""


@pytest.mark.parametrize("name", ["plain", "a:b", "a:b:c", ":", "a:"])
def test_a_tensor_with_colons_in_its_name(tmp_path, name):
    path = tmp_path / "model.safetensors"
    save_file({name: np.ones((1, 2), np.float32), "b": np.zeros((1, 1), np.float32)}, path)
    assert load_tensor(f"{path}:{name}").shape == (1, 2)


def test_a_file_with_colons_in_its_name(tmp_path):
    path = tmp_path / "model:v1"
    save_file({"b": np.ones((1, 2), np.float32)}, path)
    assert load_tensor(f"{path}:b").shape == (1, 2)
    with pytest.raises(ValueError, match="tensor file must exist, got 'none:a'"):
        load_tensor("none:a:b")


# Ctrl-C


AT_A_FORK = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # if a test had JAX before


def interrupted(tmp_path, *words):
    """Run Python with Ctrl-C in the middle of the import of NumPy."""
    (tmp_path / "numpy").mkdir()
    code = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    (tmp_path / "numpy" / "__init__.py").write_text(code)
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        # What a shell runs in the background has SIGINT ignored, and so have its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@AT_A_FORK
def test_ctrl_c_during_imports_is_a_status(tmp_path):
    done = interrupted(tmp_path, "-m", "msdnum", "verify")
    assert (done.returncode, done.stderr) == (130, "msdnum: interrupted\n")


@AT_A_FORK
def test_ctrl_c_during_imports_of_the_script_is_a_status(tmp_path):
    script = tmp_path / "bin" / "msdnum"
    script.parent.mkdir()
    script.write_text("import sys\nfrom msdnum.__main__ import main\nsys.exit(main())\n")
    done = interrupted(tmp_path, str(script), "verify")
    assert (done.returncode, done.stderr) == (130, "msdnum: interrupted\n")


@AT_A_FORK
def test_ctrl_c_in_a_program_of_the_user_is_left_alone(tmp_path):
    done = interrupted(tmp_path, "-c", "import msdnum")
    assert done.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in done.stderr


# Missing packages


def without(packages, *arguments):
    """Run a command where packages are not installed."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({packages!r}))\n"
        "from msdnum.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


ALL = ["flint", "jax", "matplotlib", "mpmath", "safetensors", "tokenizers", "tqdm"]


@pytest.mark.parametrize(
    ("command", "extras"),
    [("verify", "verify"), ("figures", "plot,verify"), ("sweep", "jax"), ("bench", "jax")],
)
def test_a_missing_extra_is_named_with_its_remedy(command, extras):
    done = without(ALL, command)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith(
        f"{command} needs msdnum[{extras}]: pip install 'msdnum[{extras}]'\n"
    )
    assert done.stderr.count("\n") == 1


def test_figures_are_redrawn_with_matplotlib_alone(tmp_path):
    others = [package for package in ALL if package != "matplotlib"]
    done = without(others, "figures", "--redraw", "cost_traffic", "--out", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "msd" / "cost_traffic.png").exists()


@pytest.mark.parametrize("command", ["conform", "explain"])
def test_some_commands_need_no_extra(command):
    done = without(ALL, command, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_progress_is_missed_quietly(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert list(_extras.progress([1, 2], desc="x")) == [1, 2]
    with _extras.progress_bar(total=3) as step:
        assert step(1) is None


def test_remedies_are_extras_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = {extra for value in _extras.WHOLE.values() for extra in value.split(",")}
    assert named | set(_extras.EXTRAS.values()) <= set(extras)
    assert extras["all"] == [f"msdnum[{','.join(sorted(set(extras) - {'all'}))}]"]


def test_other_import_errors_are_left_as_they_are():
    assert _extras.remedy(ImportError("some text"), "verify") == "some text"
    error = ModuleNotFoundError("No module named 'own.part'", name="own.part")
    assert _extras.remedy(error, "verify") == "No module named 'own.part'"
    error = ModuleNotFoundError("", name="jax.numpy")
    assert "needs msdnum[jax]: pip" in _extras.remedy(error, "measure")
