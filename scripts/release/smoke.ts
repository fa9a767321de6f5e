/**
 * Whether a program works at all: it says its version and its help, and two rootless nodes of it meet on the loopback,
 * and one serves its page.
 * @module
 */

import { createScratch, freePort, loopbackArgs, run, thisMachine, WeftNode } from "../../tests/lab/mod.ts";

/** How long two nodes on the loopback may take to meet, in milliseconds. */
const MEETING_BOUND_MS = 20_000;
/** How long an answer of the page may take. */
const PAGE_BOUND_MS = 10_000;

/**
 * Tries a program out.
 * @param program the path of a binary; the sources when it is left out
 * @param version what it has to say it is
 * @param options.hasPage false where the page is not tried: runtimes before the project's own can't serve it
 * @throws Error that says what does not work
 */
export async function smokeTest(
  version: string,
  program?: string,
  { hasPage = true }: { readonly hasPage?: boolean } = {},
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await createScratch("smoke"));
  const pagePort = hasPage ? `${freePort()}` : "off";
  const [first, second] = ["one", "two"].map((name, i) =>
    stack.use(
      new WeftNode(thisMachine, {
        name,
        stateDir: `${scratch.path}/${name}`,
        args: [...loopbackArgs(), ...i === 0 ? ["--status-port", pagePort] : []],
        ...program === undefined ? {} : { program },
      }),
    )
  ) as [WeftNode, WeftNode];

  if (program !== undefined) {
    const said = await run([program, "--version"]);
    if (said.code !== 0 || said.stdout.trim() !== version) {
      throw new Error(
        `${program} --version says ${JSON.stringify(said.stdout + said.stderr)}, not ${version}`,
      );
    }
    const help = await run([program, "--help"]);
    if (help.code !== 0 || !help.stdout.includes("weft --leader")) {
      throw new Error(`${program} --help shows no help`);
    }
  }
  const token = await first.startLeader();
  await second.start("--join", token);
  await first.untilStatus(
    ({ peers }) => peers.length === 1 && peers[0]?.channel === "open",
    MEETING_BOUND_MS,
    "it meets the other one",
  );
  const answer = await second.expectCommand("ping", "one");
  if (!/\bms\b/.test(answer)) throw new Error(`weft ping says ${JSON.stringify(answer)}`);
  if (hasPage) await tryPage(`http://127.0.0.1:${pagePort}`);
  for (const node of [second, first]) {
    const { code } = await node.stop();
    if (code !== 0) throw new Error(`${node.name} ended with code ${code}: ${node.process.tail()}`);
  }
}

async function tryPage(origin: string): Promise<void> {
  for (const [path, expected] of [["/", "<title>"], ["/metrics", "weft_peers 1"], ["/healthz", "running"]]) {
    const response = await fetch(origin + path, { signal: AbortSignal.timeout(PAGE_BOUND_MS) });
    const text = await response.text();
    if (response.status !== 200 || !text.includes(expected ?? "")) {
      throw new Error(`GET ${path} is answered by ${response.status}, without ${expected}`);
    }
  }
}
