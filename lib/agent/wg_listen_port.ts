/**
 * The UDP port of an interface that goes up and down.
 * @module
 */

import type { WireGuardPlane } from "../dataplane/mod.ts";
import { markUdpSocket } from "../host/mod.ts";
import { type DatagramSocket, openUdp, PortInUseError } from "../transport/mod.ts";
import { UAPI_ERRNO, type UapiErrno } from "../uapi/mod.ts";

/** Opens and replaces the plane's socket: there is one while the interface is up. */
export class ListenPort {
  readonly #plane: WireGuardPlane;
  #wanted = 0;
  #fwmark = 0;
  #isUp = false;

  constructor(plane: WireGuardPlane) {
    this.#plane = plane;
  }

  /** The port that is listened on, or is to be when the interface comes up; 0 for any. */
  get wanted(): number {
    return this.#wanted;
  }

  /** What datagrams are marked with; 0 for nothing. */
  get fwmark(): number {
    return this.#fwmark;
  }

  /** Changes port and mark. @returns why nothing was changed, or 0 */
  change(
    changes: { readonly listenPort: number | undefined; readonly fwmark: number | undefined },
  ): UapiErrno {
    const { listenPort = this.#wanted, fwmark = this.#fwmark } = changes;
    const isOtherPort = changes.listenPort !== undefined && (listenPort !== this.#wanted || listenPort === 0);
    const isRetry = this.#isUp && this.#plane.localPort === 0;
    if (isOtherPort || isRetry) {
      const socket = open(listenPort, fwmark);
      if (typeof socket === "number") return socket;
      // While the interface is down, that was to see whether the port is free.
      if (!this.#isUp) socket.close();
      else this.#use(socket);
      this.#wanted = this.#isUp ? socket.localPort : listenPort;
    } else if (fwmark !== this.#fwmark && this.#isUp && !markUdpSocket(this.#plane.localPort, fwmark)) {
      return UAPI_ERRNO.EOPNOTSUPP;
    }
    this.#fwmark = fwmark;
    return UAPI_ERRNO.NONE;
  }

  /** Follows the interface up and down. @returns why there is no socket though it is up, or 0 */
  follow(isUp: boolean): UapiErrno {
    if (isUp === this.#isUp) return UAPI_ERRNO.NONE;
    this.#isUp = isUp;
    if (!isUp) {
      this.#plane.suspend();
      return UAPI_ERRNO.NONE;
    }
    const socket = open(this.#wanted, this.#fwmark);
    if (typeof socket === "number") return socket;
    this.#wanted = socket.localPort;
    this.#use(socket);
    return UAPI_ERRNO.NONE;
  }

  /** A port that was to be had only now ends the suspension too. */
  #use(socket: DatagramSocket): void {
    this.#plane.resume(socket);
  }
}

function open(port: number, fwmark: number): DatagramSocket | UapiErrno {
  let socket: DatagramSocket;
  try {
    socket = openUdp({ port });
  } catch (error) {
    return error instanceof PortInUseError ? UAPI_ERRNO.EADDRINUSE : UAPI_ERRNO.EIO;
  }
  if (fwmark === 0 || markUdpSocket(socket.localPort, fwmark)) return socket;
  socket.close();
  return UAPI_ERRNO.EOPNOTSUPP;
}
