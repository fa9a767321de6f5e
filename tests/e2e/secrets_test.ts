import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { OPERATION_ENTRIES } from "../../lib/api/mod.ts";
import { JoinToken, NodeIdentity } from "../../lib/mesh/mod.ts";
import { createScratch, freePort, labTest, thisMachine, WeftNode } from "../lab/mod.ts";

/** Everything that is secret in one run, by what it is. */
type Secrets = Map<string, Uint8Array>;

/** Rows of the state that hold a secret, since a node without it is none: `collection/key`, and which. */
const KEPT: readonly RegExp[] = [
  /^identity\/seed holds lead's seed$/,
  /^identity\/seed holds beta's seed$/,
  /^network\/signing-seed holds the network's signing key$/,
  /^status-token\/read holds (lead|beta)'s status token$/,
  // By which it asks to be let in again, when no leader knows it any more.
  /^network\/join-token holds a token's secret$/,
  /^device-preshared-key\/\S+ holds the preshared key$/,
];

/** @returns every text that some program might make of bytes, and that is long enough to be no accident */
function formsOf(bytes: Uint8Array): readonly string[] {
  const base64 = [0, 1, 2].map((before) => {
    // Within a longer text of base64 it begins at any of three places; characters that depend on others are left out.
    const shifted = new Uint8Array(before + bytes.length);
    shifted.set(bytes, before);
    const text = shifted.toBase64({ omitPadding: true });
    return text.slice(before === 0 ? 0 : before + 1, Math.floor((before + bytes.length) * 4 / 3));
  });
  const plain = String.fromCharCode(...bytes);
  const decimal = [...bytes].join(",");
  return [
    ...[plain, bytes.toHex(), bytes.toHex().toUpperCase(), decimal, decimal.replaceAll(",", ", ")],
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
  ];
}

/** @returns which secrets a text has, in whatever form */
function found(text: string, secrets: Secrets): readonly string[] {
  return [...secrets].flatMap(([name, bytes]) =>
    formsOf(bytes).some((form) => text.includes(form)) ? [name] : []
  );
}

/** A character for each byte; the decoder of that name has other ones for some. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4_096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  }
  return text;
}

Deno.test("found() finds a secret in every form, also within a longer text", () => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const secrets = new Map([["it", secret]]);
  for (let before = 0; before < 5; before++) {
    const whole = Uint8Array.from([...crypto.getRandomValues(new Uint8Array(before)), ...secret, 1, 2, 3]);
    const texts = [
      ...[
        String.fromCharCode(...whole),
        whole.toHex(),
        whole.toBase64(),
        whole.toBase64({ alphabet: "base64url" }),
      ],
      ...[JSON.stringify([...whole]), [...whole].join(", ")],
    ];
    for (const text of texts) assert.deepEqual(found(text, secrets), ["it"], text);
  }
  assert.deepEqual(found(crypto.getRandomValues(new Uint8Array(32)).toBase64(), secrets), []);
});

labTest(
  "weft: nothing that a run prints, tells or stores has a secret of it, but for the rows that must",
  [],
  async () => {
    await using stack = new AsyncDisposableStack();
    const { path } = stack.use(await createScratch("secrets"));
    const said = new Map<string, string>();
    const node = (name: string) => {
      const [port, page] = [freePort(), freePort()];
      const args = [
        ...["--rootless", "--port", `${port}`, "--endpoint", `127.0.0.1:${port}`, "--status-port", `${page}`],
        ...["--log-level", "debug", "--log-format", name === "lead" ? "json" : "text"],
      ];
      const stateDir = `${path}/${name}`;
      return { page, node: stack.use(new WeftNode(thisMachine, { name, stateDir, args })) };
    };
    const [{ node: lead, page }, { node: beta, page: betaPage }] = [node("lead"), node("beta")];
    const token = await lead.startLeader();
    await Deno.writeTextFile(`${path}/token`, token, { mode: 0o600 });
    await beta.start("--join-file", `${path}/token`);
    await lead.untilStatus(({ peers }) => peers.some(({ healthy }) => healthy), 10_000, "beta is healthy");

    // What a secret is in, on its way.
    const preshared = crypto.getRandomValues(new Uint8Array(32));
    const passphrase = `correct horse ${crypto.randomUUID()}`;
    await Deno.writeTextFile(`${path}/psk`, `${preshared.toBase64()}\n`, { mode: 0o600 });
    await Deno.writeTextFile(`${path}/passphrase`, `${passphrase}\n`, { mode: 0o600 });
    const device = ["phone", "--direct", "--public-key", "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk="];
    const added = await lead.command("peer", "add", ...device, "--preshared-key-file", `${path}/psk`);
    assert.equal(added.code, 0, added.stderr);
    said.set("peer add: stderr", added.stderr);
    const second = JSON.parse(await lead.expectCommand("token", "create", "--uses", "3", "--json")).token;
    said.set(
      "leader export",
      await lead.expectCommand(
        "leader",
        "export",
        `${path}/recovery`,
        "--passphrase-file",
        `${path}/passphrase`,
      ),
    );
    const statusTokens = [
      (await lead.expectCommand("status", "token")).trim(),
      (await beta.expectCommand("status", "token")).trim(),
    ];
    // What goes wrong is told, too.
    const wrong = `${second.slice(0, -2)}AA`;
    for (const text of [wrong, second.slice(0, 40)]) {
      const { stdout, stderr } = await beta.command("--join", text);
      said.set(`join by ${text.length} characters`, stdout + stderr);
    }
    for (const agent of [lead, beta]) {
      for (const [name, { route, isPublic }] of OPERATION_ENTRIES) {
        const [method, at = ""] = route.split(" ");
        // With a request of its own it would be about something else, and the status token is its own answer.
        if (method !== "GET" || at.includes("{") || name === "statusToken") continue;
        if (name === "subscribe" || name === "policyLog") continue;
        said.set(`${agent.name} ${route}`, await agent.get(at).catch(String));
        if (isPublic !== true) continue;
        const place = `http://127.0.0.1:${agent === lead ? page : betaPage}${at}`;
        said.set(`${agent.name} ${place}`, await (await fetch(place)).text());
      }
      for (const at of ["/", "/metrics", "/openapi.json", "/healthz"]) {
        const response = await fetch(`http://127.0.0.1:${agent === lead ? page : betaPage}${at}`);
        said.set(`${agent.name} ${at}`, await response.text() + JSON.stringify([...response.headers]));
      }
      // What these print is made of answers that were read already, and of what the command itself knows.
      const commands = [
        ...["status", "peers", "peer show beta", "peer show phone", "config show", "token list"],
        ...["doctor --json", "explain beta", "explain phone", "logs --lines 10000 --level debug", "audit"],
      ];
      await Promise.all(commands.map(async (command) => {
        const { stdout, stderr } = await agent.command(...command.split(" "));
        said.set(`${agent.name}: weft ${command}`, stdout + stderr);
      }));
      said.set(`${agent.name} /events`, await firstEvents(agent === lead ? page : betaPage));
      for (const options of [[], ["--anonymize"]]) {
        const archive = `${path}/report.tar.gz`;
        const reported = await agent.command("bugreport", "--output", archive, "--force", ...options);
        assert.equal(reported.code, 0, reported.stderr);
        said.set(`${agent.name}: weft bugreport ${options}`, reported.stdout + reported.stderr);
        const unpacked = await unpack(archive);
        assert.match(unpacked, /status\.json/);
        said.set(`${agent.name}: the archive ${options}`, unpacked);
      }
      const backup = await agent.command(
        ...["backup", `${path}/${agent.name}.backup`, "--passphrase-file", `${path}/passphrase`],
      );
      assert.equal(backup.code, 0, backup.stderr);
      said.set(`${agent.name}: weft backup`, backup.stdout + backup.stderr);
      for (const file of ["cmdline", "environ"]) {
        said.set(
          `${agent.name} /proc/PID/${file}`,
          latin1(await Deno.readFile(`/proc/${agent.process.pid}/${file}`)),
        );
      }
    }
    await beta.stop();
    await lead.stop();
    // The join command of its start is meant to be seen; so nothing but that.
    said.set("lead: stdout", lead.process.stdout.replaceAll(token, ""));
    said.set("lead: stderr", lead.process.stderr);
    said.set("beta: stdout", beta.process.stdout);
    said.set("beta: stderr", beta.process.stderr);
    assert.match(lead.process.stderr, /^\{"time":"\S+","level":"debug"/m);

    const secrets: Secrets = new Map([["the preshared key", preshared]]);
    secrets.set("the passphrase", new TextEncoder().encode(passphrase));
    for (const [at, text] of [token, second].entries()) {
      const parsed = JoinToken.parse(text);
      assert.ok(parsed instanceof JoinToken);
      secrets.set(at === 0 ? "a token's secret" : "another token's secret", parsed.secret.exposeBytes());
    }
    for (const [at, name] of ["lead", "beta"].entries()) {
      secrets.set(`${name}'s status token`, new TextEncoder().encode(statusTokens[at]));
      using database = new DatabaseSync(`${path}/${name}/weft.db`);
      const valueOf = (collection: string, key: string) => {
        const row = database.prepare("SELECT value FROM pairs WHERE collection = ? AND key = ?").get(
          collection,
          key,
        );
        return row?.["value"] instanceof Uint8Array ? row["value"] : undefined;
      };
      const seed = valueOf("identity", "seed");
      assert.ok(seed);
      const identity = NodeIdentity.fromSeed(seed);
      secrets.set(`${name}'s seed`, seed);
      secrets.set(`${name}'s private key`, identity.privateKey.exposeBytes());
      secrets.set(`${name}'s signing key`, identity.signingKey.exposeBytes());
      const signing = valueOf("network", "signing-seed");
      assert.equal(signing !== undefined, name === "lead");
      if (signing !== undefined) secrets.set("the network's signing key", signing);
    }
    assert.equal(secrets.size, 13);

    const leaks = [...said].flatMap(([place, text]) =>
      found(text, secrets).map((secret) => `${place} has ${secret}`)
    );
    assert.deepEqual(leaks, []);
    for (const [place, text] of said) assert.ok(!text.includes(token) && !text.includes(second), place);
    assert.deepEqual(await stored(path, secrets), []);
  },
);

/** @returns what a live page is sent first: where all stands, and what happens within a moment */
async function firstEvents(port: number): Promise<string> {
  const leave = AbortSignal.timeout(1_500);
  const { body } = await fetch(`http://127.0.0.1:${port}/events`, { signal: leave });
  let text = "";
  try {
    for await (const bytes of body ?? []) text += latin1(bytes);
  } catch {
    // It has seen enough.
  }
  assert.match(text, /^event: /m);
  return text;
}

/** @returns the names and the contents of an archive, one after the other */
async function unpack(archive: string): Promise<string> {
  const plain = (await Deno.open(archive)).readable.pipeThrough(new DecompressionStream("gzip"));
  return latin1(await new Response(plain).bytes());
}

/** @returns what the state directories and other files hold that they should not */
async function stored(path: string, secrets: Secrets): Promise<readonly string[]> {
  const wrong: string[] = [];
  const rows = new Set<string>();
  for (const name of ["lead", "beta"]) {
    using database = new DatabaseSync(`${path}/${name}/weft.db`);
    for (const row of database.prepare("SELECT collection, key, value FROM pairs").all()) {
      const { collection, key, value } = row;
      assert.ok(value instanceof Uint8Array);
      for (const secret of found(`${key}\n${latin1(value)}`, secrets)) {
        const text = `${collection}/${key} holds ${secret.replace("another token", "a token")}`;
        rows.add(text);
        if (!KEPT.some((kept) => kept.test(text))) wrong.push(`${name}: ${text}`);
      }
    }
    for await (const { name: file, isFile } of Deno.readDir(`${path}/${name}`)) {
      const at = `${path}/${name}/${file}`;
      const mode = (await Deno.lstat(at)).mode ?? 0;
      if ((mode & 0o077) !== 0) wrong.push(`${file} of ${name} may be opened by others: ${mode.toString(8)}`);
      if (!isFile || file.startsWith("weft.db")) continue;
      wrong.push(
        ...found(latin1(await Deno.readFile(at)), secrets).map((secret) => `${name}/${file}: ${secret}`),
      );
    }
  }
  // Sealed by the passphrase.
  for (const file of ["recovery", "lead.backup", "beta.backup"]) {
    wrong.push(
      ...found(latin1(await Deno.readFile(`${path}/${file}`)), secrets).map((each) => `${file}: ${each}`),
    );
  }
  for (const kept of KEPT) {
    if (![...rows].some((row) => kept.test(row))) wrong.push(`no row is as ${kept} says`);
  }
  return wrong;
}
