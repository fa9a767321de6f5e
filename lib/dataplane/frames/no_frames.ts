/**
 * Where no frames are carried.
 * @module
 */

import type { FrameCounts, FramePlane, PortEvent } from "./frame_plane.ts";

/** Takes what it is told, and carries nothing. */
export class NoFrames implements FramePlane {
  readonly #onPortEvent: (event: PortEvent) => void;

  constructor(onPortEvent: (event: PortEvent) => void) {
    this.#onPortEvent = onPortEvent;
  }

  setOwnAddresses(): void {}
  setNetwork(): void {}
  removeNetwork(): void {}
  setPort(): void {}

  removePort(port: number): void {
    this.#onPortEvent({ kind: "port-released", port });
  }

  setRemote(): void {}
  removeRemote(): void {}
  setBinding(): void {}
  removeBinding(): void {}
  receiveFromChannel(): void {}

  networkCounts(): FrameCounts | undefined {
    return undefined;
  }

  portCounts(): FrameCounts | undefined {
    return undefined;
  }
}
