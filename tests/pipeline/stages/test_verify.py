from pipeline.stages import verify


def test_a_folder_without_a_manifest_fails_with_a_reason(tmp_path, capsys):
    assert verify.run(str(tmp_path)) == 1
    assert "manifest.json" in capsys.readouterr().out
