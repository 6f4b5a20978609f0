// The server: what the page asks of it. Nothing else is ever asked, and no redirect is followed.

import { NO_ANSWER } from "./words.js";

const TIMEOUT_MS = 60_000;
const TRIES = 5; // of a request that the server has no room for just now

// What this server allows, and what it says of its model.
export async function introduce() {
  const facts = await (await ask("page/facts.json")).json();
  const metadata = await (await ask(`v2/models/${facts.model}`)).json();
  const { labels, thresholds = [] } = metadata.parameters;
  return {
    ...facts,
    version: metadata.versions[0],
    platform: metadata.platform,
    targets: labels.filter((label) => label !== "out_of_domain"),
    thresholds,
  };
}

// The address that scores pictures ("predict"), or explains their scores, too ("explain").
export function address(model, verb) {
  return new URL(`v1/models/${model}:${verb}`, document.baseURI).href;
}

// A prediction of one picture; it has an error, if need be of the whole request's, where there is no score.
export async function predict(url, instance, signal) {
  const body = JSON.stringify({ instances: [instance], debug: true });
  try {
    const answer = await (await post(url, body, signal)).json();
    return answer.predictions?.[0] ?? { error: { message: answer.error } };
  } catch (error) {
    if (signal.aborted) throw error;
    return { error: { message: NO_ANSWER } };
  }
}

async function post(url, body, signal) {
  for (let tried = 1; ; tried++) {
    const response = await ask(url, { method: "POST", body, headers: { "Content-Type": "application/json" }, signal });
    if (response.status !== 503 || tried === TRIES) return response;
    await sleep(1000 * (Number(response.headers.get("Retry-After")) || 1), signal);
  }
}

function ask(url, { signal, ...options } = {}) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return fetch(url, { ...options, redirect: "error", signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
