import zipfile
from pathlib import Path

from pipeline.launching.contents import read_contents
from pipeline.launching.package import write_package


def packed(folder: Path, out: Path) -> bytes:
    write_package(read_contents(folder), {"settings.yaml": "run: {}\n"}, out)
    return out.read_bytes()


def test_a_package_holds_the_folder_and_what_is_added(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    packed(folder, tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as package:
        assert package.namelist() == ["run.sh", ".weakvid-launch/settings.yaml"]
        assert package.read(".weakvid-launch/settings.yaml") == b"run: {}\n"
        assert package.getinfo("run.sh").external_attr >> 16 & 0o777 == 0o755


def test_the_same_content_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "b.py").write_text("b")
        (tmp_path / name / "a.py").write_text("a")
    one, two = (packed(tmp_path / name, tmp_path / f"{name}.zip") for name in ("one", "two"))
    assert one == two
    (tmp_path / "two" / "a.py").write_text("A")
    assert packed(tmp_path / "two", tmp_path / "again.zip") != one
