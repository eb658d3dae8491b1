import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from configs.data import DataConfig
from pipeline.reports.build import MAX_BYTES, write_report
from trainers.data.corpus import Corpus


class Page(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def titles(self, start: str) -> list[str]:
        return [a["title"] for _, a in self.tags if (a.get("title") or "").startswith(start)]


@pytest.fixture(scope="module")
def page(read_only_material) -> Page:
    made = read_only_material
    return Page(write_report(made.run_dir, made.shards_out, made.corpus))


def test_figures_are_those_of_metrics_jsonl_rounded_with_the_full_value_beside(page):
    assert page.titles("eval/t2v_r10 = ") == ["eval/t2v_r10 = 0.7134567891234567"]
    assert page.titles("val/cyclic_relative_error = ") == [
        "val/cyclic_relative_error = 0.7812345678901234"
    ]
    assert "71.3\u202f%" in page.source
    assert "7.8\u00d7 chance, which is 9.1\u202f%" in page.source
    assert "+47.1 points over video alone" in page.text


def test_text_of_strangers_neither_becomes_markup_nor_moves_the_text_around_it(page):
    tags = {tag for tag, _ in page.tags}
    assert "script" not in tags
    assert "<script>alert(1)</script>{{7*7}}red evil" in page.text
    assert "49red" not in page.text
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", page.source
    )
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_the_page_loads_nothing_and_forbids_scripts(page):
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    sources = [a[name] for _, a in page.tags for name in ("src", "href", "xlink:href") if name in a]
    assert sources
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "base", "form"}
    assert not re.search(r"https?:|//[a-z]|@import", re.sub(r'src="data:[^"]*"', "", page.source))
    assert all(
        "data:" in use or use.startswith("url(#") for use in re.findall(r"url\([^)]*", page.source)
    )


def test_ids_are_unique_so_that_charts_do_not_clip_each_other(page):
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", page.source)) <= set(ids)


def test_the_same_files_give_the_same_bytes(material, page):
    again = write_report(material.run_dir, material.shards_out, material.corpus).read_bytes()
    assert again == page.source.encode()
    assert len(again) < MAX_BYTES


def test_an_empty_run_still_gives_a_report_that_names_the_commands(tmp_path):
    run_dir = tmp_path / "fresh"
    run_dir.mkdir()
    page = Page(write_report(run_dir, None, None))
    for command in ("make train SHARDS=DIR RUN=fresh", "make evaluate RUN=fresh", "make shards"):
        assert command in page.text
    assert not page.titles("eval/")


def test_a_run_whose_files_are_all_damaged_still_gives_a_report(material):
    for path in material.run_dir.rglob("*.*"):
        if path.is_file():
            path.write_bytes(b'{"rows": [3], "queries": [[]], "step": ')
    page = Page(write_report(material.run_dir, material.shards_out, material.corpus))
    assert "metrics.jsonl: 1 line(s) are not JSON" in page.text
    assert "fusion.json: not a JSON object" in page.text


def test_shards_that_are_gone_or_cut_leave_a_report(material):
    for tar in material.shards_out.glob("*.tar"):
        tar.write_bytes(tar.read_bytes()[:1000])
    cut = Page(write_report(material.run_dir, material.shards_out, material.corpus))
    assert "None of the clips could be read." in cut.text
    assert "clip not readable" in cut.text
    shutil.rmtree(material.shards_out)
    assert (
        "No manifest of the shards."
        in Page(write_report(material.run_dir, material.shards_out, material.corpus)).text
    )


def test_a_run_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        write_report(tmp_path / "none", None, None)


def test_shards_other_than_those_trained_on_are_told(material, page):
    assert "no longer those" not in page.text
    (material.run_dir / "env.json").write_text('{"manifest_sha256": "other"}')
    (material.run_dir / "metrics.jsonl").unlink()
    assert "no longer those" in Page(write_report(material.run_dir, material.shards_out, None)).text


def test_folders_that_were_mixed_in_are_named_beside_the_one_that_is_counted(material):
    config = material.run_dir / "config.yaml"
    config.write_text("data: {mix: [data/real, '<b>']}\n")
    page = Page(write_report(material.run_dir, material.shards_out, material.corpus))
    assert "also had clips of data/real, <b>. What is counted here is the first" in page.text


def test_a_mixture_that_is_as_it_was_is_not_called_another(material, tmp_path):
    shutil.copytree(material.shards_out, tmp_path / "other")
    mixed = DataConfig(shards=str(material.shards_out), mix=(str(tmp_path / "other"),))
    (material.run_dir / "config.yaml").write_text(f"data: {{mix: ['{tmp_path / 'other'}']}}\n")
    environment = json.dumps({"manifest_sha256": Corpus.load(mixed).sha256})
    (material.run_dir / "env.json").write_text(environment)
    assert "no longer" not in Page(write_report(material.run_dir, material.shards_out, None)).text
    shutil.rmtree(tmp_path / "other")
    assert "no longer" in Page(write_report(material.run_dir, material.shards_out, None)).text
