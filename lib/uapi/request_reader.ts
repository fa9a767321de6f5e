/**
 * Requests as they arrive on a stream: in pieces, one after the other, from whoever may open the socket.
 * @module
 */

import { UAPI_ERRNO, type UapiErrno } from "./device_text.ts";
import { type DeviceChanges, SetParser, type ZoneOf } from "./set_parser.ts";

/** What came in. */
export type UapiRequest =
  | { readonly kind: "get" }
  | { readonly kind: "set"; readonly changes: DeviceChanges }
  /** It is answered with `errno`, and nothing is changed; when `isLast`, the connection ends with the answer. */
  | { readonly kind: "refused"; readonly errno: UapiErrno; readonly isLast: boolean };

/** The longest line that makes sense, a key with its value, has 78 characters. */
export const MAX_LINE_CHARACTERS = 512;
/** Enough for half a million prefixes; what is longer is no configuration. */
export const MAX_REQUEST_LINES = 524_288;

/**
 * Takes bytes, gives requests:
 *
 * ```
 *            "get=1", ""                   "set=1"
 *   ┌───────◀───────────▶ idle ───────────────────────▶ set ──┐ "key=value"
 *   │ any other line        ▲  "" is a set                ▲───┘
 *   ▼                       │◀────────────────────────────┤ a wrong line
 * ended                     │  "" is a refusal            ▼
 *   ▲                       └─────────────────────── refused ─┐ any line
 *   └── an endless line, too many lines                   ▲───┘
 * ```
 *
 * It keeps one line and what a `set` has said so far, both bounded.
 */
export class RequestReader {
  readonly #decoder = new TextDecoder("latin1");
  readonly #zoneOf: ZoneOf;
  #rest = "";
  #state: "idle" | "get" | "set" | "refused" | "ended" = "idle";
  #parser: SetParser;
  #errno: UapiErrno = UAPI_ERRNO.NONE;
  #lines = 0;

  /** @param zoneOf without it there are no zones */
  constructor(zoneOf: ZoneOf = () => undefined) {
    this.#zoneOf = zoneOf;
    this.#parser = new SetParser(zoneOf);
  }

  /** Whether nothing more is taken: the connection is to be closed. */
  get isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Takes what has arrived. @returns the requests that are whole now, in their order */
  push(chunk: Uint8Array): UapiRequest[] {
    const requests: UapiRequest[] = [];
    const text = this.#rest + this.#decoder.decode(chunk);
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0 && !this.isEnded; to = text.indexOf("\n", from)) {
      const request = to - from > MAX_LINE_CHARACTERS ? this.#end() : this.#takeLine(text.slice(from, to));
      if (request !== undefined) requests.push(request);
      from = to + 1;
    }
    this.#rest = this.isEnded ? "" : text.slice(from);
    if (this.#rest.length > MAX_LINE_CHARACTERS) requests.push(this.#end());
    return requests;
  }

  #takeLine(line: string): UapiRequest | undefined {
    if (this.#state !== "idle" && ++this.#lines > MAX_REQUEST_LINES) return this.#end();
    switch (this.#state) {
      case "idle":
        this.#lines = 0;
        if (line === "get=1") this.#state = "get";
        else if (line === "set=1") this.#state = "set";
        else return this.#end();
        return undefined;
      case "get":
        if (line !== "") return this.#end();
        this.#state = "idle";
        return { kind: "get" };
      case "set": {
        if (line === "") return this.#finishSet();
        this.#errno = this.#parser.takeLine(line);
        if (this.#errno !== UAPI_ERRNO.NONE) this.#state = "refused";
        return undefined;
      }
      case "refused":
        // The answer waits for the end of the request: until then its sender writes and does not read.
        if (line !== "") return undefined;
        this.#forget();
        return { kind: "refused", errno: this.#errno, isLast: false };
      default:
        return undefined;
    }
  }

  #finishSet(): UapiRequest {
    const { changes } = this.#parser;
    this.#forget();
    return { kind: "set", changes };
  }

  #end(): UapiRequest {
    this.#forget();
    this.#state = "ended";
    this.#rest = "";
    return { kind: "refused", errno: UAPI_ERRNO.EPROTO, isLast: true };
  }

  #forget(): void {
    this.#parser = new SetParser(this.#zoneOf);
    this.#state = "idle";
  }
}
