/* What the browser alone knows or keeps: time zone, theme, language, pace. */
"use strict";
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.viewer = {
  changed(theme, language, pause, seconds, stored, defaults) {
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    const viewer = Object.assign({ theme: dark ? "dark" : "light", language: defaults.language, seconds: defaults.seconds }, stored || {});
    const context = window.dash_clientside.callback_context;
    const pressed = context.triggered.map((each) => each.prop_id.split(".")[0]);
    viewer.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!context.triggered_id) viewer.paused = false; // a page that is opened is live
    if (pressed.includes("theme") && theme) viewer.theme = viewer.theme === "dark" ? "light" : "dark";
    if (pressed.includes("language") && language) viewer.language = viewer.language === "ko" ? "en" : "ko";
    if (pressed.includes("pause") && pause) viewer.paused = !viewer.paused;
    if (pressed.includes("seconds") && seconds >= 0.5) viewer.seconds = Math.min(3600, seconds);
    const root = document.documentElement;
    root.dataset.theme = viewer.theme;
    root.dataset.paused = viewer.paused ? "yes" : "no";
    root.lang = viewer.language;
    const button = document.getElementById("pause");
    if (button) button.textContent = viewer.paused ? "▶" : "❚❚";
    return [viewer, viewer.seconds * 1000, Boolean(viewer.paused), viewer.seconds];
  },
};
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
