/**
 * Endpoints of overlay networks that are a program's own: signed as any other, but frames go in and out by calls, without a
 * device. They need a node whose frames are on the main thread, which every `Node` of a program is.
 *
 * An endpoint goes when the program closes it. One whose program ended without a word stays signed for its node, and is the
 * same one again, with its addresses, when the program asks for it the next time.
 *
 * @module
 */

import type { Logger } from "../../base/mod.ts";
import { PortableFrames } from "../../dataplane/mod.ts";
import type { FramePlane } from "../../dataplane/mod.ts";
import type { OverlayEndpointReport } from "../../api/mod.ts";
import { type EndpointConfig, endpointKey, InvalidEndpointError } from "../../overlay/mod.ts";
import type { OpenDevice } from "./endpoint_device.ts";
import type { HostDevices } from "./host_devices.ts";

/** What names the device of such an endpoint, and who made it. */
const DEVICE_NAME = /^program-\d+$/;

/** An endpoint of a program. */
export interface ProgramEndpoint {
  /** The network's name. */
  readonly network: string;
  /** Its own name. */
  readonly name: string;
  /** Six bytes in hexadecimal with colons. */
  readonly macAddress: string;
  /** With their prefix length. */
  readonly ipAddresses: readonly string[];
  /** Sends an Ethernet frame without its check sequence, which may be used again at once. @returns false when it is closed */
  send(frame: Uint8Array): boolean;
  /** Has it removed from the network. Harmless when repeated. */
  close(): Promise<void>;
}

/** What signs endpoints and makes their devices. */
interface Endpoints {
  addEndpoint(config: EndpointConfig): Promise<OverlayEndpointReport>;
  removeEndpoint(network: string, name: string): Promise<unknown>;
  require(network: string): { readonly definition: { readonly name: string } };
}

/** The endpoints of the programs in this process. */
export class ProgramEndpoints {
  readonly #endpoints: () => Endpoints;
  readonly #log: Logger;
  /** By the keys of endpoints. */
  readonly #programs = new Map<string, number>();
  #frames: PortableFrames | undefined;

  constructor(endpoints: () => Endpoints, log: Logger) {
    this.#endpoints = endpoints;
    this.#log = log;
  }

  /** Frames are carried by this plane from now on. */
  start(frames: FramePlane): void {
    this.#frames = frames instanceof PortableFrames ? frames : undefined;
  }

  /** @returns devices among which those of programs are */
  among(devices: HostDevices): HostDevices {
    return {
      open: (wish) => this.#open(endpointKey(wish.endpoint), wish.options.device) ?? devices.open(wish),
      [Symbol.dispose]: () => devices[Symbol.dispose](),
    };
  }

  /**
   * Has an endpoint signed and attaches it to the program.
   * @param onFrame is handed each frame, in memory of its own
   * @throws InvalidEndpointError, and what `addEndpoint` throws
   */
  async add(
    config: EndpointConfig,
    onFrame: (frame: Uint8Array<ArrayBuffer>) => void,
  ): Promise<ProgramEndpoint> {
    const frames = this.#frames;
    const { networkId, name } = config;
    const key = endpointKey({ network: this.#endpoints().require(networkId).definition.name, name });
    const what = `Cannot make the endpoint ${key}`;
    if (frames === undefined) {
      throw new InvalidEndpointError(`${what}: this node carries no frames of programs`);
    }
    const { device, netns, attach } = config.options ?? {};
    if (device !== undefined || netns !== undefined || attach !== undefined) {
      throw new InvalidEndpointError(`${what}: an endpoint of a program has no device`);
    }
    if (this.#programs.has(key)) throw new InvalidEndpointError(`${what}: this program has it already`);
    const id = frames.programs.open((frame) => {
      try {
        onFrame(frame);
      } catch (error) {
        this.#log.error("the handler of an endpoint has failed", { endpoint: key, error });
      }
    });
    this.#programs.set(key, id);
    try {
      // Under another device's name it is made anew, where one has failed before.
      const options = { ...config.options, device: `program-${id}` };
      const report = await this.#endpoints().addEndpoint({ ...config, options });
      const { network, macAddress, ipAddresses } = report;
      const send = (frame: Uint8Array): boolean => frames.programs.send(id, frame);
      return { network, name, macAddress, ipAddresses, send, close: () => this.#close(key, id) };
    } catch (error) {
      this.#forget(key, id);
      throw error;
    }
  }

  #open(key: string, device: string | undefined): OpenDevice | undefined {
    const id = this.#programs.get(key);
    if (id !== undefined) {
      return { name: `program-${id}`, port: { kind: "program", id }, close: () => {} };
    }
    if (device === undefined || !DEVICE_NAME.test(device)) return undefined;
    throw new InvalidEndpointError(`Cannot make the device of ${key}: it is a program's, which has ended`, {
      hint: "It is there again when the program asks for it.",
    });
  }

  async #close(key: string, id: number): Promise<void> {
    if (this.#programs.get(key) !== id) return;
    this.#forget(key, id);
    const [network = "", name = ""] = key.split("/");
    await this.#endpoints().removeEndpoint(network, name);
  }

  #forget(key: string, id: number): void {
    this.#programs.delete(key);
    this.#frames?.programs.close(id);
  }
}
