// Words: what the page says of errors, sizes, times and thresholds.

// A code of the API, and what a person can make of it.
export const ERRORS = {
  url_not_allowed: "The server does not fetch from this address.",
  fetch_failed:
    "The server could not fetch this file. A page about a picture is not the picture: name the file itself, " +
    "such as …/wiki/Special:FilePath/Name.png.",
  fetch_timeout: "The file did not arrive in time.",
  fetch_too_large: "The file is larger than the server fetches.",
  image_too_large: "The file is larger than the server takes. A smaller version will do: 224 pixels are looked at.",
  image_too_many_pixels: "The picture has more pixels than the server decodes.",
  image_unsupported: "This is not a JPEG, PNG, GIF, WebP, BMP, TIFF or SVG picture, or of a kind that is not read.",
  image_corrupt: "The picture is damaged.",
  image_timeout: "The picture took too long to decode.",
  deadline_exceeded: "The server had no time left for this picture. Try it again.",
  internal: "The server made an error. The picture may be fine.",
};

export const UNREADABLE = "The browser could not read this file.";
export const NO_ANSWER = "The server did not answer.";

const NUMBER = new Intl.NumberFormat("en");
const UNITS = [[2 ** 20, "MB"], [2 ** 10, "kB"], [1, "bytes"]];
const STAGES = ["fetch", "queue", "decode", "score"];

export function bytes(size) {
  const [unit, name] = UNITS.find(([least]) => size >= least) ?? UNITS.at(-1);
  return `${NUMBER.format(Math.round((10 * size) / unit) / 10)} ${name}`;
}

export function count(number, one, many) {
  return `${NUMBER.format(number)} ${number === 1 ? one : many}`;
}

// Pairs of a term and its value: what is known of a file that was sent.
export function facts(prediction) {
  const { format, width, height, latency } = prediction;
  return [
    ...(format ? [["Format", format.toUpperCase()]] : []),
    ...(width ? [["Size", `${NUMBER.format(width)} × ${NUMBER.format(height)}`]] : []),
    ...STAGES.filter((stage) => latency?.[`${stage} (s)`]).map((stage) => [
      stage[0].toUpperCase() + stage.slice(1),
      milliseconds(latency[`${stage} (s)`]),
    ]),
  ];
}

// "1 in 100", "3 in 1,000": a share as a frequency of small whole numbers.
export function frequency(share) {
  const out_of = [100, 1000, 10_000, 100_000].find((n) => share * n >= 0.999) ?? 1_000_000;
  return `${NUMBER.format(Math.round(share * out_of * 10) / 10)} in ${NUMBER.format(out_of)}`;
}

export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

// The strictest of a target's thresholds that a score reaches, in words; nothing where there is none to reach.
export function meaning(score, thresholds) {
  if (!thresholds.length) return "";
  const reached = thresholds
    .filter(({ threshold }) => score >= threshold)
    .sort((a, b) => a.false_alarm_rate - b.false_alarm_rate);
  if (!reached.length) return "Below every threshold of this model.";
  return `At most ${frequency(reached[0].false_alarm_rate)} other pictures scored this high in validation.`;
}

// Where a heat map's greatest value is, for those who do not see it.
export function place({ width, height, values }) {
  const flat = values.flat();
  const index = flat.indexOf(Math.max(...flat));
  const vertical = third((Math.floor(index / width) + 0.5) / height, "at the top", "", "at the bottom");
  const horizontal = third(((index % width) + 0.5) / width, "on the left", "", "on the right");
  return [vertical, horizontal].filter(Boolean).join(" ") || "in the middle";
}

function third(position, first, second, last) {
  return position < 1 / 3 ? first : position > 2 / 3 ? last : second;
}

function milliseconds(seconds) {
  const value = 1000 * seconds;
  return `${value < 10 ? value.toFixed(1) : NUMBER.format(Math.round(value))} ms`;
}
