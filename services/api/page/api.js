// The HTTP API as the page uses it: JSON with the key in a header, and events as they come.

/** The API answered that it will not; `status` and its own words. */
export class Refusal extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** The API did not answer, or cannot work now; trying again makes sense. */
export class Away extends Error {}

const PATIENCE = 15000; // ms until an answer counts as none

/** Ask the API; the JSON of its answer. */
export async function ask(key, path, method = "GET") {
  const answer = await send(key, path, { method, signal: AbortSignal.timeout(PATIENCE) });
  try {
    return await answer.json();
  } catch {
    throw new Away("the answer broke off");
  }
}

/**
 * Call `onEvent` for each event of all sweeps, until `signal`; resolves when the stream ends.
 *
 * EventSource cannot send a header, and a key has no place in an address: so the stream is read by hand.
 */
export async function listen(key, after, signal, onOpen, onEvent) {
  const headers = { Accept: "text/event-stream", ...(after ? { "Last-Event-ID": after } : {}) };
  const answer = await send(key, "v1/events", { headers, signal });
  onOpen();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const id = /^id: ?(.*)$/m.exec(block);
      if (/^(id|data|event):/m.test(block)) onEvent(id ? id[1] : null);
    }
  }
}

async function send(key, path, { headers = {}, ...options }) {
  let answer;
  try {
    const all = new Headers({ Accept: "application/json", ...headers });
    all.set("Authorization", `Bearer ${latin(key)}`);
    answer = await fetch(path, { ...options, headers: all, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error instanceof Refusal || options.signal?.reason?.name === "AbortError") throw error;
    throw new Away(`${location.origin} does not answer`);
  }
  if (answer.ok) return answer;
  throw await failure(answer);
}

/** A header holds Latin-1 only, and so does every key. */
function latin(key) {
  if (/^[\x20-\xff]+$/.test(key)) return key;
  throw new Refusal(401, "this is not the API key: it has characters that no key has");
}

async function failure(answer) {
  let words = `${answer.status} ${answer.statusText}`;
  try {
    words = (await answer.json()).detail ?? words;
  } catch { /* no JSON: a proxy's own page */ }
  return answer.status >= 500 ? new Away(words) : new Refusal(answer.status, words);
}
