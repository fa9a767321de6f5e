/**
 * The sockets of a fast packet plane, which are closed when no worker uses them any more.
 * @module
 */

import { type OffloadUdp, openOffloadUdp } from "../../../host/mod.ts";
import type { ListenFailure, ListenOptions } from "../../packet_plane.ts";

/** Sockets that the first worker or one of the others may still use. */
export class PlaneSockets {
  /** The current one last. */
  readonly #sockets: OffloadUdp[] = [];
  /** Those that the first worker does not use any more. */
  readonly #released = new Set<number>();
  readonly #isUsedBeside: (fd: number) => boolean;

  /** @param isUsedBeside whether a worker beside the first one uses a socket */
  constructor(isUsedBeside: (fd: number) => boolean) {
    this.#isUsedBeside = isUsedBeside;
  }

  get current(): OffloadUdp | undefined {
    return this.#sockets.at(-1);
  }

  /** From now on it is the current one. */
  use(socket: OffloadUdp): void {
    this.#sockets.push(socket);
  }

  /** The first worker does not use it any more. */
  noteReleased(fd: number): void {
    this.#released.add(fd);
    this.closeUnused(fd);
  }

  /** Closes a socket that no worker uses any more. */
  closeUnused(fd: number): void {
    if (this.#isUsedBeside(fd) || !this.#released.delete(fd)) return;
    const at = this.#sockets.findIndex((socket) => socket.fd === fd);
    for (const socket of at < 0 ? [] : this.#sockets.splice(at, 1)) socket.close();
  }

  /** Closes all, whoever used them. */
  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.close();
  }
}

/** @returns a socket on that port with that mark, or why there is none */
export function openPlaneSocket({ port, fwmark }: ListenOptions): OffloadUdp | ListenFailure {
  let socket: OffloadUdp | "port-taken";
  try {
    socket = openOffloadUdp(port);
  } catch {
    return "failed";
  }
  if (socket === "port-taken" || fwmark === 0 || socket.setMark(fwmark)) return socket;
  socket.close();
  return "mark-refused";
}
