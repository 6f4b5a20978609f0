// The line for a shell that asks the server what the page asks.

// What a terminal does not show, or shows elsewhere than it stands: a line to copy must not have it.
const UNSHOWN = /[\p{C}\p{Zl}\p{Zp}]/gu;
const MORE = { debug: true };
const TAIL = `"}],${JSON.stringify(MORE).slice(1)}`; // what follows an image in the text of a request

export function curl(url, item, target) {
  const ask = `curl --silent --header 'Content-Type: application/json' --data-binary`;
  const named = { filename: item.filename, target };
  if (item.url) return `${ask} ${quote(text({ ...named, url: item.url }))} ${quote(url)}`;
  const whole = text({ ...named, image: "" });
  const [head, tail] = [whole.slice(0, -TAIL.length), TAIL];
  const picture = item.file.name.search(UNSHOWN) < 0 ? item.file.name : "PICTURE";
  return (
    `(printf %s ${quote(head)}; base64 < ${quote(`./${picture}`)} | tr -d '\\n'; printf %s ${quote(tail)}) |\n` +
    `  ${ask} @- ${quote(url)}`
  );
}

function text(instance) {
  const escaped = (character) =>
    [...Array(character.length)]
      .map((_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join("");
  return JSON.stringify({ instances: [instance], ...MORE }).replace(UNSHOWN, escaped);
}

function quote(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
