import assert from "node:assert/strict";
import { nkeys } from "@nats-io/transport-node";
import type { Logger } from "../../../lib/base/mod.ts";
import {
  JetStreamLog,
  type NatsCredentials,
  parseNatsCredentials,
  parseNatsServer,
} from "../../../lib/data/nats/mod.ts";
import { readClientCertificate } from "../../../lib/agent/services/data_access.ts";
import { systemClock, systemTimers } from "../../../lib/host/mod.ts";
import { createScratch, expectRun, labTest, waitFor } from "../../lab/mod.ts";
import { NatsOperator } from "./nats_operator.ts";
import { NatsProcess, type NatsProcessOptions, NEEDS_NATS } from "./nats_process.ts";

const NEEDS = [...NEEDS_NATS, "openssl"];
/** In which it has to be said why servers can't be used. */
const TELL_MS = 10_000;

/** What a log is opened with; what lets in may change. */
interface Access {
  readonly server: string;
  credentials?: string | Uint8Array;
  readonly caFile?: string;
  /** Names of the two files in PEM. */
  readonly pair?: readonly [certificate: string, key: string];
}

/** A log, and everything that it has said. */
function openLog(access: Access) {
  const told: string[] = [];
  const note = (message: string, fields?: object) => void told.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  const read = (): Promise<NatsCredentials> => {
    const { credentials = "" } = access;
    const bytes = typeof credentials === "string" ? new TextEncoder().encode(credentials) : credentials;
    return Promise.resolve().then(() => parseNatsCredentials(bytes));
  };
  const opened = new JetStreamLog({
    ...{ clock: systemClock, timers: systemTimers, log, name: "test" },
    server: () => parseNatsServer(access.server),
    ...access.credentials !== undefined && { credentials: read },
    ...access.caFile !== undefined && { caFile: access.caFile },
    ...access.pair !== undefined &&
      { clientCertificate: () => readClientCertificate(...access.pair ?? ["", ""]) },
  });
  opened.start({
    handleOpened: () => Promise.resolve(0),
    handleMessages: () => Promise.resolve(true),
    handleAway: () => {},
  });
  return {
    told,
    reached: () => waitFor(() => Promise.resolve(opened.reach.isReached), TELL_MS, { what: "it is reached" }),
    problem: () =>
      waitFor(() => Promise.resolve(opened.reach.problem), TELL_MS, { what: "why it is not reached" }),
    log: opened,
    [Symbol.asyncDispose]: () => opened.close(),
  };
}

async function startServer(stack: AsyncDisposableStack, options: NatsProcessOptions, port?: number) {
  const server = stack.use(new NatsProcess(options, port));
  await server.start();
  return server;
}

/** Certificates for servers, and of who vouches for them. */
async function certificates(folder: string) {
  const at = (name: string) => `${folder}/${name}.pem`;
  const make = (name: string, ...more: string[]) =>
    expectRun([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-subj", `/CN=${name}`, "-keyout", at(`${name}-key`), "-out", at(name), ...more],
    ]);
  const ours = [
    "-CA",
    at("authority"),
    "-CAkey",
    at("authority-key"),
    "-addext",
    "basicConstraints=CA:FALSE",
  ];
  for (const name of ["authority", "stranger"]) {
    await make(name, "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE");
  }
  await make("address", "-days", "2", ...ours, "-addext", "subjectAltName=IP:127.0.0.1");
  await make("localhost", "-days", "2", ...ours, "-addext", "subjectAltName=DNS:localhost");
  // Only this command takes a time that is over.
  await expectRun([
    ...[
      "openssl",
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-subj",
      "/CN=expired",
    ],
    ...["-keyout", at("expired-key"), "-out", at("request"), "-addext", "subjectAltName=IP:127.0.0.1"],
  ]);
  await expectRun([
    ...["openssl", "x509", "-req", "-in", at("request"), "-days", "-1", "-copy_extensions", "copyall"],
    ...["-CA", at("authority"), "-CAkey", at("authority-key"), "-CAcreateserial", "-out", at("expired")],
  ]);
  const lines = (name: string, more = "") => [
    `tls { cert_file: "${at(name)}", key_file: "${at(`${name}-key`)}" ${more} }`,
  ];
  return { at, lines };
}

labTest(
  "tls:// takes a server by a certificate for where it is, of an authority that is known, and no other",
  NEEDS,
  async () => {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await createScratch("nats-tls"));
    const { at, lines } = await certificates(folder);
    const serverOf = (name: string) => startServer(stack, { folder, lines: lines(name) });
    const [address, localhost, expired] = await Promise.all(
      ["address", "localhost", "expired"].map(serverOf),
    );
    const plain = await startServer(stack, { folder });
    assert(address !== undefined && localhost !== undefined && expired !== undefined);
    const ip = ({ port }: NatsProcess, scheme = "tls") => `${scheme}://127.0.0.1:${port}`;
    const caFile = at("authority");
    for (
      const [what, access, problem] of [
        ["a certificate for its address", { server: ip(address), caFile }, undefined],
        ["a certificate for its name", { server: `tls://localhost:${localhost.port}`, caFile }, undefined],
        ["nats:// with an authority", { server: ip(address, "nats"), caFile }, undefined],
        [
          "the second of two",
          { server: `tls://127.0.0.1:${expired.port},127.0.0.1:${address.port}`, caFile },
          undefined,
        ],
        ["another name", { server: ip(localhost), caFile }, /for another name/],
        ["another address", { server: `tls://localhost:${address.port}`, caFile }, /for another name/],
        ["an expired one", { server: ip(expired), caFile }, /has expired/],
        ["no authority", { server: ip(address) }, /unknown here; --data-ca/],
        ["another authority", { server: ip(address), caFile: at("stranger") }, /unknown here/],
        ["no file of authorities", { server: ip(address), caFile: at("none") }, /none\.pem/],
        ["a server without TLS", { server: ip(plain) }, /offer no TLS/],
        ["a server without TLS, with an authority", { server: ip(plain, "nats"), caFile }, /offer no TLS/],
      ] as const
    ) {
      await using opened = openLog(access);
      if (problem === undefined) await opened.reached();
      else assert.match(await opened.problem(), problem, what);
    }
  },
);

labTest(
  "a client's certificate lets in where servers ask for one, and they say why they take none",
  NEEDS,
  async () => {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await createScratch("nats-mtls"));
    const { at, lines } = await certificates(folder);
    const more = `, ca_file: "${at("authority")}", verify: true`;
    const server = await startServer(stack, { folder, lines: lines("address", more) });
    const open = await startServer(stack, { folder, lines: lines("address") });
    const caFile = at("authority");
    const pairOf = (name: string) => [at(name), at(`${name}-key`)] as const;
    await expectRun(["cp", at("localhost-key"), at("shared-key")]);
    await Deno.chmod(at("shared-key"), 0o640);
    const refused = /(?:refuse|end the connection after) the certificate of --data-cert/;
    for (
      const [what, pair, problem] of [
        ["a pair", pairOf("localhost"), undefined],
        ["none", undefined, /^they ask for a certificate, which --data-cert and --data-key name$/],
        ["one of another authority", pairOf("stranger"), refused],
        ["an expired one", pairOf("expired"), /refuse the certificate of --data-cert, which has expired/],
        ["another key", [at("localhost"), at("address-key")], /not that of the certificate of --data-cert/],
        [
          "no certificate",
          [at("none"), at("localhost-key")],
          /certificate in .*none\.pem: there is no such file/,
        ],
        ["no key", [at("localhost"), at("none")], /key in .*none\.pem: there is no such file/],
        ["a key that others read", [at("localhost"), at("shared-key")], /others than its owner/],
      ] as const
    ) {
      const access = { server: `nats://127.0.0.1:${server.port}`, caFile, ...pair && { pair } };
      // What a server refuses after the handshake is heard now so, now so.
      for (let times = problem === refused ? 5 : 1; times > 0; times--) {
        await using opened = openLog(access);
        if (problem === undefined) await opened.reached();
        else assert.match(await opened.problem(), problem, what);
        assert.ok(!opened.told.join("\n").includes("PRIVATE KEY"));
      }
    }
    await using unasked = openLog({ server: open.url, caFile, pair: pairOf("stranger") });
    await unasked.reached();

    // What is in the files is read before each connection.
    const files = [at("used"), at("used-key")] as const;
    const use = async (name: string) => {
      for (const [i, from] of pairOf(name).entries()) await Deno.copyFile(from, files[i] ?? "");
    };
    await use("stranger");
    await using rotated = openLog({ server: server.url, caFile, pair: files });
    assert.match(await rotated.problem(), refused);
    await use("localhost");
    await rotated.reached();
  },
);

labTest(
  "nats:// takes a server that asks for TLS itself by a certificate for where it is alone",
  NEEDS,
  async () => {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await createScratch("nats-asked-tls"));
    const { at, lines } = await certificates(folder);
    const connect = new URL("../../../lib/data/nats/connect.ts", import.meta.url);
    const failure = new URL("../../../lib/data/nats/nats_failure.ts", import.meta.url);
    const address = await startServer(stack, { folder, lines: lines("address") });
    const localhost = await startServer(stack, { folder, lines: lines("localhost") });
    const servers = [
      `127.0.0.1:${address.port}`,
      `localhost:${localhost.port}`,
      `127.0.0.1:${localhost.port}`,
    ];
    // Without --data-ca a program's own authorities count, which are given when it starts.
    const told = await expectRun([
      ...["env", `DENO_CERT=${at("authority")}`, Deno.execPath(), "eval"],
      `import { connectNats } from "${connect}";
       import { reasonOf } from "${failure}";
       for (const server of ${JSON.stringify(servers)}) {
         await connectNats({ servers: [server], isEncrypted: false }).then(
           async (connection) => { await connection.close(); console.log("reached"); },
           (error) => console.log(reasonOf(error)),
         );
       }`,
    ]);
    assert.deepEqual(told.trim().split("\n"), [
      "reached",
      "reached",
      "their certificate is for another name",
    ]);
  },
);

labTest(
  "credentials let in by password, token, nkey and file, and others are refused without telling them",
  NEEDS_NATS,
  async () => {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await createScratch("nats-access"));
    const operator = new NatsOperator();
    const user = nkeys.createUser();
    const seed = new TextDecoder().decode(user.getSeed());
    const servers = await Promise.all([
      ["authorization { user: weft, password: right-password }"],
      ["authorization { token: right-token }"],
      [`authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`],
      operator.lines(),
    ].map((lines) => startServer(stack, { folder, lines })));
    const [password, token, nkey, file] = servers.map(({ url }) => url);
    assert(password !== undefined && token !== undefined && nkey !== undefined && file !== undefined);
    const wrongSeed = new TextDecoder().decode(nkeys.createUser().getSeed());
    const damaged = new TextDecoder().decode(operator.credentials()).replace(
      /SU[A-Z2-7]{20}/,
      (text) => `${text}A`,
    );
    const refused = /refuse the credentials/;
    for (
      const [server, credentials, problem] of [
        [password, "weft:right-password\n", undefined],
        [password, "weft:wrong-password", refused],
        [password, undefined, refused],
        [password, "", /is empty/],
        [token, "right-token", undefined],
        [token, "wrong-token", refused],
        [nkey, seed, undefined],
        [nkey, `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`, undefined],
        [nkey, wrongSeed, refused],
        [file, operator.credentials(), undefined],
        [file, new NatsOperator().credentials(), refused],
        [file, operator.credentials(-60), /refuse the credentials|have expired/],
        [file, damaged, /is damaged/],
      ] as const
    ) {
      await using opened = openLog({ server, ...credentials !== undefined && { credentials } });
      if (problem === undefined) await opened.reached();
      else assert.match(await opened.problem(), problem, String(credentials));
      const told = opened.told.join("\n") + opened.log.reach.problem;
      for (const secret of ["-password", "-token", seed, wrongSeed, "SU"]) {
        assert(!told.includes(secret), told);
      }
    }
  },
);

labTest(
  "a log goes on when its server is back, and when what lets in has changed on both sides",
  NEEDS_NATS,
  async () => {
    await using stack = new AsyncDisposableStack();
    const { path: folder } = stack.use(await createScratch("nats-rotation"));
    const first = stack.use(
      new NatsProcess({ folder, lines: ["authorization { user: weft, password: one }"] }),
    );
    await first.start();
    const access: Access = { server: first.url, credentials: "weft:one" };
    await using opened = openLog(access);
    await opened.reached();
    const before = await opened.log.append("a", new Uint8Array([1]));
    await first.kill();
    assert.match(await opened.problem(), /do not answer/);
    const second = await startServer(stack, {
      folder,
      lines: ["authorization { user: weft, password: two }"],
    }, first.port);
    await waitFor(() => Promise.resolve(/refuse/.test(opened.log.reach.problem ?? "")), TELL_MS, {
      what: "it is refused",
    });
    access.credentials = "weft:two";
    await opened.reached();
    assert.equal(await opened.log.append("b", new Uint8Array([2])), before + 1);
    await second.kill();

    // A server ends the connection when what let in expires.
    const operator = new NatsOperator();
    const third = await startServer(stack, { folder, lines: operator.lines() });
    const passing: Access = { server: third.url, credentials: operator.credentials(3) };
    await using other = openLog(passing);
    await other.reached();
    assert.match(await other.problem(), /refuse the credentials|have expired/);
    passing.credentials = operator.credentials();
    await other.reached();
  },
);
