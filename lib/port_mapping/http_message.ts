/**
 * HTTP/1.1 as far as a gateway's own pages need it (RFC 9112): one request, one answer, bounded.
 * @module
 */

import { concatBytes, utf8Bytes } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { HttpAnswer } from "./mapping.ts";

/** An answer that is longer, with its header, is none, in bytes. */
export const MAX_ANSWER_BYTES = 131_072;
const MAX_HEADER_BYTES = 16_384;
const MAX_CHUNK_LINE_BYTES = 256;
const CR = 13;
const LF = 10;

/** What a request is. */
export interface HttpRequestParts {
  readonly method: "GET" | "POST";
  /** Where it goes, which the header Host says. */
  readonly endpoint: Endpoint;
  /** With its query, beginning with a slash. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** @returns the bytes of a request after which the connection is closed */
export function encodeHttpRequest(
  { method, endpoint, path, headers = {}, body = "" }: HttpRequestParts,
): Uint8Array {
  const content = utf8Bytes(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${endpoint}`,
    "Connection: close",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...method === "POST" ? [`Content-Length: ${content.length}`] : [],
  ];
  const head = utf8Bytes(`${lines.join("\r\n")}\r\n\r\n`);
  const out = new Uint8Array(head.length + content.length);
  out.set(head);
  out.set(content, head.length);
  return out;
}

/** How the body of an answer ends. */
type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

/** Takes an answer as it comes, piece by piece, and looks at each byte a bounded number of times. */
export class HttpAnswerDecoder {
  #bytes: Uint8Array = new Uint8Array(4096);
  #length = 0;
  /** Up to here it has been read. */
  #at = 0;
  #status = 0;
  #framing: Framing | undefined;
  #isFailed = false;
  readonly #chunks: Uint8Array[] = [];
  #answer: HttpAnswer | undefined;

  /** The answer, once all of it has come. */
  get answer(): HttpAnswer | undefined {
    return this.#answer;
  }

  /** @returns whether more is to come; otherwise there is an answer, or there will be none */
  push(bytes: Uint8Array): boolean {
    if (this.#isFailed || this.#answer !== undefined) return false;
    if (this.#length + bytes.length > MAX_ANSWER_BYTES) return this.#fail();
    this.#append(bytes);
    if (this.#framing === undefined && !this.#readHeader()) return !this.#isFailed;
    return this.#readBody();
  }

  /** The other end has closed. */
  end(): void {
    if (this.#isFailed || this.#answer !== undefined || this.#framing?.kind !== "close") return;
    this.#finish(this.#bytes.slice(this.#at, this.#length));
  }

  #append(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) {
      const longer = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + bytes.length));
      longer.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = longer;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #fail(): false {
    this.#isFailed = true;
    return false;
  }

  #finish(body: Uint8Array): false {
    this.#answer = { status: this.#status, body };
    return false;
  }

  /** @returns whether the header is there and makes sense */
  #readHeader(): boolean {
    // RFC 9112 §2.2: a line may end with a bare LF.
    for (; this.#at < this.#length; this.#at++) {
      if (this.#at >= MAX_HEADER_BYTES) return this.#fail();
      if (this.#bytes[this.#at] !== LF) continue;
      const before = this.#bytes[this.#at - 1] === CR ? this.#at - 2 : this.#at - 1;
      if (this.#bytes[before] !== LF) continue;
      const text = new TextDecoder().decode(this.#bytes.subarray(0, before));
      this.#at++;
      if (!this.#takeHeader(text)) return this.#fail();
      return true;
    }
    return false;
  }

  #takeHeader(text: string): boolean {
    const [first = "", ...lines] = text.replace(/\r$/, "").split(/\r?\n/);
    const [, status] = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first) ?? [];
    if (status === undefined) return false;
    this.#status = Number(status);
    const framing = framingOf(lines);
    if (framing === undefined) return false;
    this.#framing = framing;
    return true;
  }

  #readBody(): boolean {
    const framing = this.#framing;
    if (framing?.kind === "close") return true;
    if (framing?.kind === "chunked") return this.#readChunks();
    const bytes = framing?.bytes ?? 0;
    if (this.#length - this.#at < bytes) return true;
    return this.#finish(this.#bytes.slice(this.#at, this.#at + bytes));
  }

  /** RFC 9112 §7.1; trailers are of no use here. @returns whether more is to come */
  #readChunks(): boolean {
    for (;;) {
      const lineEnd = this.#bytes.subarray(0, this.#length).indexOf(LF, this.#at);
      if (lineEnd < 0) return this.#length - this.#at > MAX_CHUNK_LINE_BYTES ? this.#fail() : true;
      const line = new TextDecoder().decode(this.#bytes.subarray(this.#at, lineEnd));
      const [, digits] = /^([0-9a-fA-F]{1,5})[ \t]*(?:;.*)?\r?$/.exec(line) ?? [];
      if (digits === undefined) return this.#fail();
      const bytes = Number.parseInt(digits, 16);
      if (bytes === 0) return this.#finish(concatBytes(...this.#chunks));
      const end = lineEnd + 1 + bytes;
      // The line's end behind the chunk has to be there, too.
      const hasReturn = this.#bytes[end] === CR;
      if (this.#length < end + (hasReturn ? 2 : 1)) return end > MAX_ANSWER_BYTES ? this.#fail() : true;
      if (this.#bytes[hasReturn ? end + 1 : end] !== LF) return this.#fail();
      this.#chunks.push(this.#bytes.slice(lineEnd + 1, end));
      this.#at = end + (hasReturn ? 2 : 1);
    }
  }
}

/** RFC 9112 §6.3. @returns undefined when a header makes no sense */
function framingOf(lines: readonly string[]): Framing | undefined {
  let framing: Framing = { kind: "close" };
  for (const line of lines) {
    const [, name = "", value = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === "") return undefined;
    if (/^transfer-encoding$/i.test(name)) {
      if (!/^chunked$/i.test(value)) return undefined;
      framing = { kind: "chunked" };
    } else if (/^content-length$/i.test(name) && framing.kind !== "chunked") {
      if (!/^\d{1,6}$/.test(value) || Number(value) > MAX_ANSWER_BYTES) return undefined;
      framing = { kind: "length", bytes: Number(value) };
    }
  }
  return framing;
}
