"""What is installed: one import name, whole and alone, whatever else the program that embeds it has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("adapters", "crm_domain", "projections")


def run(*words: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REGULARS_"))}
    ran = subprocess.run([str(each) for each in words], cwd=cwd, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def hatchling(*words: object, cwd: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", *words, cwd=cwd)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and an sdist of the tree."""
    folder = tmp_path_factory.mktemp("built")
    hatchling("-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment in which the wheel is installed."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-compile", "-c", ROOT / "constraints.txt", one(built, "*.whl"), cwd=environment)
    return python


def one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_one_package_with_all_that_is_in_the_tree(built: Path) -> None:
    names = {name for name in contents(one(built, "*.whl")) if ".dist-info/" not in name}
    source, rooms = ROOT / "src", "|".join(ROOMS)
    files = (each for each in source.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
    tree = {re.sub(rf"^({rooms})/", r"regulars/\1/", each.relative_to(source).as_posix()) for each in files}
    assert names == tree
    assert {name.split("/")[0] for name in names} == {"regulars"}


def test_a_wheel_of_the_sdist_is_the_wheel_of_the_tree(built: Path, tmp_path: Path) -> None:
    with tarfile.open(one(built, "*.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    hatchling("-t", "wheel", "-d", tmp_path / "again", cwd=one(tmp_path, "regulars-*"))
    assert contents(one(tmp_path / "again", "*.whl")) == contents(one(built, "*.whl"))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program of somebody's, with the first example of the README and modules named as our rooms are."""
    for room in ("adapters", "projections"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise RuntimeError('mine')\n")
    (tmp_path / "crm_domain.py").write_text("raise RuntimeError('mine')\n")
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example is not None
    (tmp_path / "program.py").write_text(example[1])
    return tmp_path


def test_it_runs_where_a_program_has_modules_of_the_same_names(python: Path, program: Path) -> None:
    run(python, "program.py", cwd=program)
    run(python, "-c", "import regulars.adapters.store.store, regulars.projections.engine.fold", cwd=program)
    assert run(python.with_name("regulars"), "--version", cwd=program).startswith("regulars ")


def test_a_program_is_type_checked_against_it(python: Path, program: Path) -> None:
    run(sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "program.py", cwd=program)
    (program / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    run(sys.executable, "-m", "pyright", "--pythonpath", python, "program.py", cwd=program)
