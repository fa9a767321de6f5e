/**
 * The wire formats of overlay networks, one folder each, and the table of them by name. Drivers are pure codecs: they
 * open nothing and know nobody. `README.md` says how another one is added.
 * @module
 */

import { type DriverFactory, UnknownDriverError } from "../lib/overlay/mod.ts";
import { DriverRegistry } from "./registry.ts";
import { GeneveDriver } from "./geneve/mod.ts";
import { GreDriver } from "./gre/mod.ts";
import { MplsUdpDriver } from "./mpls_udp/mod.ts";
import { NvgreDriver } from "./nvgre/mod.ts";
import { VlanDriver } from "./vlan/mod.ts";
import { VxlanDriver } from "./vxlan/mod.ts";

export * from "./constant_header.ts";
export * from "./ethertype.ts";
export * from "./fields.ts";
export * from "./geneve/mod.ts";
export * from "./gre/mod.ts";
export * from "./mpls_udp/mod.ts";
export * from "./network_options.ts";
export * from "./nvgre/mod.ts";
export * from "./registry.ts";
export * from "./vlan/mod.ts";
export * from "./vxlan/mod.ts";

const BUILT_IN: ReadonlyMap<string, DriverFactory> = new Map<string, DriverFactory>([
  ["vxlan", () => new VxlanDriver()],
  ["geneve", () => new GeneveDriver()],
  ["gre", () => new GreDriver()],
  ["nvgre", () => new NvgreDriver()],
  ["mpls-udp", () => new MplsUdpDriver()],
  ["vlan", () => new VlanDriver()],
]);

/** The drivers that are part of weft. @returns a new table of them; more may be registered in it */
export function builtInDrivers(): DriverRegistry {
  const registry = new DriverRegistry();
  for (const [name, factory] of BUILT_IN) registry.register(name, factory);
  return registry;
}

/** Finds a driver that is part of weft. @returns its factory @throws UnknownDriverError when none bears this name */
export function getDriverFactory(name: string): DriverFactory {
  const factory = BUILT_IN.get(name);
  if (factory === undefined) {
    throw new UnknownDriverError(
      `Cannot use the driver ${name}: there are ${[...BUILT_IN.keys()].join(", ")}`,
    );
  }
  return factory;
}
