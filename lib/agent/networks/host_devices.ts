/**
 * Devices of endpoints on a host with a kernel to ask: TAPs, interfaces that are bridged in, and gateways, which the host leads
 * out of.
 * @module
 */

import { GatewayHost, HostJournal, Netlink } from "../../host/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { type DeviceOpener, openEndpointDevice } from "./endpoint_device.ts";
import { withGateways } from "./gateway_device.ts";
import { Gateways } from "./gateways.ts";
import { GATEWAY_ENDPOINT } from "./network_book.ts";

/** Makes devices until it is disposed. */
export interface HostDevices extends Disposable {
  readonly open: DeviceOpener;
}

/** @returns what makes devices; what it needs of the host is opened when it is first needed */
export function hostDevices(
  { store, options, endpoints, timers, log }: Pick<
    AgentContext,
    "store" | "options" | "endpoints" | "timers" | "log"
  >,
): HostDevices {
  const resources = new DisposableStack();
  let gatewayOpener: DeviceOpener | undefined;
  const ownInterfaces = options.rootless ? [] : [options.interfaceName];
  const openDevice: DeviceOpener = (wish) => openEndpointDevice(wish, ownInterfaces);
  const openGateway: DeviceOpener = (wish) => {
    if (gatewayOpener === undefined) {
      const network = resources.use(Netlink.open());
      const { interfaceName: meshInterface } = options;
      const host = new GatewayHost({ meshInterface, network, journal: new HostJournal(store) });
      const gateways = resources.use(
        new Gateways({ timers, log, meshBlocks: endpoints.overlay, network, host }),
      );
      gatewayOpener = withGateways(openDevice, gateways);
    }
    return gatewayOpener(wish);
  };
  return {
    open: (wish) => wish.endpoint.name === GATEWAY_ENDPOINT ? openGateway(wish) : openDevice(wish),
    [Symbol.dispose]: () => resources.dispose(),
  };
}
