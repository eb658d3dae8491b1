from pathlib import Path

from pipeline.health.cluster import token_finding


def test_a_local_start_may_write_its_token(tmp_path: Path) -> None:
    finding = token_finding({}, tmp_path)
    assert finding.state == "ok" and "will write" in finding.found


def test_a_token_file_is_found_and_its_content_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("sesame")
    path.chmod(0o600)
    finding = token_finding({}, tmp_path)
    assert finding.state == "ok" and "sesame" not in str(finding)
    assert "sesame" not in str(token_finding({"RAY_AUTH_TOKEN": "sesame"}, tmp_path))


def test_a_token_that_others_can_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("sesame")
    path.chmod(0o644)
    finding = token_finding({}, tmp_path)
    assert finding.state == "warn" and finding.mend == f"chmod 600 {path}"


def test_switched_off_tokens_are_told(tmp_path: Path) -> None:
    finding = token_finding({"RAY_AUTH_MODE": "disabled"}, tmp_path)
    assert finding.state == "warn" and "RAY_AUTH_MODE" in finding.mend


def test_a_named_token_file_that_is_missing_is_broken(tmp_path: Path) -> None:
    finding = token_finding({"RAY_AUTH_TOKEN_PATH": str(tmp_path / "none")}, tmp_path)
    assert finding.state == "broken" and "ray get-auth-token" in finding.mend
