/* What the browser alone knows or keeps: time zone, theme, language, pace, and when the page was filled last. */
"use strict";
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.viewer = {
  changed(theme, language, pause, seconds, stored, defaults) {
    const context = window.dash_clientside.callback_context;
    const pressed = context.triggered.map((each) => each.prop_id.split(".")[0]);
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    const given = { theme: dark ? "dark" : "light", language: defaults.language, seconds: defaults.seconds };
    // Only what the viewer has chosen is kept: all else follows the system, and the options that the dashboard was started with.
    const chosen = Object.assign({}, stored && stored.chosen);
    const shown = Object.assign({}, given, chosen);
    if (pressed.includes("theme") && theme) chosen.theme = shown.theme === "dark" ? "light" : "dark";
    if (pressed.includes("language") && language) chosen.language = shown.language === "ko" ? "en" : "ko";
    if (pressed.includes("seconds") && seconds >= 0.5 && seconds !== shown.seconds) chosen.seconds = Math.min(3600, seconds);
    const viewer = Object.assign({}, given, chosen, { chosen, zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
    viewer.paused = Boolean(context.triggered_id && stored && stored.paused); // a page that is opened is live
    if (pressed.includes("pause") && pause) viewer.paused = !viewer.paused;
    const root = document.documentElement;
    root.dataset.theme = viewer.theme;
    root.dataset.paused = viewer.paused ? "yes" : "no";
    root.dataset.seconds = viewer.seconds;
    root.lang = viewer.language;
    markHeld();
    const button = document.getElementById("pause");
    if (button) button.textContent = viewer.paused ? "▶" : "❚❚";
    return [viewer, viewer.seconds * 1000, Boolean(viewer.paused), viewer.seconds];
  },
};
/* Says so when nothing new comes, as the page is paused or the dashboard has not filled it for three ticks and 15 s at least. */
const LEAST_PATIENCE_SECONDS = 15;
const lastFilled = { filled: "", seen: Date.now() };
function markHeld() {
  const root = document.documentElement;
  const status = document.querySelector("[data-filled]");
  const filled = status ? status.dataset.filled : "";
  const isPaused = root.dataset.paused === "yes";
  if (isPaused || filled !== lastFilled.filled) Object.assign(lastFilled, { filled, seen: Date.now() });
  const patience = Math.max(LEAST_PATIENCE_SECONDS, 3 * Number(root.dataset.seconds || 1)) * 1000;
  const isLost = Date.now() - lastFilled.seen > patience;
  if (filled && isPaused) root.dataset.held = "paused";
  else if (filled && isLost) root.dataset.held = "lost";
  else delete root.dataset.held;
  const since = document.getElementById("held-since");
  if (!root.dataset.held || !since) return;
  const moment = new Date(Number(filled));
  since.textContent = moment.toLocaleString("sv-SE"); // 2026-11-21 23:00:00, in the viewer's zone
  since.title = `${moment.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
setInterval(markHeld, 1000);
/* Names of buttons, in the viewer's language. */
new MutationObserver(() => {
  for (const label of document.querySelectorAll("#labels [data-for]")) {
    const target = document.getElementById(label.dataset.for);
    if (target && target.title !== label.textContent) {
      target.title = label.textContent;
      target.setAttribute("aria-label", label.textContent);
    }
  }
}).observe(document.documentElement, { childList: true, subtree: true, characterData: true });
