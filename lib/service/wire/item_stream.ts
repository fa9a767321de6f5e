/**
 * Streams of values between a caller and a handler, one after the other on a stream of bytes.
 *
 * ```
 *    0        4
 *   +--------+------------+
 *   | length | StreamItem |      length: big-endian, of what follows
 *   +--------+------------+
 * ```
 *
 * @module
 */

import { type MemoryAccount, UNBOUNDED_ACCOUNT } from "../../base/mod.ts";
import { WireReader, WireWriter } from "../../proto/mod.ts";
import { CallError, callError, failure, failureOf, type WireFailure } from "../errors.ts";
import { RESET_CANCELED, RESET_MALFORMED } from "./message_carrier.ts";
import { readFailure, writeFailure } from "./failure_codec.ts";
import { NO_VALUE, readValue, type WireValue, writeValue } from "./node_message.ts";
import type { ServiceStream } from "../ports.ts";
import {
  checkStructure,
  copyValue,
  decodeValue,
  encodeView,
  isRemote,
  type RefusalCode,
} from "./wire_value.ts";

/** The longest item in bytes: larger ones are cut into several by whoever streams. */
export const MAX_ITEM_BYTES: number = 1 << 20;

const LENGTH_BYTES = 4;
/** Items up to here take no room of their peer's: as many as there may be streams are 4 MiB. */
const FIRST_BYTES = 4_096;
const OVERHEAD_BYTES = 4_096;
const VALUE = 1;
const FAILURE = 2;

type Item = { readonly value: WireValue } | { readonly failure: WireFailure };

/** Anything that gives items one after the other. */
export type ItemSource = ReadableStream<unknown> | AsyncIterable<unknown>;

/** @returns whether a handler's answer is a stream */
export function isItemSource(value: unknown): value is ItemSource {
  if (typeof value !== "object" || value === null) return false;
  try {
    // Bytes are what most answers are that are objects.
    if (value instanceof Uint8Array) return false;
    return value instanceof ReadableStream || Symbol.asyncIterator in value;
  } catch {
    // A proxy may throw whatever it is asked.
    return false;
  }
}

/** Ends a source that nobody reads. */
export function endItems(source: ItemSource): void {
  end(() => source instanceof ReadableStream ? source.cancel() : source[Symbol.asyncIterator]().return?.());
}

/**
 * Sends what `source` gives, at the pace at which the other end reads, and ends the stream. What the source throws is
 * the last item.
 * @param onBroken is called at once when the other end goes away, also while the source waits; the source is ended
 * @param account what an item takes its room from until the other end has read it
 * @param code how an item is refused that can't be sent
 * @returns whether all of it was sent
 */
export async function sendItems(
  source: ItemSource,
  stream: ServiceStream,
  onBroken: () => void = () => {},
  account: MemoryAccount = UNBOUNDED_ACCOUNT,
  code: RefusalCode = "InvalidParams",
): Promise<boolean> {
  const writer = new WireWriter();
  let items: SourceReader | undefined;
  let isEnded = false;
  const leave = () => {
    if (isEnded) return;
    isEnded = true;
    if (items !== undefined) end(items.end);
    onBroken();
  };
  // The other end says nothing on this stream: what is read is its end.
  void stream.read().then(() => stream.resetCode === undefined || leave());
  try {
    items = readSource(source);
    while (!isEnded) {
      const next = await items.next();
      if (next.done) break;
      const value = encodeView(next.value, code);
      checkItem(value);
      writeValue(writer, VALUE, value);
      if (!await write(stream, framed(writer), account)) leave();
    }
  } catch (error) {
    writeFailure(writer, FAILURE, failureOf(error));
    await stream.write(framed(writer));
    stream.end();
    if (items !== undefined && !isEnded) end(items.end);
    isEnded = true;
    return false;
  }
  if (isEnded) return false;
  isEnded = true;
  stream.end();
  return true;
}

/** @throws CallError with code `PayloadTooLarge` */
export function checkItem(value: WireValue): void {
  if (value.data.length > MAX_ITEM_BYTES) {
    throw callError("PayloadTooLarge", `an item holds ${MAX_ITEM_BYTES} bytes`, true);
  }
  checkStructure(value, "send");
}

/** @throws CallError with code `Overloaded` when too much waits for this peer */
function write(stream: ServiceStream, item: Uint8Array, account: MemoryAccount): Promise<boolean> {
  if (item.length <= FIRST_BYTES) return stream.write(item);
  if (!account.claim(item.length)) throw callError("Overloaded", "too much waits for this caller", true);
  return stream.write(item).finally(() => account.release(item.length));
}

/** Items as they are asked for. */
export interface SourceReader {
  next(): Promise<IteratorResult<unknown>>;
  /** Ends the source, also while it is read. */
  readonly end: () => unknown;
}

/** @throws TypeError when somebody else reads it */
export function readSource(source: ItemSource): SourceReader {
  if (source instanceof ReadableStream) {
    const reader = source.getReader();
    return { next: () => reader.read() as Promise<IteratorResult<unknown>>, end: () => reader.cancel() };
  }
  const iterator = source[Symbol.asyncIterator]();
  return {
    async next() {
      const result = await iterator.next();
      if (typeof result === "object" && result !== null) return result;
      // What has no `done` would go on for ever.
      throw new TypeError("an iterator gives results, which are objects");
    },
    end: () => iterator.return?.(),
  };
}

/** A source that can't be ended is left to itself. */
export function end(ending: () => unknown): void {
  try {
    Promise.resolve(ending()).catch(() => {});
  } catch {
    // There is nothing else to do about it.
  }
}

/**
 * @param account what items take their room from while they arrive
 * @param signal breaks it off: who reads gets the signal's reason
 * @returns the items that arrive, read as they are asked for; cancelling it breaks the stream
 */
export function receiveItems(
  stream: ServiceStream,
  account: MemoryAccount = UNBOUNDED_ACCOUNT,
  onEnd: () => void = () => {},
  signal: AbortSignal | undefined = undefined,
): ReadableStream<unknown> {
  const reader = new ItemReader(stream, account);
  const release = () => {
    reader.release();
    onEnd();
  };
  return new ReadableStream<unknown>({
    start(controller) {
      signal?.addEventListener("abort", () => {
        release();
        stream.reset(RESET_CANCELED);
        controller.error(signal.reason);
      }, { once: true });
    },
    async pull(controller) {
      const item = await reader.next();
      if (item === undefined) {
        release();
        stream.end();
        controller.close();
      } else if ("failure" in item) {
        release();
        stream.reset(RESET_CANCELED);
        controller.error(new CallError(item.failure));
      } else {
        try {
          controller.enqueue(decodeValue(item.value));
        } catch (error) {
          release();
          stream.reset(RESET_MALFORMED);
          controller.error(error);
        }
      }
    },
    cancel() {
      release();
      stream.reset(RESET_CANCELED);
    },
  }, { highWaterMark: 0 });
}

/** Cuts a stream of bytes into items. */
class ItemReader {
  readonly #stream: ServiceStream;
  readonly #account: MemoryAccount;
  #claimedBytes = 0;
  #isReleased = false;
  #buffer = new Uint8Array(FIRST_BYTES);
  #start = 0;
  #end = 0;

  constructor(stream: ServiceStream, account: MemoryAccount) {
    this.#stream = stream;
    this.#account = account;
  }

  /** Gives its room back; nothing is read any more. */
  release(): void {
    this.#isReleased = true;
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = 0;
    this.#account.release(this.#claimedBytes);
    this.#claimedBytes = 0;
  }

  /** @returns the next item; undefined at the end */
  async next(): Promise<Item | undefined> {
    for (;;) {
      const item = this.#take();
      if (item !== undefined) return item;
      const piece = await this.#stream.read();
      if (piece === undefined) {
        if (this.#start === this.#end && this.#stream.resetCode === undefined) return undefined;
        return { failure: failure("StreamBroken", "the stream broke off", true) };
      }
      if (!this.#append(piece)) {
        return { failure: failure("Overloaded", "too much of this peer waits already", true) };
      }
    }
  }

  #take(): Item | undefined {
    const waiting = this.#end - this.#start;
    if (waiting < LENGTH_BYTES) return undefined;
    const length = new DataView(this.#buffer.buffer).getUint32(this.#start);
    if (length > MAX_ITEM_BYTES + OVERHEAD_BYTES) {
      this.#stream.reset(RESET_MALFORMED);
      return { failure: failure("PayloadTooLarge", `an item holds ${MAX_ITEM_BYTES} bytes`, true) };
    }
    if (waiting < LENGTH_BYTES + length) return undefined;
    const at = this.#start + LENGTH_BYTES;
    this.#start = at + length;
    return decodeItem(this.#buffer.subarray(at, this.#start)) ??
      { failure: failure("Incompatible", "an item of the stream can't be read", true) };
  }

  /** Takes room as bytes arrive: a length that announces much costs nothing. @returns false when there is none */
  #append(piece: Uint8Array): boolean {
    const waiting = this.#end - this.#start;
    if (this.#buffer.length - this.#end < piece.length) {
      const needed = waiting + piece.length;
      const isSpare = needed <= FIRST_BYTES && this.#buffer.length > FIRST_BYTES;
      const bytes = isSpare ? FIRST_BYTES : needed > this.#buffer.length ? 2 * needed : this.#buffer.length;
      if (!this.#claim(bytes)) return false;
      const buffer = bytes === this.#buffer.length ? this.#buffer : new Uint8Array(bytes);
      buffer.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = buffer;
      this.#start = 0;
      this.#end = waiting;
    }
    this.#buffer.set(piece, this.#end);
    this.#end += piece.length;
    return true;
  }

  #claim(bufferBytes: number): boolean {
    const bytes = bufferBytes > FIRST_BYTES ? bufferBytes : 0;
    const more = bytes - this.#claimedBytes;
    if (this.#isReleased || (more > 0 && !this.#account.claim(more))) return false;
    if (more < 0) this.#account.release(-more);
    this.#claimedBytes = bytes;
    return true;
  }
}

function decodeItem(bytes: Uint8Array): Item | undefined {
  const reader = new WireReader(bytes);
  let item: Item = { value: NO_VALUE };
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    if (field === VALUE) item = { value: readValue(reader) };
    else if (field === FAILURE) item = { failure: readFailure(reader) };
    else reader.skip();
  }
  if (reader.isBroken || ("value" in item && isRemote(item.value))) return undefined;
  return "value" in item ? { value: copyValue(item.value) } : item;
}

function framed(writer: WireWriter): Uint8Array {
  const item = writer.finish();
  const out = new Uint8Array(LENGTH_BYTES + item.length);
  new DataView(out.buffer).setUint32(0, item.length);
  out.set(item, LENGTH_BYTES);
  return out;
}
