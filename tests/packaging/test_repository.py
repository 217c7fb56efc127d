"""The repository itself: sizes, pinned versions, the README's table, the set-up script."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LIMIT = 25 * 2**20


def test_no_file_is_too_large_for_a_repository(root: Path) -> None:
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a Git checkout, so there is no list of the repository's files")
    paths = [root / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    assert paths
    assert [str(path) for path in paths if path.is_file() and path.stat().st_size > LIMIT] == []


def requirements(root: Path) -> list[Requirement]:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    return [needed for needed in map(Requirement, texts) if needed.name != "facelens"]


def test_every_requirement_is_pinned_to_a_version_it_allows(root: Path) -> None:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith("#"):
            pinned = re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)", line)
            assert pinned, f"constraints.txt: {line!r} is not of the form name==version"
            pins[canonicalize_name(pinned[1])] = pinned[2]
    needed = requirements(root)
    assert len(needed) > 10
    for requirement in needed:
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"constraints.txt does not pin {requirement.name}"
        assert requirement.specifier.contains(version), f"{requirement} forbids the pinned {version}"


def test_the_readme_table_is_that_of_the_models(root: Path, load_tool: Callable[[str], ModuleType]) -> None:
    tool = load_tool("readme_accuracy")
    text = (root / "README.md").read_text(encoding="utf-8")
    assert tool.refreshed(text) == text, "README.md is out of date: run python tools/readme_accuracy.py"


def test_the_readme_points_at_files_that_exist(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]
    assert "LICENSE" in targets
    assert [target for target in targets if not (root / target).exists()] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the script installs libraries on Linux only")
def test_without_root_the_set_up_names_the_command_and_goes_on(root: Path, tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, body in {
        "id": "echo 1000",
        "dpkg-query": "exit 1",
        "apt-get": "echo apt-get was called; exit 1",
        "no-python": "exit 1",
    }.items():
        command = commands / name
        command.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        command.chmod(0o755)
    done = subprocess.run(
        ["sh", str(root / "tools" / "setup.sh"), "run"],
        env={"PATH": f"{commands}:/usr/bin:/bin", "PYTHON": "no-python", "VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    asked, *rest = done.stdout.splitlines()
    assert "ask an administrator to run: apt-get install --no-install-recommends python3-venv libgl1" in asked
    assert rest == []
    assert "Python 3.11" in done.stderr, "it went on, to the next thing that is missing"
    assert done.returncode == 1
