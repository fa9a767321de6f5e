/**
 * The connection to the agent: it reads `/events`, comes back after a failure, and says how it is doing.
 * @module
 */

/// <reference lib="dom" />
import { EventParser, type ServerEvent } from "./event_parser.ts";

/** How the connection is doing. */
export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly since: number; readonly retryAt: number; readonly reason: string }
  | { readonly state: "paused" };

/** The agent says something every ten seconds; after so long a silence it is not there any more. */
const SILENCE_MS = 25_000;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;
/** A page that nobody sees gives its connection up, of which a browser has six. */
const HIDDEN_MS = 30_000;

/** Who is told. */
export interface FeedObserver {
  handleEvent(event: ServerEvent): void;
  handleConnection(connection: Connection): void;
}

/** Reads until the page is closed. */
export class Feed {
  readonly #observer: FeedObserver;
  #lastId = "";
  #stop = new AbortController();
  #pauseMs = FIRST_PAUSE_MS;
  #lostSince: number | undefined;
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  #retry: (() => void) | undefined;

  constructor(observer: FeedObserver) {
    this.#observer = observer;
  }

  /** Begins, and follows whether the page is seen. */
  start(): void {
    document.addEventListener("visibilitychange", () => this.#followVisibility());
    addEventListener("online", () => this.retryNow());
    void this.#run();
  }

  /** Ends the pause before the next attempt. */
  retryNow(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#retry?.();
  }

  async #run(): Promise<void> {
    this.#observer.handleConnection({ state: "connecting" });
    while (!this.#stop.signal.aborted) {
      const reason = await this.#read().catch((error) => this.#stop.signal.aborted ? "" : reasonOf(error));
      if (this.#stop.signal.aborted) return;
      this.#lostSince ??= Date.now();
      // Many pages that lost one agent do not come back all at once.
      const pauseMs = this.#pauseMs * (0.75 + Math.random() / 2);
      this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2);
      const retryAt = Date.now() + pauseMs;
      this.#observer.handleConnection({ state: "lost", since: this.#lostSince, retryAt, reason });
      await new Promise<void>((resolve) => {
        this.#retry = resolve;
        setTimeout(resolve, pauseMs);
      });
      this.#retry = undefined;
    }
  }

  /** @returns why it has ended */
  async #read(): Promise<string> {
    const silence = new Silence();
    const signal = AbortSignal.any([this.#stop.signal, silence.signal]);
    try {
      const query = this.#lastId === "" ? "" : `?after=${encodeURIComponent(this.#lastId)}`;
      const answer = await fetch(`/events${query}`, { cache: "no-store", signal });
      // Whoever had shown the token is asked for it again.
      if (answer.status === 401) location.reload();
      if (answer.status === 429) return "too many pages are open";
      if (!answer.ok || answer.body === null) return `the agent answers ${answer.status}`;
      const parser = new EventParser();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        silence.defer();
        for (const event of parser.push(chunk.value)) {
          this.#lastId = event.id;
          this.#observer.handleEvent(event);
          this.#pauseMs = FIRST_PAUSE_MS;
          this.#lostSince = undefined;
          this.#observer.handleConnection({ state: "live" });
        }
      }
      return "the agent has closed the connection";
    } finally {
      silence.end();
    }
  }

  #followVisibility(): void {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => {
        this.#stop.abort();
        this.#observer.handleConnection({ state: "paused" });
      }, HIDDEN_MS);
    } else if (this.#stop.signal.aborted) {
      this.#stop = new AbortController();
      void this.#run();
    }
  }
}

/** Aborts when nothing was heard for too long. */
class Silence {
  readonly #aborter = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.defer();
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  defer(): void {
    this.end();
    this.#timer = setTimeout(() => this.#aborter.abort(), SILENCE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof DOMException && error.name === "AbortError"
    ? "nothing was heard of the agent"
    : "the agent does not answer";
}
