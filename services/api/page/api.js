// Requests to the HTTP API: JSON with the key in a header, and the stream of events.

/** The API refused a request; `status` is its HTTP status, the message its `detail`, `errors` its single faults. */
export class ApiError extends Error {
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

/** The API did not answer, or cannot work now; the request can be repeated later. */
export class Unreachable extends Error {}

const TIMEOUT_MS = 15000;
export const MODEL_MS = 300000; // that a model may take to be written or read

/** Send a request, with a body as JSON if there is one; the JSON of the answer. */
export async function request(key, path, method = "GET", body = null) {
  const content = body === null ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const answer = await send(key, path, { method, ...content, signal: AbortSignal.timeout(TIMEOUT_MS) });
  try {
    return await answer.json();
  } catch {
    throw new Unreachable("the answer broke off");
  }
}

/** Fetch a file, which may take so many milliseconds to make; a blob. */
export async function file(key, path, timeout = TIMEOUT_MS) {
  const answer = await send(key, path, { headers: { Accept: "*/*" }, signal: AbortSignal.timeout(timeout) });
  return answer.blob();
}

/** Send a file as it is; the JSON of the answer. */
export async function sendFile(key, path, content) {
  const headers = { "Content-Type": "application/octet-stream" };
  const answer = await send(key, path, { method: "POST", body: content, headers, signal: AbortSignal.timeout(MODEL_MS) });
  return answer.json();
}

/**
 * Call `onEvent` with the id of each event of all sweeps until `signal`; resolves when the stream ends.
 *
 * The stream is read with fetch, because EventSource cannot send a header and a key must not be in an address.
 */
export async function readEvents(key, after, signal, onOpen, onEvent) {
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
    all.set("Authorization", `Bearer ${checkedKey(key)}`);
    answer = await fetch(path, { ...options, headers: all, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error instanceof ApiError || options.signal?.reason?.name === "AbortError") throw error;
    throw new Unreachable(`${location.origin} does not answer`);
  }
  if (answer.ok) return answer;
  throw await errorOf(answer);
}

/** The key, if a header can hold it: Latin-1 only. */
function checkedKey(key) {
  if (/^[\x20-\xff]+$/.test(key)) return key;
  throw new ApiError(401, "this is not the API key: it has characters that no key can have");
}

async function errorOf(answer) {
  let detail = `${answer.status} ${answer.statusText}`, errors = [];
  try {
    const problem = await answer.json();
    detail = problem.detail ?? detail;
    errors = problem.errors ?? errors;
  } catch { /* not JSON: a page of some proxy */ }
  return answer.status >= 500 ? new Unreachable(detail) : new ApiError(answer.status, detail, errors);
}
