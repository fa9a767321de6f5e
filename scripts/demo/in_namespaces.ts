/**
 * The whole thing: three hosts of their own, TUN devices, packets.
 * @module
 */

import { fetchPage, type Host, Lab, pingOnce, servePage, unmet, WeftNode } from "../../tests/lab/mod.ts";
import {
  type DemoRun,
  joinThree,
  NODE_NAMES,
  pingMessagePlane,
  stopAll,
  untilInterrupted,
  WEFT,
} from "./demo_run.ts";

const PAGE = { port: 8080, text: "Hello from b, over the overlay." };

/** Runs the demo in three network namespaces. @throws Error when something does not work */
export async function demoInNamespaces(run: DemoRun): Promise<void> {
  const { story } = run;
  await using lab = await Lab.create(NODE_NAMES);
  const hosts = NODE_NAMES.map((name) => lab.host(name));
  story.chapter("Three hosts on one switch, each a network namespace with its own interfaces and routes");
  story.event(hosts.map((host, i) => `${NODE_NAMES[i]} ${host.address4}`).join(", "));

  story.chapter("One leads, two join");
  const nodes = hosts.map((host, i) =>
    lab.use(
      new WeftNode(host.namespace, { name: NODE_NAMES[i] ?? "", stateDir: `${host.folder}/state` }),
    )
  );
  const addresses = await joinThree(run, nodes);

  story.chapter("They use it");
  if (unmet(["ping"]) === undefined) await pingTunnel(run, hosts, addresses);
  else story.event("no ping program here: the tunnel is shown by the page below");
  await pingMessagePlane(run, nodes);
  await fetchOverTunnel(run, hosts, addresses);

  if (run.stay) {
    story.chapter("It stays up until Ctrl-C. To look around:");
    for (const [i, host] of hosts.entries()) {
      story.detail(`ip netns exec ${host.namespace.name} bash    # ${NODE_NAMES[i]}, ${addresses[i]}`);
    }
    story.detail(`${WEFT} status --state ${hosts[0]?.folder}/state`);
    await untilInterrupted(run);
  }

  story.chapter("They stop");
  await stopAll(run, nodes);
  for (const host of hosts) {
    if (await host.namespace.hasInterface("weft0")) {
      throw new Error(`${host.namespace.label} still has weft0`);
    }
  }
  story.event("no interface is left, and the namespaces go now");
}

async function pingTunnel(run: DemoRun, hosts: readonly Host[], addresses: readonly string[]): Promise<void> {
  const times: string[][] = [];
  for (const from of hosts) {
    const row: string[] = [];
    for (const [to, address] of addresses.entries()) {
      if (hosts[to] === from) row.push("");
      else {
        // The first one brings the session up.
        await pingOnce(from, address);
        row.push(`${(await pingOnce(from, address)).toFixed(2)} ms`);
      }
    }
    times.push(row);
  }
  run.story.event("ping, through the tunnels (WireGuard's protocol on UDP):");
  run.story.matrix(NODE_NAMES, (from, to) => times[from]?.[to] ?? "");
}

async function fetchOverTunnel(
  run: DemoRun,
  hosts: readonly Host[],
  addresses: readonly string[],
): Promise<void> {
  const [, b, c] = hosts;
  const address = addresses[1];
  if (b === undefined || c === undefined || address === undefined) throw new Error("three hosts are needed");
  await using _server = await servePage(b.namespace, address, PAGE);
  const url = `http://${address}:${PAGE.port}/`;
  const { text, ms } = await fetchPage(c.namespace, url);
  if (text !== PAGE.text) throw new Error(`${url} answered "${text}"`);
  run.story.event(`c fetches ${url} in ${ms.toFixed(0)} ms: "${text}"`);
}
