/**
 * Devices of endpoints on a host with a kernel to ask: TAPs, interfaces that are bridged in, and gateways, which the host leads
 * out of.
 * @module
 */

import { findRouteOverlap, type HostRoute, Netlink } from "../../host/mod.ts";
import { InvalidEndpointError } from "../../overlay/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { RouteOverlapError } from "../errors.ts";
import { type DeviceOpener, type DeviceWish, openEndpointDevice } from "./endpoint_device.ts";
import { withGateways } from "./gateway_device.ts";
import { Gateways } from "./gateways.ts";
import { GATEWAY_ENDPOINT } from "./network_book.ts";
import { SharedGatewayHost } from "./shared_gateway_host.ts";

/**
 * Checks that the way to the network, which a TAP in the host's own namespace brings with its addresses, leads past none that
 * the host has. The operator of a host may not be asked: others can move an endpoint to it.
 * @param ownDevices of other endpoints: tenants may have the same addresses
 * @throws RouteOverlapError, InvalidEndpointError for an address that is none of the network's, whoever has signed it
 */
export function checkRoutes(
  { endpoint: { network, addresses }, blocks }: Pick<DeviceWish, "endpoint" | "blocks">,
  routes: readonly HostRoute[],
  ownDevices: ReadonlySet<string>,
): void {
  const outside = addresses.find((address) => !blocks.some((block) => block.contains(address)));
  if (outside !== undefined) {
    throw new InvalidEndpointError(
      `Cannot make a TAP of the network ${network} here: it has no address ${outside}`,
      {
        hint: "Have a leader remove the endpoint, and add it again.",
      },
    );
  }
  const others = routes.filter(({ interfaceName }) => !ownDevices.has(interfaceName ?? ""));
  for (const block of blocks) {
    if (!addresses.some((address) => block.contains(address))) continue;
    const route = findRouteOverlap(block, others, "");
    if (route === undefined) continue;
    const where = route.interfaceName ?? "nowhere";
    throw new RouteOverlapError(
      `Cannot make a TAP of the network ${network} here: ${block} overlaps the route ${route.cidr} of this host to ${where}`,
      { hint: "Put it into a namespace with --netns, or choose a network with another block." },
    );
  }
}

/** Makes devices until it is disposed. */
export interface HostDevices extends Disposable {
  readonly open: DeviceOpener;
}

/**
 * @param gatewayHost what forwards here, if others use it too
 * @returns what makes devices; what it needs of the host is opened when it is first needed
 */
export function hostDevices(
  { store, options, endpoints, timers, log, mesh }: Pick<
    AgentContext,
    "store" | "options" | "endpoints" | "timers" | "log" | "mesh"
  >,
  gatewayHost?: SharedGatewayHost,
): HostDevices {
  const resources = new DisposableStack();
  const shared = gatewayHost ?? resources.use(new SharedGatewayHost({ store, options, mesh }));
  let gatewayOpener: DeviceOpener | undefined;
  const ownInterfaces = options.rootless ? [] : [options.interfaceName];
  const openDevice: DeviceOpener = (wish) => {
    const { netns, attach } = wish.options;
    if (!options.rootless && netns === undefined && attach === undefined) {
      using network = Netlink.open();
      checkRoutes(wish, network.listRoutes(), endpoints.overlayDevices());
    }
    return openEndpointDevice(wish, ownInterfaces);
  };
  const openGateway: DeviceOpener = (wish) => {
    if (gatewayOpener === undefined) {
      const network = resources.use(Netlink.open());
      const host = shared.get();
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
