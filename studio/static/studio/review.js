// The keyboard of the review: 1, 2 and 3 decide, z undoes. A key presses the button that says so.
"use strict";

(() => {
  let pressed = false; // until the next page is there: a key that is held down decides once
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, select, textarea") || !/^[123z]$/.test(event.key)) return;
    const button = document.querySelector(`button[data-key="${event.key}"]`);
    if (!button || pressed) return;
    pressed = true;
    event.preventDefault();
    button.click();
  });
  window.addEventListener("pageshow", () => { pressed = false; });
})();
