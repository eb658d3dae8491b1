// Keys, and the clip's sound and playhead in step with its picture. Everything else is plain HTML.
"use strict";

const clip = document.getElementById("clip");
const sound = document.getElementById("sound");
const together = document.getElementById("together");
const bag = document.querySelector(".bag");
const heads = document.querySelectorAll(".head");
const frames = document.querySelectorAll(".grid figure");

// What is stored before the clip's own first frame, in seconds.
const leadS = clip ? Number(clip.dataset.lead) : 0;
const soundLeadS = sound ? Number(sound.dataset.lead) : 0;
const frameS = clip ? 1 / Number(clip.dataset.fps) : 0.1;
const DRIFT_S = 0.15;

function showTime() {
  const time = clip.currentTime - leadS;
  const start = Number(bag.dataset.axisStart);
  const span = Number(bag.dataset.axisEnd) - start;
  const place = (100 * (Number(bag.dataset.clipStart) + time - start)) / span + "%";
  for (const head of heads) {
    head.setAttribute("x1", place);
    head.setAttribute("x2", place);
  }
  const now = Math.min(frames.length - 1, Math.max(0, Math.floor(time / frameS + 0.01)));
  frames.forEach((frame, number) => frame.classList.toggle("now", number === now));
  const soundTime = Math.max(0, time + soundLeadS);
  const isOff = sound && Math.abs(sound.currentTime - soundTime) > DRIFT_S;
  if (isOff && together.checked && !clip.paused) sound.currentTime = soundTime;
  if (!clip.paused) requestAnimationFrame(showTime);
}

if (clip) {
  clip.addEventListener("play", () => {
    if (sound && together.checked) {
      sound.currentTime = Math.max(0, clip.currentTime - leadS + soundLeadS);
      sound.play().catch(() => {});
    }
    showTime();
  });
  clip.addEventListener("pause", () => sound && together.checked && sound.pause());
  clip.addEventListener("timeupdate", showTime);
  clip.addEventListener("seeked", showTime);
  frames.forEach((frame, number) =>
    frame.addEventListener("click", () => {
      clip.currentTime = leadS + (number + 0.5) * frameS;
    }),
  );
}

function follow(relation) {
  const link = document.querySelector(`a[rel="${relation}"]`);
  if (link) link.click();
}

document.addEventListener("keydown", (event) => {
  const inField = event.target.closest("input, select, textarea, video, audio");
  if (inField || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const field = document.querySelector('input[type="search"]');
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "ArrowLeft") {
    follow("prev");
  } else if (event.key === "ArrowRight") {
    follow("next");
  } else if (event.key === "p" && clip) {
    if (clip.paused) clip.play();
    else clip.pause();
  }
});
