/**
 * An interface without a mesh: the packet plane alone, configured by WireGuard's own tools.
 * @module
 */

import type { Logger } from "../base/mod.ts";
import {
  type CipherChoice,
  type ListenFailure,
  openPlane,
  type PlaneChoice,
  type PlaneEnd,
  type WireGuardPlane,
  type WorkerChoice,
} from "../dataplane/mod.ts";
import { checkTun, LinkMonitor, Netlink } from "../host/mod.ts";
import {
  applyPeers,
  type DeviceChanges,
  type DeviceSnapshot,
  deviceSnapshot,
  UAPI_ERRNO,
  type UapiErrno,
  type UapiHandler,
  UapiServer,
} from "../uapi/mod.ts";

/** What WireGuard interfaces have unless `ip link` or `wg-quick` sets it. */
const DEFAULT_MTU_BYTES = 1420;
/** The longest packet that fits a datagram with WireGuard's header and tag. */
const MAX_MTU_BYTES = 65_000;

const ERRNO_OF: Readonly<Record<ListenFailure, UapiErrno>> = {
  "port-taken": UAPI_ERRNO.EADDRINUSE,
  "mark-refused": UAPI_ERRNO.EOPNOTSUPP,
  failed: UAPI_ERRNO.EIO,
};

/** Why an interface ended: somebody closed it, deleted it, or removed its socket; or its thread died. */
export type WgInterfaceEnd = "socket-removed" | PlaneEnd;

/** How an interface is to be. */
export interface WgInterfaceOptions {
  readonly log: Logger;
  /** How packets travel; the best way there is unless given. */
  readonly choice?: PlaneChoice;
  /** What seals packets on the fast data plane. */
  readonly cipher?: CipherChoice;
  /** How many threads carry packets there; as many as help unless given. */
  readonly workers?: WorkerChoice;
}

/**
 * Its interface is made down, and is not configured here: `wg`, `ip` and `wg-quick` do that. While it is down there are
 * no sessions and the UDP port is free; the port is opened in the namespace where the process is.
 */
export class WgInterface implements UapiHandler {
  readonly name: string;
  /** Settles when it has ended and left nothing. */
  readonly ended: Promise<WgInterfaceEnd>;
  readonly #plane: WireGuardPlane;
  readonly #monitor: LinkMonitor;
  readonly #port: ListenPort;
  readonly #log: Logger;
  #server: UapiServer | undefined;

  private constructor(name: string, parts: { plane: WireGuardPlane; monitor: LinkMonitor; log: Logger }) {
    this.name = name;
    this.#plane = parts.plane;
    this.#monitor = parts.monitor;
    this.#log = parts.log;
    this.#port = new ListenPort(parts.plane);
    this.ended = this.#untilEnd();
  }

  /**
   * Makes the interface and serves its socket.
   * @throws RangeError when the name is none
   * @throws NotPermittedError, NoTunDeviceError, InterfaceExistsError, HostError, UapiSocketError; then nothing is left
   */
  static async open(
    name: string,
    { log, choice = "auto", cipher = "auto", workers = "auto" }: WgInterfaceOptions,
  ): Promise<WgInterface> {
    checkTun(name);
    const plane = await openPlane({
      interfaceName: name,
      mtuBytes: DEFAULT_MTU_BYTES,
      choice,
      cipher,
      workers,
      observer: () => {},
      log,
    });
    let monitor: LinkMonitor;
    try {
      using netlink = Netlink.open();
      netlink.setLinkMtu(name, DEFAULT_MTU_BYTES);
      monitor = LinkMonitor.open(name);
    } catch (error) {
      plane.close();
      await plane.ended;
      throw error;
    }
    const made = new WgInterface(name, { plane, monitor, log });
    try {
      made.#server = await UapiServer.open(name, made);
    } catch (error) {
      made.close();
      await made.ended;
      throw error;
    }
    made.#server.removed.then(() => plane.close());
    return made;
  }

  /** How packets travel, and what seals them. */
  get way(): { readonly dataplane: string; readonly cipher: string; readonly workers: number } {
    const { kind, engine, workers } = this.#plane;
    return { dataplane: kind, cipher: engine, workers };
  }

  get(): DeviceSnapshot {
    return deviceSnapshot(this.#plane, { listenPort: this.#port.wanted, fwmark: this.#port.fwmark });
  }

  set(changes: DeviceChanges): UapiErrno {
    const errno = this.#port.change(changes);
    if (errno === UAPI_ERRNO.NONE) applyPeers(this.#plane, changes);
    return errno;
  }

  /** @returns how many packets and datagrams were dropped, by the reasons for which there were any */
  drops(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#plane.drops()).filter(([, count]) => count > 0));
  }

  /** Removes the interface and its socket. Harmless when repeated. */
  close(): void {
    this.#plane.close();
  }

  async #untilEnd(): Promise<WgInterfaceEnd> {
    const following = this.#followLink();
    const end = await this.#plane.ended;
    this.#monitor.close();
    await following;
    const wasRemoved = this.#server?.isRemoved ?? false;
    this.#server?.close();
    return end === "closed" && wasRemoved ? "socket-removed" : end;
  }

  async #followLink(): Promise<void> {
    for (;;) {
      const state = await this.#monitor.next();
      if (state === undefined) return;
      // Gone is deleted, which the plane will see, or moved where nothing is heard of it any more.
      const { isUp, mtuBytes } = state === "gone" ? { isUp: true, mtuBytes: MAX_MTU_BYTES } : state;
      this.#plane.setMtu(Math.min(mtuBytes, MAX_MTU_BYTES));
      if (this.#port.follow(isUp) !== UAPI_ERRNO.NONE) {
        this.#log.error("cannot listen; set another port", { port: this.#port.wanted });
      }
    }
  }
}

/** Opens and replaces the plane's socket: there is one while the interface is up. */
class ListenPort {
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
  change(changes: Pick<DeviceChanges, "listenPort" | "fwmark">): UapiErrno {
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
