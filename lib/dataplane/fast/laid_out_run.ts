/**
 * Gathering messages that are to be sealed together: small packets come one by one, and a cipher with a packet in each
 * lane takes as long for one as for all.
 * @module
 */

import type { AeadKey, BatchCipher, SealedBatch } from "../../crypto/mod.ts";

/** What messages are sealed with, as a session is one. */
export interface RunSession {
  readonly sendKey: AeadKey;
  readonly remoteIndex: number;
}

/** Messages of one session that stand side by side with numbers that follow each other; only the last may be shorter. */
export class LaidOutRun {
  readonly #cipher: BatchCipher;
  #count = 0;
  #at = 0;
  #messageBytes = 0;
  #lastBytes = 0;
  #counter = 0;
  #remoteIndex = 0;
  #key: AeadKey | undefined;

  constructor(cipher: BatchCipher) {
    this.#cipher = cipher;
  }

  /**
   * Takes what was laid out at `at`, with numbers from `counter` on; seals what that does not follow.
   * @param session must keep its key until `seal`
   */
  add(at: number, batch: SealedBatch, counter: number, session: RunSession): void {
    const { packets, lengthBytes, segmentBytes } = batch;
    if (!this.#isFollowedBy(at, batch, counter, session)) {
      this.seal();
      this.#at = at;
      this.#messageBytes = segmentBytes;
      this.#counter = counter;
      this.#remoteIndex = session.remoteIndex;
      this.#key = session.sendKey;
    }
    this.#count += packets;
    this.#lastBytes = lengthBytes - (packets - 1) * segmentBytes;
  }

  /** Seals what was taken. @throws TypeError when its key was wiped meanwhile */
  seal(): void {
    const key = this.#key;
    if (key === undefined) return;
    const count = this.#count;
    this.#key = undefined;
    this.#count = 0;
    this.#cipher.sealMessages({
      at: this.#at,
      messageBytes: this.#messageBytes,
      lastBytes: this.#lastBytes,
      count,
      key,
      counter: this.#counter,
      remoteIndex: this.#remoteIndex,
    });
  }

  #isFollowedBy(
    at: number,
    { packets, segmentBytes }: SealedBatch,
    counter: number,
    session: RunSession,
  ): boolean {
    const messageBytes = this.#messageBytes;
    return this.#key === session.sendKey && counter === this.#counter + this.#count &&
      // So it is only behind whole ones.
      at === this.#at + this.#count * messageBytes &&
      (segmentBytes === messageBytes || packets === 1 && segmentBytes < messageBytes);
  }
}
