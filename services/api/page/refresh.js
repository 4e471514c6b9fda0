// Keep the page up to date: read again after each event, every few seconds otherwise, more rarely during an outage.

import { ApiError, readEvents, Unreachable } from "./api.js";
import * as apiKey from "./api_key.js";

const POLL_MS = 2000; // without events
const POLL_WITH_EVENTS_MS = 6000;
const MAX_POLL_MS = 15000; // while the API does not answer
const EVENT_DELAY_MS = 400; // events come in groups, and one read shows the whole group

/** Calls `read` and then `render`, again and again; errors other than an outage go to `onError`. */
export class Refresher {
  /** Whether events are received. */
  live = false;
  /** Why the last read failed, while the API does not answer; otherwise null. */
  outage = null;

  #read;
  #render;
  #onError;
  #onNoKey;
  #waitMs = POLL_MS;
  #timer = null; // of the next read
  #soonTimer = null;
  #reading = false;
  #readAgain = false;
  #stream = null; // what aborts the stream of events
  #lastEvent = null;
  #noEvents = false; // this API has none

  constructor({ read, render, onError, onNoKey }) {
    this.#read = read;
    this.#render = render;
    this.#onError = onError;
    this.#onNoKey = onNoKey;
  }

  /** Read at once and follow the events. */
  start() {
    this.refresh();
    this.#follow();
  }

  /** Stop following the events, and plan no more reads. */
  stop() {
    this.#stream?.abort();
    this.#stream = null;
    clearTimeout(this.#timer);
    clearTimeout(this.#soonTimer);
    this.#soonTimer = null;
  }

  /** Read, render, and plan the next read; a second call meanwhile makes one more read follow. */
  async refresh() {
    clearTimeout(this.#timer);
    if (apiKey.get() === null) { this.#onNoKey(); return; }
    if (this.#reading) { this.#readAgain = true; return; }
    this.#reading = true;
    try {
      await this.#read();
      this.outage = null;
      this.#waitMs = this.live ? POLL_WITH_EVENTS_MS : POLL_MS;
    } catch (error) {
      if (error instanceof Unreachable) this.#slowDown(error.message);
      else this.#onError(error);
    } finally {
      this.#reading = false;
    }
    if (apiKey.get() === null) return;
    this.#render();
    if (this.#readAgain) { this.#readAgain = false; this.refresh(); return; }
    if (!document.hidden) this.#timer = setTimeout(() => this.refresh(), this.#waitMs);
  }

  /** Read shortly, once for all calls until then. */
  soon() {
    this.#soonTimer ??= setTimeout(() => { this.#soonTimer = null; this.refresh(); }, EVENT_DELAY_MS);
  }

  #slowDown(why) {
    this.#waitMs = this.outage === null ? POLL_MS : Math.min(MAX_POLL_MS, this.#waitMs * 1.5);
    this.outage = why;
  }

  /** Events say that something has changed; what it is now, the page reads. */
  async #follow() {
    if (this.#stream || this.#noEvents || document.hidden || apiKey.get() === null) return;
    const stream = this.#stream = new AbortController();
    const onOpen = () => { this.live = true; this.soon(); };
    const onEvent = (id) => { this.#lastEvent = id ?? this.#lastEvent; this.soon(); };
    try {
      await readEvents(apiKey.get(), this.#lastEvent, stream.signal, onOpen, onEvent);
    } catch (error) {
      this.#noEvents = error instanceof ApiError && error.status === 404;
    }
    if (stream === this.#stream) this.#stream = null;
    this.live = false;
    if (stream.signal.aborted) return;
    this.soon(); // the API may be away
    setTimeout(() => this.#follow(), POLL_MS);
  }
}
