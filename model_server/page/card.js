// The card: a picture in the list, with its score, and why there is none or what speaks for it.

import * as words from "./words.js";

export class Card {
  constructor(item, curlLine) {
    this.item = item;
    this.score = null;
    this.explanation = null;
    const template = document.getElementById("picture");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.#find("h3").textContent = item.filename;
    this.#find(".curl code").textContent = curlLine;
    this.#preview();
    this.#copying(curlLine);
    this.button = this.#find(".explain");
    this.button.setAttribute("aria-label", `Heat map of ${item.filename}`);
  }

  get scored() {
    return this.score !== null;
  }

  // Show what the server said of the picture.
  show(prediction, thresholds) {
    this.#find(".waiting").hidden = true;
    this.#list(words.facts(prediction));
    if (prediction.error) return this.#fail(prediction.error);
    this.score = prediction.prediction;
    this.size = prediction;
    const meter = this.#find("meter");
    meter.value = this.score;
    meter.textContent = this.score.toFixed(4);
    meter.setAttribute("aria-label", `Score for ${prediction.target} of ${this.item.filename}`);
    this.#find(".value").append(element("strong", this.score.toFixed(4)), ` ${prediction.target}`);
    this.#find(".bar").append(...thresholds.map(({ threshold }) => tick(threshold)));
    this.#say(".meaning", words.meaning(this.score, thresholds));
    this.#find(".score").hidden = false;
    this.#find(".actions").hidden = false;
  }

  // Show an explanation, or why there is none.
  explain(prediction) {
    if (prediction.error) return this.#say(".error", text(prediction.error));
    this.#say(".error", "");
    this.explanation = prediction;
    const overlay = this.#find(".overlay");
    overlay.src = `data:image/png;base64,${prediction.overlay}`;
    const where = words.place(prediction.heat_map);
    overlay.alt = `Heat map of ${this.item.filename}: what speaks most for ${prediction.target} is ${where}.`;
    this.#find(".legend").textContent = `Orange speaks for ${prediction.target}, blue against it.`;
    this.#fit(overlay);
    this.toggle(true);
  }

  // Show the heat map, or the picture.
  toggle(on) {
    this.button.setAttribute("aria-pressed", on);
    this.#find(".overlay").hidden = !on;
    this.#find(".legend").hidden = !on;
    this.#find(".view").classList.toggle("explained", on);
  }

  get explained() {
    return this.button.getAttribute("aria-pressed") === "true";
  }

  set busy(on) {
    this.button.setAttribute("aria-busy", on);
    this.button.setAttribute("aria-disabled", on);
  }

  // Give back the memory of the preview.
  discard() {
    URL.revokeObjectURL(this.#find(".preview").src);
    this.element.remove();
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }

  #preview() {
    const image = this.#find(".preview");
    const none = this.#find(".none");
    if (this.item.url) return (none.hidden = false);
    image.onerror = () => ((image.hidden = true), (none.hidden = false));
    image.src = URL.createObjectURL(this.item.file);
    image.hidden = false;
  }

  #copying(line) {
    if (!navigator.clipboard) return; // which browsers have for https and this machine alone
    const button = this.#find(".copy");
    button.hidden = false;
    button.setAttribute("aria-label", `Copy the line for ${this.item.filename}`);
    button.onclick = async () => {
      await navigator.clipboard.writeText(line);
      button.textContent = "Copied";
    };
  }

  #list(pairs) {
    this.#find("dl").replaceChildren(
      ...pairs.map(([term, value]) => {
        const pair = document.createElement("div");
        pair.append(element("dt", term), element("dd", value));
        return pair;
      }),
    );
  }

  #fail(error) {
    this.element.classList.add("failed");
    this.#say(".error", text(error));
  }

  #say(selector, said) {
    this.#find(selector).textContent = said;
    this.#find(selector).hidden = !said;
  }

  // The map is square, as the model sees pictures; over its picture it has the picture's own shape.
  #fit(overlay) {
    const { naturalWidth, naturalHeight } = this.#find(".preview");
    const { width, height } = naturalWidth ? { width: naturalWidth, height: naturalHeight } : this.size;
    overlay.style.setProperty("--ratio", width / height);
  }
}

function text({ code, message }) {
  return words.ERRORS[code] ?? message ?? words.NO_ANSWER;
}

function tick(threshold) {
  const mark = document.createElement("span");
  mark.className = "tick";
  mark.style.insetInlineStart = `${100 * threshold}%`;
  return mark;
}

function element(name, content) {
  const made = document.createElement(name);
  made.textContent = content;
  return made;
}
