/**
 * The UDP port of an interface that goes up and down.
 * @module
 */

import type { ListenFailure, WireGuardPlane } from "../dataplane/mod.ts";
import { UAPI_ERRNO, type UapiErrno } from "../uapi/mod.ts";

const ERRNO_OF: Readonly<Record<ListenFailure, UapiErrno>> = {
  "port-taken": UAPI_ERRNO.EADDRINUSE,
  "mark-refused": UAPI_ERRNO.EOPNOTSUPP,
  failed: UAPI_ERRNO.EIO,
};

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
      const wanted = { port: listenPort, fwmark };
      // While the interface is down, it is only to see whether the port is free.
      const failure = this.#isUp ? this.#plane.listen(wanted) : this.#plane.canListen(wanted);
      // Whoever asks for something else need not hear again that the port was taken when the interface came up.
      if (failure !== undefined && (changes.listenPort ?? changes.fwmark) !== undefined) {
        return ERRNO_OF[failure];
      }
      if (failure === undefined) this.#wanted = this.#isUp ? this.#plane.localPort : listenPort;
    } else if (fwmark !== this.#fwmark && this.#isUp && !this.#plane.setMark(fwmark)) {
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
    const failure = this.#plane.listen({ port: this.#wanted, fwmark: this.#fwmark });
    if (failure !== undefined) return ERRNO_OF[failure];
    this.#wanted = this.#plane.localPort;
    return UAPI_ERRNO.NONE;
  }
}
