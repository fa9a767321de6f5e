/**
 * The devices of a node that may change its host.
 * @module
 */

import { GatewayHost, HostJournal, Netlink } from "../../host/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { type DeviceOpener, openEndpointDevice } from "./endpoint_device.ts";
import { type GatewayControl, withGateways } from "./gateway_device.ts";
import { Gateways } from "./gateways.ts";

type Context = Pick<AgentContext, "store" | "options" | "timers" | "log" | "endpoints">;

/** @returns what makes TAPs, and leads out of a network while the TAP of its gateway is there */
export function hostDevices(context: Context): DeviceOpener {
  return withGateways(openEndpointDevice, new OpenedGateways(context));
}

/** Talks to the host about gateways only while there are some. */
class OpenedGateways implements GatewayControl {
  readonly #context: Context;
  #opened: { readonly gateways: Gateways; readonly netlink: Netlink } | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  check(...args: Parameters<Gateways["check"]>): void {
    this.#with((gateways) => gateways.check(...args));
  }

  set(...args: Parameters<Gateways["set"]>): void {
    this.#with((gateways) => gateways.set(...args));
  }

  remove(network: string): void {
    this.#with((gateways) => gateways.remove(network));
  }

  #with(act: (gateways: Gateways) => void): void {
    this.#opened ??= this.#open();
    try {
      act(this.#opened.gateways);
    } finally {
      if (this.#opened.gateways.isIdle) {
        this.#opened.netlink.close();
        this.#opened = undefined;
      }
    }
  }

  #open(): { readonly gateways: Gateways; readonly netlink: Netlink } {
    const { store, options, timers, log, endpoints } = this.#context;
    const network = Netlink.open();
    const journal = new HostJournal(store);
    const host = new GatewayHost({ meshInterface: options.interfaceName, network, journal });
    const gateways = new Gateways({ timers, log, meshBlocks: endpoints.overlay, network, host });
    return { gateways, netlink: network };
  }
}
