"""The pages in a real browser."""

import pytest

from pipeline.reports.shards import write_shards_report
from shards.manifest import Manifest


@pytest.fixture(scope="module")
def keys(little_shards):
    rows = Manifest.load(little_shards).samples.to_pylist()
    return {(row["video_id"], row["t0_ms"]): row["key"] for row in rows}


@pytest.fixture
def eggs(keys) -> str:
    return keys["cooking/eggs", 4000]


def test_no_page_complains_and_nothing_comes_from_elsewhere(browser, site, eggs):
    for path in ("/", f"/clip/{eggs}", "/videos", "/video?id=cooking/eggs", "/rejects"):
        browser.open(site + path)
        assert browser.run("document.documentElement.lang") == "en"
        assert browser.run("document.querySelectorAll('h1').length") == 1
    assert browser.complaints == []
    assert len(browser.requests) > 20
    # The browser draws the buttons of its own player from data: addresses.
    assert all(address.startswith((f"{site}/", "data:")) for address in browser.requests)


def test_every_picture_is_there_and_told_in_words(browser, site, eggs):
    browser.open(f"{site}/clip/{eggs}")
    browser.run("document.querySelectorAll('img').forEach(i => { i.loading = 'eager' })")
    all_there = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
    browser.wait_for(all_there)
    assert browser.run("document.images.length") == 33
    assert browser.run("[...document.images].every(i => i.alt.length > 5)")


def test_hostile_words_are_shown_and_not_obeyed(browser, site, little_shards):
    hostile = next(
        row["key"]
        for row in Manifest.load(little_shards).samples.to_pylist()
        if row["video_id"].startswith("odd")
    )
    for path in ("/", f"/clip/{hostile}", "/rejects", "/?q=<script>alert(1)</script>"):
        browser.open(site + path)
        assert browser.run("document.querySelectorAll('main script').length") == 0
    assert browser.complaints == []
    browser.open(f"{site}/clip/{hostile}")
    heading = browser.run("document.querySelector('h1').innerText")
    assert heading.startswith("<script>alert('hi')</script> & {{7*7}}")


def test_a_clip_plays_with_its_sound_and_the_playhead_runs_along(browser, site, eggs):
    browser.open(f"{site}/clip/{eggs}")
    before = browser.run("document.querySelector('.head').getAttribute('x1')")
    browser.run("clip.play().then(() => true)")
    browser.wait_for("clip.currentTime > 0.5 && sound.currentTime > 0.3")
    assert browser.run("Math.abs(clip.currentTime - sound.currentTime)") < 0.4
    assert browser.run("document.querySelector('.head').getAttribute('x1')") != before
    assert browser.run("document.querySelectorAll('.grid .now').length") == 1
    browser.run("clip.pause()")
    browser.wait_for("sound.paused")
    assert browser.run("[clip.videoWidth, clip.videoHeight]") == [64, 36]
    assert browser.run("sound.duration") == pytest.approx(3.2, abs=0.01)


def test_the_nearest_window_is_marked_and_words_within_the_clip_are_bold(browser, site, eggs):
    browser.open(f"{site}/clip/{eggs}")
    assert browser.run("document.querySelectorAll('tr.nearest').length") == 1
    assert "crack the eggs" in browser.run("document.querySelector('tr.nearest').innerText")
    bold = "[...document.querySelectorAll('.words b')].map(b => b.innerText)"
    assert browser.run(bold) == ["near"]
    edges = "(e => [e.left, e.right])(document.querySelector('{}').getBoundingClientRect())"
    band = browser.run(edges.format("tr.nearest .band"))
    bar = browser.run(edges.format("tr.nearest .bar"))
    assert band[0] < bar[0] < bar[1] < band[1]


def test_keys_search_and_walk_from_clip_to_clip(browser, site, eggs, keys):
    browser.open(f"{site}/clip/{eggs}")
    browser.press("ArrowRight")
    browser.wait_for(f"location.pathname === '/clip/{keys['cooking/eggs', 8000]}'")
    browser.open(f"{site}/")
    browser.press("/")
    assert browser.run("document.activeElement.name") == "q"
    assert browser.run("document.activeElement.value") == ""


def test_words_typed_into_the_search_find_clips(browser, site):
    browser.open(f"{site}/")
    browser.run("document.querySelector('[name=q]').value = 'EGGS crack'")
    browser.run("document.querySelector('form').requestSubmit()")
    browser.wait_for("location.search.includes('q=EGGS')")
    browser.wait_for("document.querySelectorAll('.card').length === 3")
    assert browser.run("document.querySelector('mark').innerText") == "crack"
    assert browser.run("document.querySelector('[name=q]').value") == "EGGS crack"


def test_every_field_has_a_label_and_ids_are_unique(browser, site, eggs):
    for path in ("/", f"/clip/{eggs}", "/rejects"):
        browser.open(site + path)
        fields = "[...document.querySelectorAll('input, select, audio')]"
        labelled = "e.labels && e.labels.length || document.querySelector(`label[for=${e.id}]`)"
        assert browser.run(f"{fields}.every(e => {labelled})")
        ids = "[...document.querySelectorAll('[id]')].map(e => e.id)"
        assert browser.run(f"new Set({ids}).size === {ids}.length")


def test_the_page_follows_the_light_or_dark_of_the_system(browser, site):
    grounds = []
    for scheme in ("light", "dark"):
        media = {"name": "prefers-color-scheme", "value": scheme}
        browser.tell("Emulation.setEmulatedMedia", features=[media])
        browser.open(f"{site}/")
        grounds.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    browser.tell("Emulation.setEmulatedMedia", features=[])
    assert grounds[0] != grounds[1]


def test_a_narrow_screen_is_not_scrolled_sideways(browser, site, eggs):
    narrow = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.tell("Emulation.setDeviceMetricsOverride", **narrow)
    for path in ("/", f"/clip/{eggs}", "/videos", "/video?id=cooking/eggs", "/rejects"):
        browser.open(site + path)
        assert browser.run("document.documentElement.scrollWidth") <= 390, path
    browser.tell("Emulation.clearDeviceMetricsOverride")


def test_the_shard_report_shows_without_complaint_and_fits_a_narrow_screen(
    browser, little_shards, tmp_path
):
    path, _ = write_shards_report(little_shards, str(tmp_path / "report.html"))
    browser.open(f"file://{path}")
    assert browser.complaints == []
    assert browser.run("document.querySelectorAll('.sheet').length") == 12
    assert browser.run("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    assert browser.run("document.querySelectorAll('script').length") == 0
    narrow = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.tell("Emulation.setDeviceMetricsOverride", **narrow)
    browser.open(f"file://{path}")
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.tell("Emulation.clearDeviceMetricsOverride")
