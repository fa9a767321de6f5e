/**
 * `weft explain NAME`: why a member is reached, or is not.
 * @module
 */

import type { PolicyExplanation, StatusReport } from "../../../api/mod.ts";
import { WeftError } from "../../../base/mod.ts";
import { type HostRoute, Netlink } from "../../../host/mod.ts";
import { IpAddress } from "../../../net/mod.ts";
import { parseAttempt } from "../../../policy/mod.ts";
import type { ControlClient } from "../../control_client.ts";
import { UsageError } from "../../failure.ts";
import { paint, type Terminal, type Tone } from "../../terminal.ts";
import { type AnyCommand, askAgent, type CommandContext, printJson } from "../../weft_command.ts";
import { explain } from "./explanation.ts";
import type { Explanation, ExplanationFacts, ExplanationStep, Unanswered } from "./explanation_facts.ts";
import { routeThere } from "./route_step.ts";

/** The kernel's main routing table. */
const MAIN_TABLE = 254;

/** Adds the command. */
export function addExplainCommand(program: AnyCommand, context: CommandContext): void {
  const { ports } = context;
  askAgent(
    program.command("explain").description(
      "say why a member is reached or not: name, path, policy, health, services",
    )
      .argument(
        "<member>",
        "its name or address, or one behind it, perhaps with a port: db-1, db-1:5432, 192.168.50.7:udp/53",
      )
      .option("--json", "as JSON")
      .addHelpText("after", "\nExamples:\n  $ weft explain web-1\n  $ weft explain web-1:5432 --json"),
    ports,
    async (client, [asked = ""], { json }) => {
      const explanation = explain(await findFacts(client, asked));
      if (json === true) printJson(ports, explanation);
      else ports.terminal.out(explanationLines(explanation, ports.terminal));
      if (!explanation.isReachable) context.exitCode = 1;
    },
  );
}

async function findFacts(client: ControlClient, asked: string): Promise<ExplanationFacts> {
  const { text, target } = parted(asked);
  if (target !== "" && parseAttempt(`${text}:${target}`) === undefined) {
    throw new UsageError(`Cannot explain ${asked}: ${target} is no port`, {
      hint: "Write db-1, db-1:5432, db-1:udp/53 or db-1:icmp.",
    });
  }
  const status = await client.ask("status");
  const member = await answered(client.ask("findMember", text));
  const name = "name" in member ? member.name : null;
  const isAddress = IpAddress.parse(text) !== undefined;
  const route = isAddress && name === null
    ? routeThere(text, await client.ask("listRoutes").catch(() => []), status)
    : undefined;
  const peer = status.peers.find((each) => each.name === (name ?? route?.node));
  const asksNames = !isAddress && status.dns !== undefined && name !== null;
  const [resolved, hostAddresses, policy, services, offers] = await Promise.all([
    asksNames ? client.ask("resolveName", text, "A").catch(() => undefined) : undefined,
    asksNames && status.dns?.resolver !== undefined ? hostLookup(text) : undefined,
    peer && findPolicy(client, { own: status.node.name, other: name ?? text, target }),
    client.ask("listServices").catch(() => []),
    client.ask("listOffers").catch(() => undefined),
  ]);
  return {
    text,
    target,
    status,
    member,
    route,
    resolved,
    hostAddresses,
    routedBy: routeOf(route === undefined ? peer?.addresses[0] : text, status),
    policy,
    services,
    offers,
  };
}

/** `[2001:db8::1]:80` has a port, and `2001:db8::1` has none. */
function parted(asked: string): { readonly text: string; readonly target: string } {
  if (IpAddress.parse(asked) !== undefined) return { text: asked, target: "" };
  const [, text = asked, target = ""] = /^\[?(.*?)\]?:([^:]+)$/.exec(asked) ?? [];
  return { text, target };
}

async function answered<T>(asked: Promise<T>): Promise<T | Unanswered> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    return { problem: error.message, ...error.hint !== undefined && { hint: error.hint } };
  }
}

async function hostLookup(name: string): Promise<readonly string[]> {
  try {
    const { lookup } = await import("node:dns/promises");
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}

/** What is not said is meant with every port. */
async function findPolicy(
  client: ControlClient,
  { own, other, target }: { readonly own: string; readonly other: string; readonly target: string },
): Promise<ExplanationFacts["policy"]> {
  const status = await answered(client.ask("policyStatus"));
  if ("problem" in status || status.enforced === null) return undefined;
  const ask = (source: string, destination: string): Promise<PolicyExplanation | Unanswered> =>
    answered(
      client.ask("explainPolicy", {
        source,
        destination: target === "" ? destination : `${destination}:${target}`,
      }),
    );
  return { there: await ask(own, other), back: await ask(other, own) };
}

/** @returns by which interface the main table sends to an address; undefined where that can't be told */
function routeOf(text: string | undefined, { dataplane }: StatusReport): string | undefined {
  const address = text === undefined ? undefined : IpAddress.parse(text);
  if (address === undefined || dataplane.interfaceName === undefined) return undefined;
  try {
    using netlink = Netlink.open();
    return routedBy(netlink.listRoutes(), address);
  } catch {
    return undefined;
  }
}

/** @returns the interface of the most specific route of the main table */
export function routedBy(routes: readonly HostRoute[], address: IpAddress): string | undefined {
  const fitting = routes.filter(({ cidr, table }) =>
    table === MAIN_TABLE && cidr.address.family === address.family && cidr.contains(address)
  );
  return fitting.toSorted((a, b) => b.cidr.prefixBits - a.cidr.prefixBits)[0]?.interfaceName;
}

const MARKS: Readonly<Record<ExplanationStep["state"], readonly [mark: string, tone: Tone]>> = {
  ok: ["ok", "good"],
  warning: ["!", "strong"],
  broken: ["broken", "bad"],
  skipped: ["-", "quiet"],
};

/** @returns the tree, with what mends the first step that is broken */
export function explanationLines(
  { name, by, isReachable, broken, steps }: Explanation,
  terminal: Terminal,
): string {
  const lines = steps.flatMap((each, at) => {
    const isLast = at === steps.length - 1;
    const [mark, tone] = MARKS[each.state];
    const below = isLast ? "   " : "│  ";
    return [
      `${isLast ? "└─" : "├─"} ${paint(terminal, tone, mark.padEnd(6))}  ${each.step.padEnd(8)}  ${
        paint(terminal, each.state === "broken" ? "strong" : "quiet", each.detail)
      }`,
      ...(each.more ?? []).map((more) => `${below}                   ${paint(terminal, "quiet", more)}`),
      ...each.state === "ok" || each.hint === undefined
        ? []
        : [`${below}                   hint: ${paint(terminal, "quiet", each.hint)}`],
    ];
  });
  const verdict = !isReachable
    ? `${name} is not reached: the ${broken} is what breaks`
    : by === undefined
    ? `${name} is reached`
    : `${name} is reached as far as ${by}, which leads there`;
  return `${paint(terminal, isReachable ? "good" : "bad", verdict)}\n${lines.join("\n")}\n`;
}
