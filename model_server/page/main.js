// The page: pictures come in by choice, drop, paste or address, and each becomes a card with its score.

import { Card } from "./card.js";
import { curl } from "./curl.js";
import { findUrls, fromFile, fromUrl, instance } from "./items.js";
import { address, introduce, predict } from "./server.js";
import * as words from "./words.js";

const PARALLEL = 4; // requests at a time: enough to keep a server busy, and fair to others

const $ = (id) => document.getElementById(id);

class Page {
  #server;
  #cards = [];
  #waiting = [];
  #running = 0;
  #done = 0;
  #leaving = new AbortController();

  constructor(server) {
    this.#server = server;
    this.#introduce();
    this.#listen();
  }

  // Take items in and have them scored, as many as the list has room for.
  add(items) {
    const room = this.#server.images_max_num - this.#cards.length;
    const taken = items.slice(0, room);
    const left = items.length - taken.length;
    this.#notify(
      left ? `${words.count(left, "picture is", "pictures are")} too many: the list holds ${this.#server.images_max_num}. Clear it to try more.` : "",
    );
    if (!taken.length) return;
    $("scores").hidden = false;
    for (const item of taken) {
      const card = new Card(item, curl(address(this.#server.model, "predict"), item, this.#target));
      card.button.onclick = () => this.#toggle(card);
      this.#cards.push(card);
      $("pictures").append(card.element);
      this.#enqueue(() => this.#score(card));
    }
    this.#progress();
  }

  get #target() {
    return $("target").value;
  }

  get #thresholds() {
    return this.#server.thresholds.filter(({ target }) => target === this.#target);
  }

  async #score(card) {
    const thresholds = this.#thresholds;
    card.show(await this.#ask(card, "predict"), thresholds);
    this.#done++;
    this.#progress();
  }

  async #explain(card) {
    card.busy = true;
    card.explain(await this.#ask(card, "explain"));
    card.busy = false;
  }

  #toggle(card) {
    if (card.button.getAttribute("aria-busy") === "true") return;
    if (card.explanation) return card.toggle(!card.explained);
    this.#enqueue(() => this.#explain(card));
  }

  async #ask(card, verb) {
    const { file } = card.item;
    if (file && file.size > this.#server.image_max_bytes) return { error: { code: "image_too_large" } };
    const { signal } = this.#leaving;
    let sent;
    try {
      sent = await instance(card.item, this.#target);
    } catch {
      return { error: { message: words.UNREADABLE } };
    }
    return predict(address(this.#server.model, verb), sent, signal);
  }

  #enqueue(job) {
    this.#waiting.push(job);
    this.#work();
  }

  #work() {
    while (this.#running < PARALLEL && this.#waiting.length) {
      const { signal } = this.#leaving;
      this.#running++;
      this.#waiting.shift()()
        .catch((error) => signal.aborted || console.error(error))
        .finally(() => {
          if (signal.aborted) return;
          this.#running--;
          this.#work();
        });
    }
  }

  #progress() {
    const all = this.#cards.length;
    const failed = all === this.#done ? this.#cards.filter((card) => !card.scored).length : 0;
    $("progress").max = all;
    $("progress").value = this.#done;
    $("progress").hidden = all === this.#done;
    $("done").textContent =
      all > this.#done
        ? `${this.#done} of ${words.count(all, "picture", "pictures")}`
        : `${words.count(all, "picture", "pictures")}${failed ? `, ${failed} without a score` : ""}`;
    if (!this.#done || all === this.#done) $("status").textContent = $("done").textContent;
    $("explain-all").disabled = !this.#cards.some((card) => card.scored);
  }

  #clear() {
    this.#leaving.abort();
    this.#leaving = new AbortController();
    for (const card of this.#cards) card.discard();
    [this.#cards, this.#waiting, this.#running, this.#done] = [[], [], 0, 0];
    this.#notify("");
    this.#progress();
    $("scores").hidden = true;
    $("status").textContent = "The list is empty.";
    $("files").focus();
  }

  #notify(text) {
    $("notice").textContent = text;
    $("notice").hidden = !text;
  }

  #introduce() {
    const { model, version, platform, targets, hosts, images_max_num, image_max_bytes } = this.#server;
    $("model").textContent = `Model ${model} ${version}, computed by ${platform}.`;
    $("limits").textContent =
      `Up to ${words.count(images_max_num, "picture", "pictures")}, of up to ${words.bytes(image_max_bytes)} each.`;
    $("hosts").textContent = `The server fetches from ${hosts.join(", ")}.`;
    $("by-url").hidden = !hosts.length;
    for (const target of targets) $("target").append(new Option(target));
    $("choice").hidden = targets.length < 2;
    this.#explainThresholds();
  }

  #explainThresholds() {
    const rows = this.#thresholds.map((each) => {
      const row = document.createElement("tr");
      for (const value of [
        each.threshold.toFixed(4),
        words.frequency(each.false_alarm_rate),
        `${words.percent(each.recall)} (${words.percent(each.recall_low)} to ${words.percent(each.recall_high)})`,
      ])
        row.insertCell().textContent = value;
      return row;
    });
    $("thresholds").querySelector("tbody").replaceChildren(...rows);
    $("found").textContent = `Of ${this.#target}, with its interval of 95 %`;
    $("thresholds").hidden = !rows.length;
  }

  #listen() {
    $("files").onchange = ({ target }) => {
      this.add([...target.files].map(fromFile));
      target.value = ""; // the same file may be chosen again
    };
    $("by-url").onsubmit = (event) => {
      event.preventDefault();
      this.add([fromUrl(new URL($("url").value))]);
      $("url").value = "";
    };
    $("target").onchange = () => this.#explainThresholds();
    $("explain-all").onclick = () => {
      for (const card of this.#cards) if (card.scored && !card.explained) this.#toggle(card);
    };
    $("clear").onclick = () => this.#clear();
    document.onpaste = (event) => this.#take(event, event.clipboardData, "text/plain");
    document.ondragover = (event) => {
      event.preventDefault();
      document.body.classList.add("dragging");
    };
    document.ondragleave = (event) => {
      if (!event.relatedTarget) document.body.classList.remove("dragging");
    };
    document.ondrop = (event) => {
      document.body.classList.remove("dragging");
      event.preventDefault(); // else the browser would leave the page for the file
      this.#take(event, event.dataTransfer, "text/uri-list");
    };
  }

  // Take files or addresses that were pasted or dropped; a text pasted into a field belongs there.
  #take(event, data, type) {
    const files = [...data.files].map(fromFile);
    if (!files.length && event.target instanceof HTMLInputElement) return;
    const items = files.length || !this.#server.hosts.length ? files : findUrls(data.getData(type)).map(fromUrl);
    if (!items.length) return this.#notify("There is no picture in what was pasted or dropped.");
    event.preventDefault();
    this.add(items);
  }
}

introduce().then(
  (server) => new Page(server),
  () => {
    $("notice").textContent = "The server does not answer. Load the page again in a moment.";
    $("notice").hidden = false;
  },
);
