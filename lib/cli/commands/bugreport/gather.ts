/**
 * What a report of a bug is made of. Nothing of it is a secret: keys, tokens and passphrases are asked of nobody, and what
 * looks like one is taken out of every text.
 * @module
 */

import type { SettingReport, StatusReport } from "../../../api/mod.ts";
import { printableJson, showUnprintable } from "../../../base/mod.ts";
import { FIELDS, SETTING_NAMES } from "../../../config/mod.ts";
import type { ControlClient } from "../../control_client.ts";
import type { Finding } from "../finding.ts";
import { Anonymizer, withoutSecrets } from "./anonymizer.ts";
import type { ArchivedText } from "./tar_archive.ts";

/** How long a program of the host may take, in milliseconds, and how much it may say, in characters. */
const COMMAND_MS = 5_000;
const MAX_TEXT = 2 << 20;

/** What the host says, by a program of it. */
const HOST_COMMANDS: readonly (readonly [file: string, ...command: string[]])[] = [
  ["host/links.txt", "ip", "-details", "link"],
  ["host/addresses.txt", "ip", "address"],
  ["host/routes.txt", "ip", "route", "show", "table", "all"],
  ["host/routes6.txt", "ip", "-6", "route", "show", "table", "all"],
  ["host/rules.txt", "ip", "rule"],
  ["host/nftables.txt", "nft", "list", "ruleset"],
  ["host/sockets.txt", "ss", "-lntu"],
  [
    "host/unit.txt",
    "systemctl",
    "show",
    "weft*",
    "--property=Id,ActiveState,SubState,NRestarts,ExecStart,Result",
  ],
];

/** What is asked, and of whom. */
export interface Sources {
  readonly version: string;
  readonly stateDir: string;
  readonly client: Pick<ControlClient, "ask" | "view">;
  /** Of a node that does not run. */
  storedSettings(): Promise<readonly SettingReport[]>;
  doctor(status: StatusReport | undefined): Promise<ReadonlyMap<string, Finding>>;
  /** @returns what a program of the host prints @throws the system's error */
  run(command: readonly string[]): Promise<string>;
  readonly isAnonymous: boolean;
  readonly atMs: number;
}

/** The files, and what could not be had. */
export interface Gathered {
  readonly files: readonly ArchivedText[];
  readonly missing: readonly string[];
  readonly hasAgent: boolean;
}

/** @returns all that can be had */
export async function gather(sources: Sources): Promise<Gathered> {
  const { client, isAnonymous } = sources;
  const files: ArchivedText[] = [];
  const missing: string[] = [];
  const add = async (name: string, read: () => Promise<unknown>): Promise<void> => {
    try {
      const value = await read();
      const text = typeof value === "string" ? value : `${printableJson(value, 2)}\n`;
      files.push({ name, text });
    } catch (error) {
      const [why = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
      missing.push(`${name}: ${showUnprintable(why)}`);
    }
  };
  const status = await client.ask("status").catch(() => undefined);
  await add("versions.json", () => Promise.resolve(versions(sources)));
  await add("status.json", () => client.ask("status"));
  await add("config.json", async () => {
    const settings = status === undefined ? await sources.storedSettings() : await client.ask("settings");
    return settings.map(redacted);
  });
  await add("doctor.json", async () => Object.fromEntries(await sources.doctor(status)));
  if (status !== undefined) {
    await add("members.json", () => client.ask("members", {}));
    await add("services.json", () => client.ask("listServices"));
    await add("policy.json", async () => {
      // Who may reach whom is nobody's business.
      const { enforced, trial, here, stale, members } = await client.ask("policyStatus");
      return { enforced, trial, here, stale, members };
    });
    await add("host-changes.json", () => client.ask("hostChanges"));
    await add("metrics.txt", () => client.view("/metrics"));
  }
  await add("log.txt", async () => {
    if (status === undefined) {
      return await sources.run(["journalctl", "--no-pager", "-n", "1000", "-u", "weft*"]);
    }
    const { lines } = await client.ask("logs", {});
    return lines.map(({ text }) => text.replace(/\n?$/, "\n")).join("");
  });
  for (const [name, ...command] of HOST_COMMANDS) await add(name, () => sources.run(command));
  const secrets = status === undefined ? [] : await knownSecrets(client);
  const anonymizer = isAnonymous ? new Anonymizer(namesIn(status, sources)) : undefined;
  const clean = (text: string): string => {
    const shown = withoutSecrets(text, secrets);
    return anonymizer?.text(shown) ?? shown;
  };
  const head = readme(sources, missing, status !== undefined);
  return {
    files: [{ name: "README.txt", text: head }, ...files].map(({ name, text }) => ({
      name,
      // Before it is cut, so that no secret loses what it is known by.
      text: clean(text).slice(-MAX_TEXT),
    })),
    missing: missing.map(clean),
    hasAgent: status !== undefined,
  };
}

function versions({ version, atMs }: Sources) {
  return {
    weft: version,
    isStandalone: Deno.build.standalone,
    ...Deno.version,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    kernel: Deno.osRelease(),
    memory: Deno.systemMemoryInfo(),
    load: Deno.loadavg(),
    hostUptimeSeconds: Deno.osUptime(),
    at: new Date(atMs).toISOString(),
  };
}

/** What is chosen of few is told; what somebody has written is not. */
function redacted({ name, value, next, ...rest }: SettingReport) {
  const option = SETTING_NAMES.get(name);
  const { choices = [], initial } = option === undefined ? {} : FIELDS[option];
  const isTold = (text: string): boolean =>
    choices.includes(text) || /^(?:\d{1,9}|true|false|off|on|auto)$/.test(text) || text === String(initial);
  const tell = (said: SettingReport["value"]): SettingReport["value"] =>
    said === null
      ? null
      : typeof said === "string"
      ? isTold(said) ? said : "(set)"
      : said.map((text) => isTold(text) ? text : "(set)");
  return { name, value: tell(value), ...next !== undefined && { next: tell(next) }, ...rest };
}

/** It is taken out wherever it stands, and stands nowhere. */
async function knownSecrets(client: Sources["client"]): Promise<readonly string[]> {
  const answer = await client.ask("statusToken", {}).catch(() => undefined);
  return answer === undefined ? [] : [answer.token];
}

function namesIn(status: StatusReport | undefined, { stateDir }: Sources): readonly string[] {
  const labels = status === undefined ? [] : [status.node, ...status.peers].flatMap((one) => [
    one.name,
    ...Object.values({ ...one.labels, ...one.statedLabels }),
  ]);
  const zone = status?.dns?.zone.replace(/\.$/, "");
  const host = Deno.hostname();
  const home = /^\/home\/([^/]+)/.exec(stateDir)?.[1];
  const networks =
    status?.networks.flatMap(({ name, endpoints }) => [name, ...endpoints.map((one) => one.name)]) ?? [];
  return [
    ...labels,
    ...networks,
    host,
    host.split(".")[0] ?? "",
    ...zone ? [zone] : [],
    ...home ? [home] : [],
  ];
}

function readme(
  { version, atMs, isAnonymous }: Sources,
  missing: readonly string[],
  hasAgent: boolean,
): string {
  return [
    `A report of weft ${version}, made at ${new Date(atMs).toISOString()} by \`weft bugreport\`.`,
    "It holds no private key, token or passphrase. Look through it before you hand it on:",
    isAnonymous
      ? "names, addresses and keys are replaced, the same by the same; file names of this host may be left."
      : "names, addresses and public keys of members are in it; --anonymize replaces them.",
    ...hasAgent ? [] : ["", "No agent ran."],
    ...missing.length === 0 ? [] : ["", "What could not be had:", ...missing.map((line) => `  ${line}`)],
    "",
  ].join("\n");
}

/** Runs a program of the host. @throws the system's error, or one with what it complained of */
export async function runHostCommand([program = "", ...args]: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    env: { LC_ALL: "C" },
    signal: AbortSignal.timeout(COMMAND_MS),
  }).output();
  const text = new TextDecoder();
  if (code === 0) return text.decode(stdout);
  throw new Error(text.decode(stderr).trim().split("\n")[0] || `it ended with ${code}`);
}
