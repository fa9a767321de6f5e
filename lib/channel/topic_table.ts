/**
 * Topics and who is attached to them, found by their bytes.
 * @module
 */

import { equalBytes, utf8Bytes } from "../base/mod.ts";
import { type EnvelopeDecoder, MAX_TOPIC_BYTES } from "./records/mod.ts";

/** Is handed the body of a message: a view that is valid until it returns. */
export type MessageHandler = (body: Uint8Array) => void;

// Topics are few; a caller that makes them up must not fill the memory.
const MAX_ENCODED = 256;

/** Who is attached to which topic. Finding one makes no string, sending to one encodes it once. */
export class TopicTable<T> {
  #attached: { readonly topic: Uint8Array; readonly value: T }[] = [];
  #encoded = new Map<string, Uint8Array>();
  #lastTopic = "";
  #lastEncoded: Uint8Array = new Uint8Array(0);

  /** @throws TypeError when somebody is attached to the topic */
  add(topic: string, value: T): void {
    const bytes = this.encode(topic).slice();
    if (this.#attached.some((one) => equalBytes(one.topic, bytes))) {
      throw new TypeError(`Cannot attach to ${topic}: it has a handler`);
    }
    this.#attached.push({ topic: bytes, value });
  }

  /** @returns who is attached to the topic of a message */
  find(frame: EnvelopeDecoder): T | undefined {
    for (const one of this.#attached) if (frame.textEquals(one.topic)) return one.value;
    return undefined;
  }

  /**
   * @returns the topic in UTF-8, which may not be changed
   * @throws RangeError when it is longer than 255 bytes
   */
  encode(topic: string): Uint8Array {
    if (topic === this.#lastTopic) return this.#lastEncoded;
    let bytes = this.#encoded.get(topic);
    if (bytes === undefined) {
      bytes = utf8Bytes(topic);
      if (bytes.length > MAX_TOPIC_BYTES) {
        throw new RangeError(`Cannot send: the topic is longer than ${MAX_TOPIC_BYTES} bytes`);
      }
      if (this.#encoded.size >= MAX_ENCODED) this.#encoded.clear();
      this.#encoded.set(topic, bytes);
    }
    this.#lastTopic = topic;
    this.#lastEncoded = bytes;
    return bytes;
  }
}

/** @returns undefined when the bytes are not UTF-8 */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
