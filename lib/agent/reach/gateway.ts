/**
 * Where this host stands: which gateway leads out of its network, and whether it needs one to be reached.
 * @module
 */

import { type DefaultRoute, findDefaultRoute } from "../../host/mod.ts";
import { Cidr, IpAddress, type IpFamily } from "../../net/mod.ts";
import { isPublic } from "../../port_mapping/mod.ts";

/** A gateway, and this host as it sees it. */
export interface OwnGateway {
  readonly gateway: IpAddress;
  /** The number of the interface that leads to it, when its address is link-local; 0 otherwise. */
  readonly zone: number;
  /** This host's address that the gateway is asked from. */
  readonly local: IpAddress;
}

/** What of a host is looked at; a test has its own. */
export interface HostView {
  /** @returns this host's interfaces, one entry for each address */
  interfaces(): readonly Pick<Deno.NetworkInterfaceInfo, "name" | "address" | "cidr" | "scopeid">[];
  /** @returns the way out, or undefined when there is none */
  defaultRoute(family: IpFamily): DefaultRoute | undefined;
}

/** @param ignored interfaces that lead into overlays @returns this host as the runtime and proc(5) show it */
export function hostView(ignored: (interfaceName: string) => boolean): HostView {
  return {
    interfaces: () => {
      try {
        return Deno.networkInterfaces().filter(({ name }) => !ignored(name));
      } catch {
        // A program that may not look has no gateway that it could ask.
        return [];
      }
    },
    defaultRoute: (family) => findDefaultRoute(family, ignored),
  };
}

/**
 * @returns the gateways behind which this host is hidden: of IPv4 first; none when it has a public address of IPv4, or no
 * way out. That of IPv6 is asked for the hole in its firewall only beside one of IPv4.
 */
export function ownGateways(host: HostView): readonly OwnGateway[] {
  const own = host.interfaces().flatMap(({ name, address, cidr, scopeid }) => {
    const parsed = IpAddress.parse(address);
    return parsed === undefined ? [] : [{ name, address: parsed, cidr: Cidr.parse(cidr), scopeid }];
  });
  if (own.some(({ address }) => address.family === 4 && isPublic(address))) return [];
  const route4 = host.defaultRoute(4);
  const local4 = route4 &&
    own.find(({ name, address, cidr }) =>
      name === route4.interfaceName && address.family === 4 && cidr?.contains(route4.gateway) === true
    );
  if (route4 === undefined || local4 === undefined) return [];
  const ipv4 = { gateway: route4.gateway, zone: 0, local: local4.address };
  const route6 = host.defaultRoute(6);
  const beside = own.filter(({ name, address }) => name === route6?.interfaceName && address.family === 6);
  const local6 = beside.find(({ address }) => isPublic(address));
  const zone = beside.find(({ address }) => address.isLinkLocal)?.scopeid ?? 0;
  if (route6 === undefined || local6 === undefined) return [ipv4];
  const isLinkLocal = route6.gateway.isLinkLocal;
  return [ipv4, { gateway: route6.gateway, zone: isLinkLocal ? zone : 0, local: local6.address }];
}
