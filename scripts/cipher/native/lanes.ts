/**
 * What differs between processors: how many packets go side by side, and how they are encrypted and authenticated.
 * @module
 */

/** What is done to messages. */
export type Direction = "seal" | "open";

/**
 * Writes the parts of the code in which all lanes go side by side. Every function adds instructions; rbx points to the
 * context, lanes are counted in rcx. Each may change all registers but rbx, rcx, and r12 to r14, unless it says more.
 */
export interface Lanes {
  /** Adds the constants, behind the code. */
  writeConstants(): void;
  /** Spreads the key over the state of all lanes. */
  loadKey(): void;
  /** Makes the one-time keys of Poly1305 from the first block of key stream of every lane, and begins its sums. */
  beginGroup(): void;
  /** Lanes are about to be told whether they take part in the columns that come next; changes rbp at most. */
  beginSegment(): void;
  /** Lane rcx does or does not; changes rax, rsi and rdi at most, and what `beginSegment` began. */
  setActive(isActive: boolean): void;
  /** All lanes were told. */
  endSegment(): void;
  /** Encrypts a column and authenticates one, this or the one before; then the rows move on. Changes rcx, too. */
  column(direction: Direction): void;
  /** Completes the last column. Changes rcx, too. */
  endColumns(direction: Direction): void;
  /** Copies rcx bytes, less than 64, from rsi to the row at rdi; the rest of that becomes zeroes. Changes rcx, too. */
  copyToRow(): void;
  /** Copies rcx bytes from the row at rsi to rdi; the rest of the row becomes zeroes. Changes rcx, too. */
  copyFromRow(): void;
  /** Authenticates rdx bytes of the row at rsi as the last ones of lane rcx. */
  absorbTail(): void;
  /** Authenticates the lengths of all lanes, and completes their tags, as far as that goes for all at once. */
  finishTags(): void;
  /** Loads the tag of lane rcx to rax and rdx. */
  loadTag(): void;
  /** Clears the vector and mask registers. */
  wipeRegisters(): void;
}
