/**
 * Packets of one flow have the same headers up to their frames, all but lengths and checksums: what was found out about one
 * holds for those that follow it.
 * @module
 */

import { type IpFamily, uint16At } from "../../../net/mod.ts";

const IPPROTO_UDP = 17;
/** The longest header that is kept, from behind the fields of IP that differ. */
const MAX_WORDS = 64;

/** What was decoded last, and by which words. */
export class RepeatedHeader {
  /** The port that the packet came from. */
  port = -1;
  /** How long all headers before the frame are. */
  headBytes = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #words = new Int32Array(MAX_WORDS);
  #version: IpFamily | 0 = 0;
  #protocol = 0;
  #count = 0;

  /** @param memory that packets lie in */
  constructor(memory: WebAssembly.Memory) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  /** Something has changed: no packet is like one before. */
  clear(): void {
    this.#version = 0;
  }

  /**
   * Keeps what was found out about a packet whose headers were checked.
   * @param frameAt where its frame begins
   */
  keep(at: number, frameAt: number, version: IpFamily, port: number): void {
    this.#version = 0;
    const from = version === 4 ? 12 : 8;
    const headBytes = frameAt - at;
    const count = (headBytes - from) >> 2;
    // Options of IP, and headers that are no words, are read anew each time.
    if ((headBytes & 3) !== 0 || count > MAX_WORDS || (version === 4 && this.#bytes[at] !== 0x45)) return;
    for (let i = 0; i < count; i++) this.#words[i] = this.#view.getInt32(at + from + 4 * i, true);
    this.#count = count;
    this.#protocol = this.#bytes[at + (version === 4 ? 9 : 6)] ?? 0;
    this.#version = version;
    this.headBytes = headBytes;
    this.port = port;
  }

  /** Whether a packet of this version, whose length was checked, has the same headers. */
  matches(at: number, lengthBytes: number, version: IpFamily): boolean {
    if (version !== this.#version || lengthBytes <= this.headBytes) return false;
    const bytes = this.#bytes;
    const isIpv4 = version === 4;
    if ((bytes[at + (isIpv4 ? 9 : 6)] ?? 0) !== this.#protocol) return false;
    if (isIpv4 && (bytes[at] !== 0x45 || (uint16At(bytes, at + 6) & 0x3fff) !== 0)) return false;
    const ipBytes = isIpv4 ? 20 : 40;
    let skipped = -1;
    if (this.#protocol === IPPROTO_UDP) {
      if (uint16At(bytes, at + ipBytes + 4) !== lengthBytes - ipBytes) return false;
      // Length and checksum.
      skipped = isIpv4 ? 3 : 9;
    }
    const start = at + (isIpv4 ? 12 : 8);
    for (let i = 0; i < this.#count; i++) {
      if (i !== skipped && this.#words[i] !== this.#view.getInt32(start + 4 * i, true)) return false;
    }
    return true;
  }
}
