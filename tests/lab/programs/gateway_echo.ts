/**
 * Has the gateway open a port, answers what comes there by UDP and TCP with the same, and prints each change as JSON.
 *
 *     gateway_echo.ts GATEWAY LOCAL PORT LIFETIME_SECONDS PROTOCOL…
 *
 * @module
 */

import { GatewayMapping } from "../../../lib/agent/reach/gateway_mapping.ts";
import { silentLogger } from "../../../lib/base/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import { IpAddress } from "../../../lib/net/mod.ts";
import type { MappingProtocol } from "../../../lib/port_mapping/mod.ts";

const [gateway = "", local = "", port = "", seconds = "", ...protocols] = Deno.args;

// deno-lint-ignore no-console -- what the test reads
const print = (value: unknown): void => console.log(JSON.stringify(value));

function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

const any = local.includes(":") ? "::" : "0.0.0.0";
const listener = Deno.listen({ hostname: any, port: Number(port) });
const datagrams = Deno.listenDatagram({ transport: "udp", hostname: any, port: Number(port) });
(async () => {
  for await (const connection of listener) {
    void connection.readable.pipeTo(connection.writable).catch(() => {});
  }
})();
(async () => {
  for await (const [bytes, from] of datagrams) await datagrams.send(bytes, from);
})();

const mapping: GatewayMapping = new GatewayMapping({
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  log: silentLogger,
  gateway: address(gateway),
  zone: 0,
  local: address(local),
  port: Number(port),
  transports: ["udp", "tcp"],
  lifetimeSeconds: Number(seconds),
  protocols: protocols as MappingProtocol[],
  onChange: () => queueMicrotask(say),
});

function say(): void {
  const { state } = mapping;
  const ports = state.kind === "mapped" ? { udp: `${state.ports.udp}`, tcp: `${state.ports.tcp}` } : {};
  print({ ...state, ports, drops: mapping.drops() });
}

Deno.addSignalListener("SIGTERM", async () => {
  await mapping.close();
  Deno.exit(0);
});
