/**
 * A network interface that hands over IP packets, as a port: a TUN device, or memory.
 * @module
 */

/** Packets that were read together. */
export interface PacketBatch {
  /** How many packets there are, at least 1. */
  readonly count: number;
  /**
   * @param index from 0 to `count - 1`
   * @returns a view of one IP packet, valid until the next `readBatch`
   * @throws RangeError when there is no such packet
   */
  packet(index: number): Uint8Array;
}

/** A layer-3 interface. At most one `readBatch` is under way at a time. */
export interface PacketDevice {
  /** The interface's name, as `ip link` shows it. */
  readonly name: string;
  /** Waits for packets. @returns what has arrived, or undefined when the device is closed or was deleted */
  readBatch(): Promise<PacketBatch | undefined>;
  /** Hands one IP packet to the host. @returns false when it did not take it */
  write(packet: Uint8Array): boolean;
  /** Removes the interface; a read under way returns undefined. Harmless when repeated. */
  close(): void;
}
