/**
 * `weft proxy`, `forward` and `offer`: the mesh for programs that speak TCP and know nothing of it. They work through the
 * running agent, stay in the foreground, and end at Ctrl-C.
 * @module
 */

import type { OfferReport, OfferRequest } from "../../api/mod.ts";
import { printableJson, showUnprintable, WeftError } from "../../base/mod.ts";
import { parseOffer } from "../../config/mod.ts";
import type { Dial, DialTarget, PortForward, Refusal, SocksProxy } from "../../forward/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { NoAgentError } from "../control_client.ts";
import { CommandError, UsageError } from "../failure.ts";
import { RefusalLines, tableText } from "../output/mod.ts";
import type { AttachedPort, CliPorts } from "../ports.ts";
import { paint } from "../terminal.ts";
import {
  agentClient,
  type AnyCommand,
  askAgent,
  askAndPrint,
  type CommandContext,
  defined,
  runWithOptions,
  stopSignal,
} from "../weft_command.ts";

const LOOPBACK = "127.0.0.1";
const OFFER_TITLES = ["NODE", ">PORT", "FOR", "REACHED BY", "SERVICE"];
/** Who reaches an offer how: of a rootless node, and of one whose address leads to what its host itself serves. */
const WAYS = {
  rootless:
    "Programs on nodes with an interface reach it by its name; rootless nodes by `weft forward` or `weft proxy`.",
  interface:
    "Members reach it by `weft forward` or `weft proxy`; what else comes to this node's address finds what listens there.",
};

/** Adds the commands. */
export function addForwardCommands(program: AnyCommand, context: CommandContext): void {
  addProxy(program, context);
  addForward(program, context);
  addOffer(program, context);
}

function addProxy(program: AnyCommand, { ports }: CommandContext): void {
  runWithOptions(
    program.command("proxy").description(
      "let programs of this machine reach the network by SOCKS5, without root",
    )
      .requiredOption("--socks5 <address:port>", "where to listen, as in 127.0.0.1:1080")
      .option("--json", "say as JSON where it listens")
      .addHelpText(
        "after",
        "\nExample:\n  $ weft proxy --socks5 127.0.0.1:1080\n  $ curl --proxy socks5h://127.0.0.1:1080 http://web/\n\n" +
          "It leads to names and addresses of the network, and to nothing else.",
      ),
    ports,
    async ({ stateDir }, _, { socks5, json }) => {
      const { hostname, port } = readListen(String(socks5));
      const { SocksProxy } = await import("../../forward/mod.ts");
      const lines = new RefusalLines((text) => ports.terminal.err(text));
      const onRefused = (target: DialTarget, refusal: Refusal): void =>
        lines.tell(showUnprintable(target.host), target.port, refusal, false);
      const make = (dial: Dial) => [new SocksProxy(dial, { hostname, port, onRefused })];
      await serve(stateDir, ports, make, ([opened]) => {
        const at = endpointText(hostname, opened?.port);
        if (json === true) return ports.terminal.out(`${printableJson({ socks5: at })}\n`);
        ports.terminal.out(`SOCKS5 on ${paint(ports.terminal, "strong", at)} leads into the network\n`);
        warnOfOthers(hostname, ports);
      });
    },
  );
}

function addForward(program: AnyCommand, { ports }: CommandContext): void {
  runWithOptions(
    program.command("forward").description("lead ports of this machine to ports of other nodes, without root")
      .argument("<[bind:]port:node:port...>", "as in 8080:web:80; several may be given")
      .option("--json", "say as JSON what leads where")
      .addHelpText("after", "\nExample:\n  $ weft forward 8080:web-1:80 0.0.0.0:5432:db:5432"),
    ports,
    async ({ stateDir }, args, { json }) => {
      const { parseForward, PortForward } = await import("../../forward/mod.ts");
      const specs = args.map((text) => parseForward(text));
      await warnOfUnknown(stateDir, specs.map(({ targetHost }) => targetHost), ports);
      const lines = new RefusalLines((text) => ports.terminal.err(text));
      const make = (dial: Dial) =>
        specs.map((spec) => {
          const onRefused = (refusal: Refusal): void =>
            lines.tell(spec.targetHost, spec.targetPort, refusal, true);
          return new PortForward(dial, { spec, onRefused });
        });
      await serve(stateDir, ports, make, (opened) => {
        for (const [i, { bind, targetHost, targetPort }] of specs.entries()) {
          const from = endpointText(bind, opened[i]?.port);
          const to = endpointText(targetHost, targetPort);
          if (json === true) ports.terminal.out(`${printableJson({ from, to })}\n`);
          else ports.terminal.out(`${paint(ports.terminal, "strong", from)} leads to ${to}\n`);
          warnOfOthers(bind, ports);
        }
      });
    },
  );
}

function addOffer(program: AnyCommand, { ports }: CommandContext): void {
  // What stands behind `list` is its own.
  const offer: AnyCommand = program.command("offer").enablePositionalOptions();
  askAgent(
    offer.description("let the network reach a TCP service of this machine, until Ctrl-C")
      .argument("<port[=host:port]>", "the port in the network, and where the service is")
      .option("--allow <selector>", "who may come, as in role=web (default: every member)")
      .option("--json", "say as JSON what is offered")
      .addHelpText(
        "after",
        "\nExamples:\n  $ weft offer 80=3000\n  $ weft offer 5432 --allow 'role=web'\n  $ weft offer list\n\n" +
          "An agent offers for as long as it runs what it is started with: weft up --offer '80=3000 for role=web'",
      ),
    ports,
    async (client, [text = ""], { allow, json }) => {
      const spec = parseOffer(text);
      if (spec === undefined) {
        throw new UsageError(`Cannot offer ${text}: that is neither a port nor a port, = and a place`, {
          hint: "Write 80, 80=3000 or 80=127.0.0.1:3000.",
        });
      }
      if (allow !== undefined && spec.allow !== undefined) {
        throw new UsageError(`Cannot offer ${text}: --allow says for whom, too`, { hint: "Say it once." });
      }
      const whom = allow ?? spec.allow;
      using stop = stopSignal(ports);
      const { node, dataplane } = await client.ask("status");
      const request = defined({ ...spec, allow: whom } as OfferRequest);
      let isOffered = false;
      try {
        for await (const { port } of await client.ask("offer", request, stop.signal)) {
          isOffered = true;
          const service = endpointText(spec.hostname, spec.targetPort);
          if (json === true) {
            ports.terminal.out(`${printableJson({ node: node.name, port, service })}\n`);
            continue;
          }
          const place = endpointText(node.name, port);
          ports.terminal.out(
            `${paint(ports.terminal, "strong", place)} in the network leads to ${service} here, ` +
              `for ${whom ?? "every member"}\n${
                dataplane.kind === "rootless" ? WAYS.rootless : WAYS.interface
              }\n`,
          );
        }
      } catch (error) {
        // It was there when the offer began.
        if (!isOffered || !(error instanceof NoAgentError)) throw error;
      }
      if (stop.signal.aborted) return;
      throw new CommandError("The offer has ended: the agent has stopped", {
        hint: "`weft up --offer` offers for as long as the agent runs.",
      });
    },
  );
  askAndPrint(
    offer.command("list").description("list the ports that this node and others offer, and for whom")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft offer list --json | jq -r '.[] | .node'"),
    ports,
    (client) => client.ask("listOffers"),
    (offers) => offersText(offers, ports),
  );
}

/** @returns a line for each offer, below a line of titles */
export function offersText(offers: readonly OfferReport[], ports: Pick<CliPorts, "terminal">): string {
  if (offers.length === 0) return "Nobody offers a port. `weft offer 80=3000` does.\n";
  const rows = offers.map(({ node, port, isLocal, isRestricted, isForAllPrograms, service, allow }) => [
    node,
    `${port}`,
    allow ?? (isRestricted ? "some members" : "every member"),
    isForAllPrograms ? "all programs" : "weft forward, weft proxy",
    isLocal ? service ?? "a program" : "-",
  ]);
  return tableText(OFFER_TITLES, rows, ports.terminal);
}

/** Says which of these nobody is called now; whoever it is may join later. */
async function warnOfUnknown(
  stateDir: string,
  hosts: readonly string[],
  ports: CliPorts,
): Promise<void> {
  using client = agentClient(stateDir, ports);
  for (const host of new Set(hosts)) {
    // An agent that does not answer is told of by what comes next.
    const found = await client.ask("findMember", host).catch(() => undefined);
    if (found?.name !== null) continue;
    ports.terminal.err(
      `weft: Nobody in the network goes by ${host} now, so connections to it fail until somebody does\n` +
        "hint: `weft peers` lists all names.\n",
    );
  }
}

/** Opens ports whose connections go through the agent, tells about them, and stays until it is told to stop. */
async function serve(
  stateDir: string,
  ports: CliPorts,
  make: (dial: Dial) => readonly (SocksProxy | PortForward)[],
  tell: (opened: readonly (SocksProxy | PortForward)[]) => void,
): Promise<void> {
  using stop = stopSignal(ports);
  await using stack = new AsyncDisposableStack();
  const attached = await (await ports.loadAgent()).attach(stateDir);
  stack.defer(() => attached.stop());
  const opened = make(dialBy(attached));
  for (const port of opened) {
    stack.use(port);
    port.start();
  }
  tell(opened);
  await stop.stopped;
}

/** @returns a dial that gives a refusal where the agent's throws */
function dialBy(attached: AttachedPort): Dial {
  return async (host, port, signal) => {
    try {
      return await attached.dial(host, port, { signal });
    } catch (error) {
      if (error instanceof WeftError && "refusal" in error) return { refusal: error.refusal as Refusal };
      throw error;
    }
  };
}

/** Reads `127.0.0.1:1080`, `[::1]:1080`, `localhost:1080` or a port alone. */
function readListen(text: string): { readonly hostname: string; readonly port: number } {
  const [, host = LOOPBACK, portText] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  const named = host === "localhost" ? LOOPBACK : host;
  const address = IpAddress.parse(/^\[(.*)\]$/.exec(named)?.[1] ?? named);
  const isBracketed = named.startsWith("[");
  if (port <= 65_535 && address !== undefined && isBracketed === (address.family === 6)) {
    return { hostname: `${address}`, port };
  }
  throw new UsageError(`Cannot listen on ${text}: that is no address and port`, {
    hint: "Write 127.0.0.1:1080.",
  });
}

function endpointText(host: string, port: number | undefined): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Nobody is asked for a password. */
function warnOfOthers(hostname: string, { terminal }: CliPorts): void {
  if (IpAddress.parse(hostname)?.isLoopback) return;
  terminal.err(`weft: Whoever reaches ${hostname} of this machine can use it\n`);
}
