/**
 * How the driver divides the scratch of a context, which rbx points to. A column is 64 bytes of every lane's text.
 *
 *     words     next message, lanes in use, columns of a segment ...
 *     lanes     a word of 8 bytes for each lane: where its row is, how far that moves from column to column, ...
 *     state     the 16 words of ChaCha20's state, each for all lanes (RFC 8439 §2.3)
 *     rows      64 bytes a lane: the end of its text, where that is no whole column; the same before it was decrypted;
 *               and one row that lanes work on which have nothing to do
 *     ...       what a tier takes for itself
 *
 * @module
 */

import { NATIVE_CONTEXT, NATIVE_CONTEXT_BYTES } from "../../../lib/crypto/batch/native_layout.ts";

/** Bytes of the context, from `from` on and before `to`. */
export interface ContextRange {
  readonly from: number;
  readonly to: number;
}

/** What is left to seal or open. */
export class Context {
  /** Where all of it ends, so far. */
  end: number = NATIVE_CONTEXT.SCRATCH;
  /** What holds no secret: counts, lengths, addresses. Only from here may anything decide where code or data is. */
  readonly publicRanges: ContextRange[] = [{ from: NATIVE_CONTEXT.NONCE_PREFIX, to: NATIVE_CONTEXT.SCRATCH }];
  /** Where the next message to be sealed begins; the index of the first of a group. */
  readonly nextAt: number = this.takePublic(8);
  /** See `nextAt`. */
  readonly firstIndex: number = this.takePublic(8);
  /** How many lanes have a message. */
  readonly used: number = this.takePublic(8);
  /** How many columns no lane changes its row for. */
  readonly segment: number = this.takePublic(8);
  /** On its way from a general register to all lanes of a vector. */
  readonly spreadWord: number = this.takePublic(8);
  /** For each lane, the address of its row in the column that comes next, and what is added behind each. */
  readonly row: number;
  /** See `row`. */
  readonly step: number;
  /** The rows of the column before. */
  readonly formerRow: number;
  /** How many whole columns are left; below 0 where the last bytes are done, too. */
  readonly left: number;
  /** How many bytes the text has behind its whole columns, and where they are. */
  readonly tailBytes: number;
  /** See `tailBytes`. */
  readonly tailAt: number;
  /** Where the tag is; 0 for a lane without a message. */
  readonly tagAt: number;
  /** How long the text is. */
  readonly textBytes: number;
  /** ChaCha20's state. */
  readonly state: number;
  /** The rows of tails; of tails before they are decrypted; of nobody. */
  readonly tailRows: number;
  /** See `tailRows`. */
  readonly sealedTailRows: number;
  /** See `tailRows`. */
  readonly idleRow: number;

  /** @param lanes how many packets go side by side */
  constructor(readonly lanes: number) {
    const forEachLane = () => this.takePublic(8 * lanes, 64);
    this.row = forEachLane();
    this.step = forEachLane();
    this.formerRow = forEachLane();
    this.left = forEachLane();
    this.tailBytes = forEachLane();
    this.tailAt = forEachLane();
    this.tagAt = forEachLane();
    this.textBytes = forEachLane();
    this.state = this.takeAligned(16 * 4 * lanes);
    this.tailRows = this.takeAligned(64 * lanes);
    this.sealedTailRows = this.takeAligned(64 * lanes);
    this.idleRow = this.takeAligned(64);
  }

  /** @returns where so many bytes begin that nobody else has, on a multiple of 64, as vectors want it */
  takeAligned(bytes: number): number {
    return this.#take(bytes, 64);
  }

  /** The same for what is no secret, on a multiple of `alignment`. */
  takePublic(bytes: number, alignment = 8): number {
    const from = this.#take(bytes, alignment);
    this.publicRanges.push({ from, to: from + bytes });
    return from;
  }

  #take(bytes: number, alignment: number): number {
    const at = Math.ceil(this.end / alignment) * alignment;
    this.end = at + bytes;
    if (this.end > NATIVE_CONTEXT_BYTES) throw new RangeError("Cannot make the context longer than it is");
    return at;
  }
}
