"""What the wheel and the source archive hold, and what they must not."""

from __future__ import annotations

import tarfile
import tomllib
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import pytest


@pytest.fixture(scope="module")
def names(wheel: Path) -> frozenset[str]:
    with ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def data_files(folder: Path) -> set[str]:
    """Files of a data folder that must ship, relative to it: not the README's pictures, nor raw measurements."""
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {
        file.as_posix()
        for file in files
        if not {"__pycache__", "screenshots"} & set(file.parts) and not file.name.endswith((".val.json", ".test.json"))
    }


def test_the_wheel_installs_one_top_level_name(names: frozenset[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"facelens"}


def test_every_module_is_in_the_wheel(names: frozenset[str], root: Path) -> None:
    modules = {path.relative_to(root / "app").as_posix() for path in (root / "app").rglob("*.py")}
    assert modules
    assert modules <= names


def test_the_package_list_matches_the_folders(root: Path) -> None:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(settings["tool"]["setuptools"]["packages"])
    packages = [path.parent for path in (root / "app" / "facelens").rglob("__init__.py")]
    found = {".".join(package.relative_to(root / "app").parts) for package in packages}
    assert listed == found | {"facelens.models", "facelens.assets"}


@pytest.mark.parametrize("folder", ["models", "assets"])
def test_data_is_in_the_wheel(names: frozenset[str], root: Path, folder: str) -> None:
    wanted = {f"facelens/{folder}/{name}" for name in data_files(root / folder)}
    assert f"facelens/{folder}/__init__.py" in wanted
    assert wanted - names == set()


def test_every_registered_model_ships_with_its_card(names: frozenset[str], root: Path) -> None:
    entries = tomllib.loads((root / "models" / "models.toml").read_text(encoding="utf-8"))["model"]
    assert {entry["task"] for entry in entries} >= {"detector", "attributes", "landmarks", "appearance"}
    for entry in entries:
        assert f"facelens/models/{entry['file']}" in names
        assert f"facelens/models/{entry['task']}/{entry['name']}.md" in names


def test_nothing_superfluous_ships(names: frozenset[str]) -> None:
    assert not [name for name in names if "screenshots" in name or "__pycache__" in name or name.endswith(".pyc")]


def test_the_commands_are_installed(wheel: Path, names: frozenset[str]) -> None:
    (entry,) = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
    commands = ConfigParser()
    with ZipFile(wheel) as archive:
        commands.read_string(archive.read(entry).decode())
    assert commands["console_scripts"]["facelens"] == "facelens.start:main"


def test_the_licence_ships(names: frozenset[str]) -> None:
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_source_archive_holds_package_and_data_only(sdist: Path, root: Path) -> None:
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    for folder in ("models", "assets"):
        assert {f"{folder}/{name}" for name in data_files(root / folder)} <= inside
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "constraints.txt"} <= inside
    assert not [name for name in inside if name.split("/")[0] in {"convert", "tests", "runs", "out"}]
