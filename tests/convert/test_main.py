"""What the command line of convert says of what it cannot do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")

from convert.__main__ import main
from convert.faces import data
from facelens.errors import UsageError


@pytest.mark.parametrize("command", [["probe"], ["turn"], ["train", "landmarks"], ["learning"], ["evaluate", "reader"]])
def test_packs_that_are_not_there(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # the tests before this one have used TensorFlow, which will have no other number of threads then
    for name in ("intra_op", "inter_op"):
        monkeypatch.setattr(f"tensorflow.config.threading.set_{name}_parallelism_threads", lambda _: None)
    assert main([*command, "--data", str(tmp_path / "none")]) == 2
    assert "Traceback" not in (said := capsys.readouterr().err)
    assert ".parquet" in said


def test_a_limit_that_would_be_ignored_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "reader", "--limit", "9"])
    assert ended.value.code == 2
    assert "--minutes" in capsys.readouterr().err


def pack(path: Path, image: bytes, **more: list[object]) -> None:
    row = {"split": ["val"], "landmarks5": [[0.3, 0.4, 0.7, 0.4, 0.5, 0.6, 0.35, 0.8, 0.65, 0.8]], "det_score": [0.9]}
    pq.write_table(pa.table({"image": [image], "width": [9], "height": [9], **row, **more}), path)


def test_what_is_wrong_with_a_pack_is_named(tmp_path: Path) -> None:
    def load() -> data.Crops:
        return data.load(tmp_path, tmp_path / "cache", "some", "val")

    with pytest.raises(UsageError, match=r"no some\.parquet"):
        load()
    (tmp_path / "some.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UsageError, match="damaged"):
        load()
    pack(tmp_path / "some.parquet", b"no picture")
    with pytest.raises(UsageError, match="damaged"):
        load()
    pq.write_table(pq.read_table(tmp_path / "some.parquet").drop(["det_score"]), tmp_path / "some.parquet")
    with pytest.raises(UsageError, match="no column 'det_score'"):
        load()


def test_crops_of_another_version_of_a_pack_are_not_used(tmp_path: Path) -> None:
    pack(tmp_path / "some.parquet", b"")
    (tmp_path / "cache").mkdir()
    np.save(tmp_path / "cache" / "some-split-val.npy", np.zeros((2, 144, 144, 3), np.uint8))
    with pytest.raises(UsageError, match="another version"):
        data.load(tmp_path, tmp_path / "cache", "some", "val")
