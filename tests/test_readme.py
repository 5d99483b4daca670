"""Every example in the README, English and Chinese, runs in an empty folder, as a newcomer would run it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REGULARS = Path(sys.executable).with_name("regulars")


READMES = ("README.md", "README.zh-CN.md")


def blocks(language: str) -> list[str]:
    """The examples in a language; what both READMEs have alike is one example."""
    found = []
    for readme in READMES:
        text = (ROOT / readme).read_text(encoding="utf-8")
        examples = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
        assert examples, f"{readme} has no {language} example any more"
        found += examples
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("example", blocks("python"))
def test_the_python_examples_run_and_print_what_they_say(example: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for expected in re.findall(r"print\(.*\)\s+# (.*)", example):
        if expected[0].islower() and " " in expected and any(character.isdigit() for character in expected):
            assert expected in done.stdout


@pytest.mark.parametrize("example", blocks("console"))
def test_the_shell_examples_run(example: str, tmp_path: Path) -> None:
    advice = "regulars: this new store keeps its keys beside the names"
    for number, line in enumerate(re.findall(r"^\$ (.*)$", example, re.MULTILINE)):
        command = shlex.split(line)
        assert command[0] == "regulars"
        done = subprocess.run([REGULARS, *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, line
        assert done.stderr.startswith(advice) if number == 0 else not done.stderr, line
        assert done.stdout


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_chinese_readme_has_the_sections_and_links_of_the_english_one() -> None:
    english, chinese = ((ROOT / each).read_text(encoding="utf-8") for each in READMES)
    for pattern in (r"(?m)^## ", r"\]\(((?!README)[^)]+)\)", r"(?m)^\$ .*"):
        assert re.findall(pattern, english) == re.findall(pattern, chinese)


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, "docs/reference*.md is out of date: run make reference"
