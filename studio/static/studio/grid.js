// The keyboard of the grid and the single view: digits label, arrows move, space chooses, Enter opens, z undoes.
"use strict";

(() => {
  const grid = document.getElementById("grid");
  const labelling = document.getElementById("labelling");
  const said = document.getElementById("said");
  const chosen = new Set(); // keys of images; tiles are exchanged when their labels change
  if (!grid) return;

  const tiles = () => [...grid.querySelectorAll(".tile")];
  const focused = () => (document.activeElement && document.activeElement.closest(".tile")) || null;

  const focus = (tile) => {
    if (!tile) return;
    tiles().forEach((each) => { each.tabIndex = each === tile ? 0 : -1; });
    tile.focus();
  };

  const perRow = () => {
    const [first, ...rest] = tiles();
    const next = rest.findIndex((tile) => tile.offsetTop > first.offsetTop);
    return next < 0 ? rest.length + 1 : next + 1;
  };

  const move = (step) => {
    const all = tiles();
    const at = all.indexOf(focused());
    focus(all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))]);
  };

  const choose = (tile) => {
    const is = !chosen.has(tile.dataset.image);
    is ? chosen.add(tile.dataset.image) : chosen.delete(tile.dataset.image);
    tile.setAttribute("aria-selected", String(is));
  };

  // One request after the other, in the order of the keys: nobody who types fast waits, and an undo comes after its
  // label. A request that has begun is kept alive when the page goes away; those that wait keep the page.
  let waiting = 0;
  let last = Promise.resolve();
  const send = (...what) => {
    waiting += 1;
    last = last.then(() => {
      waiting -= 1;
      return post(...what);
    });
  };
  window.addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });

  const refusals = {
    "log-in": "You are no longer logged in: load the page again.",
    403: "This is not allowed: load the page again.",
    507: "The studio's disk is full: tell whoever runs it.",
  };

  const post = async (address, images, fields, done) => {
    const body = new URLSearchParams(fields);
    images.forEach((image) => body.append("image", image));
    body.append("csrfmiddlewaretoken", labelling.querySelector("[name=csrfmiddlewaretoken]").value);
    let answer, text;
    try {
      answer = await fetch(address, { method: "POST", body, credentials: "same-origin", keepalive: true, redirect: "manual" });
      text = await answer.text();
    } catch {
      said.textContent = "The studio does not answer.";
      return;
    }
    if (!answer.ok) {
      said.textContent = refusals[answer.type === "opaqueredirect" ? "log-in" : answer.status] || "The studio refused it.";
      return;
    }
    said.textContent = answer.status === 204 ? "There is nothing to undo." : done;
    if (answer.status !== 204) exchange(text);
  };

  const exchange = (text) => {
    const at = focused() && focused().id;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    fresh.querySelectorAll("[id]").forEach((element) => {
      const old = document.getElementById(element.id);
      if (!old) return;
      element.removeAttribute("hx-swap-oob");
      if (element.dataset.image) element.setAttribute("aria-selected", String(chosen.has(element.dataset.image)));
      old.replaceWith(document.importNode(element, true));
    });
    if (at) focus(document.getElementById(at));
  };

  const label = (name) => {
    const one = focused() || tiles()[0];
    const images = chosen.size ? [...chosen] : [one.dataset.image];
    if (!chosen.size) {
      focus(one);
      move(1);
    }
    chosen.clear();
    tiles().forEach((tile) => tile.setAttribute("aria-selected", "false"));
    const done = name === "-" ? "The label is taken away." : `Labelled ${images.length} as ${name}.`;
    send(labelling.dataset.label, images, { label: name }, done);
  };

  const undo = () => send(labelling.dataset.undo, [], {}, "Undone.");

  const follow = (id) => {
    const link = document.getElementById(id);
    if (link) window.location.assign(link.href);
  };

  const isSingle = Boolean(document.querySelector(".single"));
  const steps = () => ({ ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow(), ArrowUp: -perRow() });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const onButton = event.target.closest("button, a, summary");
    if (event.key in steps()) {
      if (isSingle && event.key === "ArrowRight") follow("next-image");
      else if (isSingle && event.key === "ArrowLeft") follow("previous-image");
      else move(steps()[event.key]);
    } else if (event.key === " " && !onButton && !isSingle) {
      if (focused()) choose(focused());
      else move(0);
    } else if (event.key === "Enter" && focused() && !isSingle) {
      window.location.assign(focused().dataset.open);
    } else if (labelling && event.key === "z") {
      undo();
    } else if (labelling && /^[0-9]$/.test(event.key)) {
      const button = labelling.querySelector(`[data-key="${event.key}"]`);
      if (button) label(button.dataset.class);
    } else {
      return;
    }
    event.preventDefault();
  });

  grid.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    focus(tile);
    if (!isSingle) choose(tile);
  });
  grid.addEventListener("dblclick", (event) => {
    const tile = event.target.closest(".tile");
    if (tile && !isSingle) window.location.assign(tile.dataset.open);
  });
  if (labelling) {
    labelling.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      "undoLast" in button.dataset ? undo() : label(button.dataset.class);
    });
  }
  if (tiles().length) tiles()[0].tabIndex = 0;
})();
